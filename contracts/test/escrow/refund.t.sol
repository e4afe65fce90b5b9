// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {BundleTest} from "../base/BundleTest.sol";

contract RefundTest is BundleTest {
    function testFuzz_PaysTheBuyerAfterDeliverBy(address caller, uint256 time) public {
        _open();
        vm.warp(_bound(time, uint256(a.deliverBy) + 1, START + 10_000 days));
        _expectSettled(0, a.price);
        vm.prank(caller);
        escrow.refund(a);
        _assertDeal(IServiceEscrow.Status.Refunded, 0, 0);
        _assertPaid(0, a.price);
    }

    function testFuzz_SellerGivesTheJobBack(uint256 time) public {
        _open();
        vm.warp(_bound(time, START, START + 10_000 days));
        _refundBySeller();
        _assertPaid(0, a.price);
    }

    function testFuzz_SellerGivesInWhenDelivered(uint256 time) public {
        _openAndDeliver();
        vm.warp(_bound(time, START, START + 10_000 days));
        _refundBySeller();
        _assertDeal(IServiceEscrow.Status.Refunded, START, RESULT);
        _assertPaid(0, a.price);
    }

    function testFuzz_SellerGivesInWhenDisputed(uint256 time) public {
        _openAndDispute();
        vm.warp(_bound(time, START, START + 10_000 days));
        _refundBySeller();
        _assertPaid(0, a.price);
    }

    function testFuzz_RevertWhen_DeliverByHasNotPassed(address caller, uint256 time) public {
        caller = _other(caller, seller);
        _open();
        vm.warp(_bound(time, START, a.deliverBy));
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, uint256(a.deliverBy) + 1);
        vm.prank(caller);
        escrow.refund(a);
    }

    function test_RevertWhen_TheLastSecondToDeliver() public {
        _open();
        vm.warp(a.deliverBy);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, uint256(a.deliverBy) + 1);
        escrow.refund(a);
    }

    function testFuzz_RevertWhen_DeliveredAndCallerIsNotTheSeller(address caller) public {
        caller = _other(caller, seller);
        _openAndDeliver();
        vm.warp(START + 10 days);
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.refund(a);
    }

    function testFuzz_RevertWhen_DisputedAndCallerIsNotTheSeller(address caller) public {
        caller = _other(caller, seller);
        _openAndDispute();
        vm.warp(START + 10 days);
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.refund(a);
    }

    function test_AnOfferEndsAfterAcceptBy() public {
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
        vm.warp(a.acceptBy);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, uint256(a.acceptBy) + 1);
        escrow.refund(a);
        vm.warp(uint256(a.acceptBy) + 1);
        escrow.refund(a);
        _assertPaid(0, a.price);
    }

    function test_TheSellerDeclinesAnOffer() public {
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
        _refundBySeller();
        _assertPaid(0, a.price);
    }

    function test_OneLegGivenBackRefundsTheBundle() public {
        _openBundle(2);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, uint256(a.acceptBy) + 1);
        escrow.refund(legs[0]);
        vm.prank(legs[2].seller);
        escrow.refund(legs[2]);
        _assertBundle(3, 2, true);
        escrow.refund(legs[0]);
        escrow.refund(legs[1]);
        vm.assertEq(dollar.balanceOf(buyer), FUNDS, "all of it");
    }

    function test_ABundleThatIsIncompleteAfterAcceptByIsRefunded() public {
        _openBundle(2);
        vm.warp(uint256(a.acceptBy) + 1);
        for (uint256 i; i < 3; ++i) {
            escrow.refund(legs[i]);
        }
        vm.assertEq(dollar.balanceOf(buyer), FUNDS, "all of it");
    }

    function test_ALegOfACompleteBundleEndsByItself() public {
        _openBundle(3);
        vm.prank(legs[0].seller);
        escrow.refund(legs[0]);
        _assertBundle(3, 3, false);
        _deliverLeg(1);
        _assertLeg(1, IServiceEscrow.Status.Delivered);
    }

    function test_AMilestoneAfterARefundedOneIsRefunded() public {
        legs[1].previous = escrow.hashAgreement(legs[0]);
        _openBundle(3);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, uint256(a.deliverBy) + 1);
        escrow.refund(legs[1]);
        vm.prank(legs[0].seller);
        escrow.refund(legs[0]);
        escrow.refund(legs[1]);
        _assertLeg(1, IServiceEscrow.Status.Refunded);
    }

    function test_GivesTheBondBack() public {
        a.bond = 5e6;
        _openAndDispute();
        vm.assertEq(dollar.balanceOf(address(escrow)), uint256(a.price) + a.bond, "price and bond");
        vm.prank(seller);
        escrow.refund(a);
        _assertPaid(0, a.price);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        vm.prank(seller);
        escrow.refund(a);
    }

    function test_RevertWhen_AlreadyRefunded() public {
        _open();
        _refundBySeller();
        _refuseStatus(IServiceEscrow.Status.Refunded);
        vm.prank(seller);
        escrow.refund(a);
    }

    function test_RevertWhen_AlreadySettled() public {
        _openAndDeliver();
        _release();
        _refuseStatus(IServiceEscrow.Status.Settled);
        vm.prank(seller);
        escrow.refund(a);
    }

    function _refundBySeller() private {
        _expectSettled(0, a.price);
        vm.prank(seller);
        escrow.refund(a);
        _assertStatus(IServiceEscrow.Status.Refunded);
    }
}
