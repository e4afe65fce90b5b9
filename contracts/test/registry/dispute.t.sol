// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentRegistry} from "../../src/interfaces/IAgentRegistry.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {RegistryTest} from "../base/RegistryTest.sol";

contract DisputeTest is RegistryTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _stake(STAKE);
        id = escrow.hashAgreement(a);
    }

    function test_FreezesTheSellersAgent() public {
        _openAndDispute();
        vm.expectEmit(address(registry));
        emit IAgentRegistry.Frozen(agent, id);
        registry.freeze(agent, a);
        _assertStake(STAKE, 0, 0, 1);
        vm.assertEq(registry.frozenBy(id), agent, "by the deal");
    }

    function test_FreezesForTheWallet() public {
        _setWallet(wallet, START, _walletSignature(WALLET_KEY, START));
        _disputeWithWallet();
        registry.freeze(agent, a);
        _assertStake(STAKE, 0, 0, 1);
    }

    function test_FreezesForALateWallet() public {
        _setWallet(wallet, START, _walletSignature(WALLET_KEY, START));
        vm.prank(seller);
        registry.unsetAgentWallet(agent);
        _disputeWithWallet();
        vm.warp(START + 30 days);
        registry.freeze(agent, a);
        _assertStake(STAKE, 0, 0, 1);
    }

    function test_RevertWhen_TheWalletWasGivenUpLongAgo() public {
        _setWallet(wallet, START, _walletSignature(WALLET_KEY, START));
        vm.prank(seller);
        registry.unsetAgentWallet(agent);
        _disputeWithWallet();
        vm.warp(START + 30 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_NotItsDeal.selector, agent, wallet));
        registry.freeze(agent, a);
    }

    function test_RevertWhen_TheDealIsAnothers() public {
        vm.prank(stranger);
        uint256 other = registry.register();
        _openAndDispute();
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_NotItsDeal.selector, other, seller));
        registry.freeze(other, a);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_NotItsDeal.selector, 77, seller));
        registry.freeze(77, a);
    }

    function test_RevertWhen_NothingIsDisputed() public {
        _refuseRegistryStatus(IServiceEscrow.Status.None);
        registry.freeze(agent, a);
        _openAndDeliver();
        _refuseRegistryStatus(IServiceEscrow.Status.Delivered);
        registry.freeze(agent, a);
        _release();
        _refuseRegistryStatus(IServiceEscrow.Status.Settled);
        registry.freeze(agent, a);
    }

    function test_RevertWhen_ShownTwice() public {
        _openAndDispute();
        registry.freeze(agent, a);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_FreezeUnchanged.selector, id));
        registry.freeze(agent, a);
    }

    function test_ALargerStakeTakesThePlaceOfASmaller() public {
        vm.prank(seller);
        uint256 decoy = registry.register();
        _openAndDispute();
        registry.freeze(decoy, a);
        vm.expectEmit(address(registry));
        emit IAgentRegistry.Thawed(decoy, id);
        vm.expectEmit(address(registry));
        emit IAgentRegistry.Frozen(agent, id);
        registry.freeze(agent, a);
        _assertStake(STAKE, 0, 0, 1);
        vm.assertEq(registry.frozenBy(id), agent, "the larger");
        (,,, uint24 disputes) = registry.stakes(decoy);
        vm.assertEq(disputes, 0, "the smaller is free");
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_FreezeUnchanged.selector, id));
        registry.freeze(decoy, a);
        _release();
        registry.thaw(id);
        _assertStake(STAKE, 0, 0, 0);
    }

    function test_RevertWhen_AnEqualStakeIsShown() public {
        vm.prank(seller);
        uint256 twin = registry.register();
        vm.prank(seller);
        registry.stake(twin, STAKE);
        _openAndDispute();
        registry.freeze(agent, a);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_FreezeUnchanged.selector, id));
        registry.freeze(twin, a);
    }

    function test_RevertWhen_LeavingWhileDisputed() public {
        a.rulingSeconds = 30 days;
        id = escrow.hashAgreement(a);
        _request(STAKE);
        _openAndDispute();
        registry.freeze(agent, a);
        vm.warp(START + 7 days);
        _refuse(IAgentRegistry.Registry_Frozen.selector, 1);
        _unstake();
    }

    function test_RevertWhen_TransferredWhileDisputed() public {
        _request(STAKE);
        vm.warp(START + 7 days);
        _unstake();
        a.deliverBy = uint64(START + 30 days);
        _openAndDispute();
        registry.freeze(agent, a);
        _refuse(IAgentRegistry.Registry_HasStake.selector, agent);
        vm.prank(seller);
        registry.transferFrom(seller, buyer, agent);
    }

    function test_ThawsWhenTheDisputeIsOver() public {
        _openAndDispute();
        registry.freeze(agent, a);
        _release();
        vm.expectEmit(address(registry));
        emit IAgentRegistry.Thawed(agent, id);
        vm.prank(stranger);
        registry.thaw(id);
        _assertStake(STAKE, 0, 0, 0);
    }

    function test_RevertWhen_ThawedTooEarly() public {
        _openAndDispute();
        registry.freeze(agent, a);
        _refuseRegistryStatus(IServiceEscrow.Status.Disputed);
        registry.thaw(id);
    }

    function test_RevertWhen_ThawedTwice() public {
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_FreezeUnchanged.selector, id));
        registry.thaw(id);
        _openAndDispute();
        registry.freeze(agent, a);
        _release();
        registry.thaw(id);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_FreezeUnchanged.selector, id));
        registry.thaw(id);
    }

    function test_AnExitIsNeverBlockedForEver() public {
        _openAndDispute();
        registry.freeze(agent, a);
        vm.warp(START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        registry.thaw(id);
        _request(STAKE);
        vm.warp(block.timestamp + 7 days);
        vm.assertEq(_unstake(), STAKE, "out");
    }

    function testFuzz_SlashesUpToAll(uint256 amount, uint256 leaving) public {
        amount = _bound(amount, 0, 2 * STAKE);
        leaving = _bound(leaving, 1, STAKE);
        _request(leaving);
        _openAndDispute();
        registry.freeze(agent, a);
        uint256 taken = amount < STAKE ? amount : STAKE;
        vm.assertEq(_slash(id, amount), taken, "taken");
        uint256 left = STAKE - taken;
        _assertStake(left, leaving < left ? leaving : left, START + 7 days, 0);
        vm.assertEq(registry.slashed(), taken, "for the market");
        vm.assertEq(registry.frozenBy(id), 0, "let go");
    }

    function test_CollectsForTheMarket() public {
        _openAndDispute();
        registry.freeze(agent, a);
        _slash(id, 7);
        vm.prank(stranger);
        vm.assertEq(registry.collect(), 7, "answer");
        vm.assertEq(dollar.balanceOf(treasury), 7, "paid");
        vm.assertEq(registry.collect(), 0, "once");
        vm.assertEq(dollar.balanceOf(address(registry)), STAKE - 7, "held");
    }

    function test_SlashesNothingWithoutAFreeze() public {
        _openAndDispute();
        vm.assertEq(_slash(id, STAKE), 0, "taken");
        _assertStake(STAKE, 0, 0, 0);
    }

    function testFuzz_RevertWhen_AStrangerSlashes(address caller) public {
        vm.assume(caller != slasher);
        _openAndDispute();
        registry.freeze(agent, a);
        _refuse(IAgentRegistry.Registry_NotSlasher.selector, caller);
        vm.prank(caller);
        registry.slash(id, 1);
    }

    function _disputeWithWallet() private {
        a.seller = wallet;
        a.rulingSeconds = 60 days;
        bytes memory signature = _signature(WALLET_KEY, escrow.hashAgreement(a));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        vm.prank(wallet);
        escrow.deliver(a, RESULT);
        _dispute();
    }

    function _refuseRegistryStatus(IServiceEscrow.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_WrongStatus.selector, status));
    }
}
