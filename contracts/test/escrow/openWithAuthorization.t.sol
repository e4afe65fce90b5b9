// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITestDollar} from "../../src/interfaces/ITestDollar.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract OpenWithAuthorizationTest is EscrowTest {
    uint256 private constant AFTER = START - 1;
    uint256 private constant BEFORE = START + 600;

    function setUp() public override {
        super.setUp();
        vm.prank(buyer);
        dollar.approve(address(escrow), 0);
    }

    function testFuzz_OpensForAnyCaller(address caller) public {
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, id, a.price, AFTER, BEFORE);
        bytes memory signature = _sellerSignature();
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Opened(id, buyer, seller, a.price);
        vm.prank(caller);
        vm.assertEq(escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s), id, "returns the id");
        _assertDeal(IServiceEscrow.Status.Funded, 0, 0);
        vm.assertEq(dollar.balanceOf(address(escrow)), a.price, "holds the price");
        vm.assertEq(dollar.balanceOf(buyer), FUNDS - a.price, "from the buyer");
        vm.assertTrue(dollar.authorizationState(buyer, id), "the id is the nonce");
    }

    function test_RevertWhen_TheAuthorizationIsForAnotherDeal() public {
        (uint8 v, bytes32 r, bytes32 s) =
            _authorization(BUYER_KEY, escrow.hashAgreement(a), a.price, AFTER, BEFORE);
        a.salt = bytes32(uint256(2));
        _refuseAuthorization(v, r, s);
    }

    function testFuzz_RevertWhen_TheAuthorizationIsForAnotherAmount(uint256 value) public {
        vm.assume(value != a.price);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, escrow.hashAgreement(a), value, AFTER, BEFORE);
        _refuseAuthorization(v, r, s);
    }

    function test_RevertWhen_TheBuyerDidNotSign() public {
        (uint8 v, bytes32 r, bytes32 s) =
            _authorization(SELLER_KEY, escrow.hashAgreement(a), a.price, AFTER, BEFORE);
        _refuseAuthorization(v, r, s);
    }

    function test_RevertWhen_TheSellerDidNotSign() public {
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, id, a.price, AFTER, BEFORE);
        bytes memory signature = _signature(BUYER_KEY, id);
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, seller);
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
    }

    function test_RevertWhen_AlreadyOpen() public {
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, id, a.price, AFTER, BEFORE);
        bytes memory signature = _sellerSignature();
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
        _refuse(IServiceEscrow.Escrow_AlreadyOpen.selector, uint256(id));
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
    }

    function test_RevertWhen_TheBuyerCanceledTheAuthorization() public {
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, id, a.price, AFTER, BEFORE);
        bytes memory signature = _sellerSignature();
        bytes32 structHash = keccak256(abi.encode(dollar.CANCEL_AUTHORIZATION_TYPEHASH(), buyer, id));
        (uint8 cv, bytes32 cr, bytes32 cs) =
            vm.sign(BUYER_KEY, keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash)));
        dollar.cancelAuthorization(buyer, id, cv, cr, cs);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NonceUsed.selector, buyer, id));
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
    }

    function test_RevertWhen_TheAuthorizationHasExpired() public {
        (uint8 v, bytes32 r, bytes32 s) =
            _authorization(BUYER_KEY, escrow.hashAgreement(a), a.price, AFTER, BEFORE);
        bytes memory signature = _sellerSignature();
        vm.warp(BEFORE);
        _refuse(ITestDollar.TestDollar_TooLate.selector, BEFORE);
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
    }

    function test_RevertWhen_TheAgreementIsBad() public {
        a.price = 0;
        _refuseFlaw(IServiceEscrow.Flaw.ZeroPrice);
        escrow.openWithAuthorization(a, "", AFTER, BEFORE, 0, 0, 0);
    }

    function test_RevertWhen_DeliverByHasPassed() public {
        vm.warp(uint256(a.deliverBy) + 1);
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.deliverBy);
        escrow.openWithAuthorization(a, "", AFTER, BEFORE, 0, 0, 0);
    }

    function _refuseAuthorization(uint8 v, bytes32 r, bytes32 s) private {
        bytes memory signature = _sellerSignature();
        _refuse(ITestDollar.TestDollar_NotSignedBy.selector, buyer);
        escrow.openWithAuthorization(a, signature, AFTER, BEFORE, v, r, s);
    }
}
