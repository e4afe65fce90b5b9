// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentRegistry} from "../../src/AgentRegistry.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// The escrow's deal, and its seller as a registered agent that may stake.
abstract contract RegistryTest is EscrowTest {
    uint256 internal constant STAKE = 100e6;
    uint256 internal constant WALLET_KEY = 0x3A11E7;

    AgentRegistry internal registry;
    address internal slasher = address(0x51A5);
    address internal wallet = vm.addr(WALLET_KEY);
    uint256 internal agent;

    function setUp() public virtual override {
        super.setUp();
        registry = new AgentRegistry(rules, escrow, address(dollar));
        registry.setSlasher(slasher);
        vm.prank(seller);
        agent = registry.register();
        vm.prank(buyer);
        dollar.transfer(seller, 10 * STAKE);
        vm.prank(seller);
        dollar.approve(address(registry), type(uint256).max);
    }

    function _stake(uint256 amount) internal {
        vm.prank(seller);
        registry.stake(agent, amount);
    }

    function _request(uint256 amount) internal {
        vm.prank(seller);
        registry.requestUnstake(agent, amount);
    }

    function _unstake() internal returns (uint256) {
        vm.prank(seller);
        return registry.unstake(agent, seller);
    }

    function _slash(bytes32 id, uint256 amount) internal returns (uint256) {
        vm.prank(slasher);
        return registry.slash(id, amount);
    }

    function _setWallet(address to, uint256 deadline, bytes memory signature) internal {
        vm.prank(seller);
        registry.setAgentWallet(agent, to, deadline, signature);
    }

    function _walletSignature(uint256 key, uint256 deadline) internal view returns (bytes memory) {
        bytes32 typehash = keccak256("AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("ERC8004IdentityRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 structHash = keccak256(abi.encode(typehash, agent, wallet, seller, deadline));
        return _signature(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
    }

    function _assertStake(uint256 amount, uint256 leaving, uint256 readyAt, uint256 disputes) internal view {
        (uint96 gotAmount, uint96 gotLeaving, uint40 gotReady, uint24 gotDisputes) = registry.stakes(agent);
        vm.assertEq(gotAmount, amount, "amount");
        vm.assertEq(gotLeaving, leaving, "leaving");
        vm.assertEq(gotReady, readyAt, "ready at");
        vm.assertEq(gotDisputes, disputes, "disputes");
    }
}
