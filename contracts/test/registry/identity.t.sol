// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentRegistry} from "../../src/interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "../../src/interfaces/IERC8004Identity.sol";
import {RegistryTest} from "../base/RegistryTest.sol";

contract IdentityTest is RegistryTest {
    function test_RegistersTheCallersAgent() public {
        vm.expectEmit(address(registry));
        emit IERC8004Identity.Registered(2, "", stranger);
        vm.expectEmit(address(registry));
        emit IERC8004Identity.MetadataSet(2, "agentWallet", "agentWallet", abi.encodePacked(stranger));
        vm.prank(stranger);
        uint256 id = registry.register();
        vm.assertEq(registry.ownerOf(id), stranger, "owner");
        vm.assertEq(registry.getAgentWallet(id), stranger, "wallet");
        _assertMetadata(id, "agentWallet", abi.encodePacked(stranger));
        vm.assertTrue(registry.isAuthorizedOrOwner(stranger, id), "authorized");
        vm.assertTrue(!registry.isAuthorizedOrOwner(seller, id), "nobody else");
    }

    function test_RegistersWithAFile() public {
        vm.expectEmit(address(registry));
        emit IERC8004Identity.Registered(2, "ipfs://file", address(this));
        uint256 id = registry.register("ipfs://file");
        vm.assertEq(registry.tokenURI(id), "ipfs://file", "file");
    }

    function test_RegistersWithMetadata() public {
        IERC8004Identity.MetadataEntry[] memory entries = new IERC8004Identity.MetadataEntry[](2);
        entries[0] = IERC8004Identity.MetadataEntry("name", "Ada");
        entries[1] = IERC8004Identity.MetadataEntry("kind", "");
        vm.expectEmit(address(registry));
        emit IERC8004Identity.MetadataSet(2, "name", "name", "Ada");
        uint256 id = registry.register("ipfs://file", entries);
        _assertMetadata(id, "name", "Ada");
        vm.assertEq(registry.tokenURI(id), "ipfs://file", "file");
    }

    function test_RevertWhen_RegisteredWithTheReservedKey() public {
        IERC8004Identity.MetadataEntry[] memory entries = new IERC8004Identity.MetadataEntry[](1);
        entries[0] = IERC8004Identity.MetadataEntry("agentWallet", abi.encodePacked(buyer));
        _refuse(IAgentRegistry.Registry_ReservedKey.selector);
        registry.register("", entries);
    }

    function test_IdsRunFromOne() public {
        vm.assertEq(agent, 1, "first");
        vm.assertEq(registry.register(), 2, "second");
        vm.assertEq(registry.agents(), 2, "count");
    }

    function test_OwnerAndOperatorWrite() public {
        vm.prank(seller);
        registry.setApprovalForAll(stranger, true);
        address[2] memory writers = [seller, stranger];
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(registry));
            emit IERC8004Identity.URIUpdated(agent, "https://x", writers[i]);
            vm.prank(writers[i]);
            registry.setAgentURI(agent, "https://x");
            vm.prank(writers[i]);
            registry.setMetadata(agent, "who", abi.encodePacked(writers[i]));
            _assertMetadata(agent, "who", abi.encodePacked(writers[i]));
        }
        vm.assertEq(registry.tokenURI(agent), "https://x", "file");
    }

    function testFuzz_RevertWhen_AStrangerWrites(address caller) public {
        caller = _other(caller, seller);
        bytes memory refusal = abi.encodeWithSelector(IAgentRegistry.Registry_NotAuthorized.selector, caller, agent);
        bytes[4] memory calls = [
            abi.encodeCall(registry.setAgentURI, (agent, "x")),
            abi.encodeCall(registry.setMetadata, (agent, "k", "v")),
            abi.encodeCall(registry.setAgentWallet, (agent, caller, START, "")),
            abi.encodeCall(registry.unsetAgentWallet, (agent))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(caller);
            (bool ok, bytes memory answer) = address(registry).call(calls[i]);
            vm.assertTrue(!ok && keccak256(answer) == keccak256(refusal), "refused");
        }
    }

    function test_RevertWhen_TheReservedKeyIsWritten() public {
        _refuse(IAgentRegistry.Registry_ReservedKey.selector);
        vm.prank(seller);
        registry.setMetadata(agent, "agentWallet", abi.encodePacked(buyer));
    }

    function test_SetsTheWalletThatSigned() public {
        bytes memory signature = _walletSignature(WALLET_KEY, START + 60);
        vm.expectEmit(address(registry));
        emit IERC8004Identity.MetadataSet(agent, "agentWallet", "agentWallet", abi.encodePacked(wallet));
        _setWallet(wallet, START + 60, signature);
        vm.assertEq(registry.getAgentWallet(agent), wallet, "wallet");
        _assertMetadata(agent, "agentWallet", abi.encodePacked(wallet));
    }

    function test_RevertWhen_AnotherSignedForTheWallet() public {
        bytes memory signature = _walletSignature(SELLER_KEY, START + 60);
        _refuse(IAgentRegistry.Registry_NotSignedBy.selector, wallet);
        _setWallet(wallet, START + 60, signature);
    }

    function test_RevertWhen_TheDeadlinePassed() public {
        bytes memory signature = _walletSignature(WALLET_KEY, START - 1);
        _refuse(IAgentRegistry.Registry_TooLate.selector, START - 1);
        _setWallet(wallet, START - 1, signature);
    }

    function test_RevertWhen_TheDeadlineIsFar() public {
        bytes memory signature = _walletSignature(WALLET_KEY, START + 301);
        _refuse(IAgentRegistry.Registry_DeadlineTooFar.selector, START + 300);
        _setWallet(wallet, START + 301, signature);
    }

    function test_RevertWhen_TheWalletIsZero() public {
        _refuse(IAgentRegistry.Registry_NoWallet.selector);
        _setWallet(address(0), START + 60, "");
    }

    function test_UnsetsTheWallet() public {
        vm.prank(seller);
        registry.unsetAgentWallet(agent);
        vm.assertEq(registry.getAgentWallet(agent), address(0), "wallet");
        _assertMetadata(agent, "agentWallet", "");
    }

    function test_ATransferClearsTheWallet() public {
        vm.expectEmit(address(registry));
        emit IERC8004Identity.MetadataSet(agent, "agentWallet", "agentWallet", "");
        vm.prank(seller);
        registry.transferFrom(seller, buyer, agent);
        vm.assertEq(registry.getAgentWallet(agent), address(0), "wallet");
        vm.assertTrue(registry.answersFor(agent, buyer) && !registry.answersFor(agent, seller), "answers");
    }

    function test_RevertWhen_TransferredWithStake() public {
        _stake(1);
        _refuse(IAgentRegistry.Registry_HasStake.selector, agent);
        vm.prank(seller);
        registry.transferFrom(seller, buyer, agent);
    }

    function _assertMetadata(uint256 id, string memory key, bytes memory value) private view {
        vm.assertEq(keccak256(registry.getMetadata(id, key)), keccak256(value), key);
    }
}
