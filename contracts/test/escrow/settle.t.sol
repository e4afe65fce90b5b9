// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {BundleTest} from "../base/BundleTest.sol";

contract SettleTest is BundleTest {
    function testFuzz_TheBuyerTakesTheSellersProposal(uint256 basisPoints) public {
        basisPoints = _bound(basisPoints, 0, 10_000);
        _open();
        uint256 toSeller = uint256(a.price) * basisPoints / 10_000;
        bytes memory signature = _proposal(SELLER_KEY, basisPoints, START + 60);
        _expectSettled(toSeller, a.price - toSeller);
        vm.prank(buyer);
        escrow.settle(a, basisPoints, START + 60, signature);
        _assertPaid(toSeller, a.price - toSeller);
    }

    function test_TheSellerTakesTheBuyersProposal() public {
        _openAndDeliver();
        bytes memory signature = _proposal(BUYER_KEY, 7_000, START + 60);
        vm.prank(seller);
        escrow.settle(a, 7_000, START + 60, signature);
        _assertStatus(IServiceEscrow.Status.Settled);
    }

    function test_EndsADispute() public {
        _openAndDispute();
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
        _assertPaid(a.price / 2, a.price - a.price / 2);
    }

    function testFuzz_RevertWhen_AStrangerCalls(address caller) public {
        vm.assume(caller != buyer && caller != seller);
        _open();
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.settle(a, 5_000, START, signature);
    }

    function test_RevertWhen_TheCallerSignedItself() public {
        _open();
        bytes memory signature = _proposal(BUYER_KEY, 0, START);
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        vm.prank(buyer);
        escrow.settle(a, 0, START, signature);
    }

    function testFuzz_RevertWhen_AnotherDivisionWasSigned(uint256 basisPoints) public {
        basisPoints = _bound(basisPoints, 0, 10_000);
        vm.assume(basisPoints != 5_000);
        _open();
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        vm.prank(buyer);
        escrow.settle(a, basisPoints, START, signature);
    }

    function test_RevertWhen_AnotherDealWasMeant() public {
        _open();
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        a.salt = keccak256("another");
        _open();
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
    }

    function test_RevertWhen_TheAgreementsSignatureIsUsed() public {
        _open();
        bytes memory signature = _sellerSignature();
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        vm.prank(buyer);
        escrow.settle(a, 0, START, signature);
    }

    function test_RevertWhen_TheProposalIsStale() public {
        _open();
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        vm.warp(START + 1);
        _refuse(IServiceEscrow.Escrow_TooLate.selector, START);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
    }

    function test_RevertWhen_MoreThanAll() public {
        _open();
        bytes memory signature = _proposal(SELLER_KEY, 10_001, START);
        _refuse(IServiceEscrow.Escrow_BadRuling.selector, 10_001);
        vm.prank(buyer);
        escrow.settle(a, 10_001, START, signature);
    }

    function test_RevertWhen_TheBundleIsIncomplete() public {
        _openBundle(1);
        a = legs[0];
        bytes memory signature = _proposal(SELLER_KEY, 10_000, START);
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_BundleIncomplete.selector, 1, 3));
        vm.prank(buyer);
        escrow.settle(a, 10_000, START, signature);
    }

    function test_RevertWhen_NotOpenOrOver() public {
        bytes memory signature = _proposal(SELLER_KEY, 5_000, START);
        _refuseStatus(IServiceEscrow.Status.None);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
        _refuseStatus(IServiceEscrow.Status.Offered);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
        vm.prank(seller);
        escrow.refund(a);
        _refuseStatus(IServiceEscrow.Status.Refunded);
        vm.prank(buyer);
        escrow.settle(a, 5_000, START, signature);
    }

    function _proposal(uint256 key, uint256 basisPoints, uint256 until) private view returns (bytes memory) {
        return _signature(key, escrow.hashSettlement(escrow.hashAgreement(a), basisPoints, until));
    }
}
