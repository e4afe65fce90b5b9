// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReputation} from "../../src/interfaces/IReputation.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {ReputationTest} from "../base/ReputationTest.sol";

contract ReceiptsTest is ReputationTest {
    function test_ASettledDealGivesARight() public {
        _settled(buyer);
        bytes32 id = escrow.hashAgreement(a);
        vm.expectEmit(address(reputation));
        emit IReputation.ReceiptConsumed(id, agent, buyer);
        vm.prank(buyer);
        reputation.useReceipt(a, agent);
        vm.assertEq(reputation.rights(agent, buyer), 1, "a right");
        vm.assertTrue(reputation.used(id), "used");
    }

    function test_ARefundedDeliveryGivesARight() public {
        _openAndDispute();
        vm.prank(seller);
        escrow.refund(a);
        vm.prank(buyer);
        reputation.useReceipt(a, agent);
        vm.assertEq(reputation.rights(agent, buyer), 1, "a right");
    }

    function test_AWalletsDealGivesARight() public {
        _setWallet(wallet, START, _walletSignature(WALLET_KEY, START));
        a.seller = wallet;
        bytes memory signature = _signature(WALLET_KEY, escrow.hashAgreement(a));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        _deliver();
        _release();
        vm.prank(buyer);
        reputation.useReceipt(a, agent);
        vm.assertEq(reputation.rights(agent, buyer), 1, "a right");
    }

    function test_RevertWhen_TheReceiptWasUsed() public {
        bytes32 id = _receipt(buyer);
        vm.prank(seller);
        uint256 other = registry.register();
        uint256[2] memory agents = [agent, other];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_ReceiptUsed.selector, id));
            vm.prank(buyer);
            reputation.useReceipt(a, agents[i]);
        }
    }

    function testFuzz_RevertWhen_AnotherShowsIt(address caller) public {
        _settled(buyer);
        caller = _other(caller, buyer);
        _refuse(IReputation.Reputation_NotTheBuyer.selector, caller);
        vm.prank(caller);
        reputation.useReceipt(a, agent);
    }

    function test_RevertWhen_TheDealIsNotOver() public {
        _refuseReceipt(IServiceEscrow.Status.None);
        _openAndDeliver();
        _refuseReceipt(IServiceEscrow.Status.Delivered);
        _dispute();
        _refuseReceipt(IServiceEscrow.Status.Disputed);
    }

    function test_RevertWhen_NothingWasDelivered() public {
        _open();
        vm.prank(seller);
        escrow.refund(a);
        _refuseReceipt(IServiceEscrow.Status.Refunded);
    }

    function test_RevertWhen_TheSellerIsAnother() public {
        uint256 other = registry.register();
        _settled(buyer);
        vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_NotItsDeal.selector, other, seller));
        vm.prank(buyer);
        reputation.useReceipt(a, other);
    }

    function test_RevertWhen_TheBuyerIsAnOperator() public {
        vm.prank(seller);
        registry.setApprovalForAll(buyer, true);
        _settled(buyer);
        _refuse(IReputation.Reputation_OwnAgent.selector, buyer);
        vm.prank(buyer);
        reputation.useReceipt(a, agent);
    }

    function test_RevertWhen_TheBuyerIsTheOwner() public {
        _setWallet(wallet, START, _walletSignature(WALLET_KEY, START));
        (a.buyer, a.seller) = (seller, wallet);
        bytes memory signature = _signature(WALLET_KEY, escrow.hashAgreement(a));
        vm.prank(seller);
        dollar.approve(address(escrow), a.price);
        vm.prank(seller);
        escrow.open(a, signature, 0, 0, 0, 0);
        _deliver();
        _release();
        _refuse(IReputation.Reputation_OwnAgent.selector, seller);
        vm.prank(seller);
        reputation.useReceipt(a, agent);
    }

    function test_FeedbackUsesARight() public {
        _receipt(buyer);
        _receipt(buyer);
        _say(buyer, 1, 0, "", "");
        vm.assertEq(reputation.rights(agent, buyer), 1, "one left");
        _say(buyer, 1, 0, "", "");
        _refuse(IReputation.Reputation_NoReceipt.selector, buyer);
        _say(buyer, 1, 0, "", "");
    }

    function testFuzz_RevertWhen_ThereIsNoReceipt(address caller) public {
        _receipt(buyer);
        vm.assume(caller != buyer);
        _refuse(IReputation.Reputation_NoReceipt.selector, caller);
        _say(caller, 100, 0, "starred", "");
    }

    function test_AnApprovalSilencesNobody() public {
        _receipt(buyer);
        vm.prank(seller);
        registry.setApprovalForAll(buyer, true);
        _say(buyer, 0, 0, "starred", "");
        _assertSum("starred", 1, 0);
    }

    function _refuseReceipt(IServiceEscrow.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_WrongStatus.selector, status));
        vm.prank(buyer);
        reputation.useReceipt(a, agent);
    }
}
