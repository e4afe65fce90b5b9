// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {BundleTest} from "../base/BundleTest.sol";

contract AcceptTest is BundleTest {
    function testFuzz_TheSellerAccepts(uint256 time) public {
        bytes32 id = _offer();
        vm.warp(_bound(time, START, a.acceptBy));
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Accepted(id);
        vm.prank(seller);
        escrow.accept(a, "");
        _assertDeal(IServiceEscrow.Status.Funded, 0, 0);
    }

    function testFuzz_AnyoneBringsTheSellersSignature(address caller) public {
        _offer();
        bytes memory signature = _sellerSignature();
        vm.prank(caller);
        escrow.accept(a, signature);
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_CompletesABundle() public {
        _openBundle(0);
        _acceptLeg(0);
        _assertBundle(3, 1, false);
        _acceptLeg(1);
        _acceptLeg(2);
        _assertBundle(3, 3, false);
        _deliverLeg(0);
        _assertLeg(0, IServiceEscrow.Status.Delivered);
    }

    function testFuzz_RevertWhen_AcceptByHasPassed(uint256 time) public {
        _offer();
        vm.warp(_bound(time, uint256(a.acceptBy) + 1, START + 10_000 days));
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.acceptBy);
        vm.prank(seller);
        escrow.accept(a, "");
    }

    function testFuzz_RevertWhen_AnotherCallsWithoutASignature(address caller) public {
        caller = _other(caller, seller);
        _offer();
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        vm.prank(caller);
        escrow.accept(a, "");
    }

    function test_RevertWhen_TheSignatureIsAnothers() public {
        _offer();
        bytes memory signature = _signature(BUYER_KEY, escrow.hashAgreement(a));
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        escrow.accept(a, signature);
    }

    function test_RevertWhen_TheBundleIsBroken() public {
        _openBundle(0);
        vm.prank(legs[0].seller);
        escrow.refund(legs[0]);
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_BundleBroken.selector));
        vm.prank(legs[1].seller);
        escrow.accept(legs[1], "");
    }

    function test_RevertWhen_NotOffered() public {
        _refuseStatus(IServiceEscrow.Status.None);
        escrow.accept(a, "");
        _open();
        _refuseStatus(IServiceEscrow.Status.Funded);
        vm.prank(seller);
        escrow.accept(a, "");
    }

    function _offer() private returns (bytes32) {
        vm.prank(buyer);
        return escrow.open(a, "", 0, 0, 0, 0);
    }
}
