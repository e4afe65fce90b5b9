// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";
import {ContractSeller} from "../base/ContractSeller.sol";

contract OpenTest is EscrowTest {
    function test_Opens() public {
        bytes32 id = escrow.hashAgreement(a);
        bytes memory signature = _sellerSignature();
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Opened(id, buyer, seller, a.price);
        vm.prank(buyer);
        vm.assertEq(escrow.open(a, signature, 0, 0, 0, 0), id, "returns the id");
        _assertDeal(IServiceEscrow.Status.Funded, 0, 0);
        vm.assertEq(dollar.balanceOf(address(escrow)), a.price, "holds the price");
        vm.assertEq(dollar.balanceOf(buyer), FUNDS - a.price, "from the buyer");
    }

    function testFuzz_Opens(IServiceEscrow.Agreement memory any) public {
        any.price = uint96(_bound(any.price, 1, FUNDS));
        any.deliverBy = uint64(_bound(any.deliverBy, START, START + 1000 days));
        any.reviewSeconds = uint64(_bound(any.reviewSeconds, 0, 1000 days));
        any.rulingSeconds = uint64(_bound(any.rulingSeconds, 0, 1000 days));
        vm.assume(any.arbiter != address(0) && any.arbiter != buyer && any.arbiter != seller);
        (any.buyer, any.seller, any.token, any.bundle) = (buyer, seller, address(dollar), 0);
        a = any;
        _open();
        _assertDeal(IServiceEscrow.Status.Funded, 0, 0);
        vm.assertEq(dollar.balanceOf(address(escrow)), any.price, "holds the price");
    }

    function test_OpensInTheLastSecond() public {
        vm.warp(a.deliverBy);
        _open();
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_OpensWithTheLongestWindows() public {
        a.rulingSeconds = uint64(START + escrow.MAX_SECONDS() - a.deliverBy - a.reviewSeconds);
        _open();
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_OpensTwiceWithAnotherSalt() public {
        _open();
        a.salt = bytes32(uint256(2));
        _open();
        vm.assertEq(dollar.balanceOf(address(escrow)), 2 * uint256(a.price), "holds both prices");
    }

    function test_OpensWithAPermit() public {
        _withdrawApproval();
        (uint8 v, bytes32 r, bytes32 s) = _permit(BUYER_KEY, a.price, START + 60);
        bytes memory signature = _sellerSignature();
        vm.prank(buyer);
        escrow.open(a, signature, START + 60, v, r, s);
        _assertStatus(IServiceEscrow.Status.Funded);
        vm.assertEq(dollar.allowance(buyer, address(escrow)), 0, "the permit is for exactly the price");
    }

    function test_OpensAfterAnotherSubmittedThePermit() public {
        _withdrawApproval();
        (uint8 v, bytes32 r, bytes32 s) = _permit(BUYER_KEY, a.price, START + 60);
        bytes memory signature = _sellerSignature();
        vm.prank(stranger);
        dollar.permit(buyer, address(escrow), a.price, START + 60, v, r, s);
        vm.prank(buyer);
        escrow.open(a, signature, START + 60, v, r, s);
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_SubmitsNoPermitWhenVIsZero() public {
        (, bytes32 r, bytes32 s) = _permit(BUYER_KEY, a.price, START + 60);
        bytes memory signature = _sellerSignature();
        vm.expectCall(address(dollar), abi.encodePacked(dollar.permit.selector), 0);
        vm.prank(buyer);
        escrow.open(a, signature, START + 60, 0, r, s);
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_RevertWhen_ThePermitIsBadAndNothingIsApproved() public {
        _withdrawApproval();
        (uint8 v, bytes32 r, bytes32 s) = _permit(SELLER_KEY, a.price, START + 60);
        bytes memory signature = _sellerSignature();
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, a.price)
        );
        vm.prank(buyer);
        escrow.open(a, signature, START + 60, v, r, s);
    }

    function test_RevertWhen_ThereIsNoPermit() public {
        _withdrawApproval();
        (, bytes32 r, bytes32 s) = _permit(BUYER_KEY, a.price, START + 60);
        bytes memory signature = _sellerSignature();
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, a.price)
        );
        vm.prank(buyer);
        escrow.open(a, signature, START + 60, 0, r, s);
    }

    function test_RevertWhen_TheBuyerLacksMoney() public {
        a.price = uint96(FUNDS + 1);
        bytes memory signature = _sellerSignature();
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, FUNDS, FUNDS + 1)
        );
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        _assertStatus(IServiceEscrow.Status.None);
    }

    function testFuzz_RevertWhen_CallerIsNotTheBuyer(address caller) public {
        caller = _other(caller, buyer);
        bytes memory signature = _sellerSignature();
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_AlreadyOpen() public {
        bytes32 id = _open();
        bytes memory signature = _sellerSignature();
        _refuse(IServiceEscrow.Escrow_AlreadyOpen.selector, uint256(id));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_AlreadyOver() public {
        bytes32 id = _open();
        bytes memory signature = _sellerSignature();
        vm.prank(seller);
        escrow.refund(a);
        _refuse(IServiceEscrow.Escrow_AlreadyOpen.selector, uint256(id));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_DeliverByHasPassed() public {
        vm.warp(uint256(a.deliverBy) + 1);
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.deliverBy);
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
    }

    function test_RevertWhen_ThePriceIsZero() public {
        a.price = 0;
        _refuseOpening(IServiceEscrow.Flaw.ZeroPrice);
    }

    function test_RevertWhen_TheBuyerIsTheSeller() public {
        a.seller = buyer;
        _refuseOpening(IServiceEscrow.Flaw.SameParty);
    }

    function test_RevertWhen_TheArbiterIsZeroOrAParty() public {
        address[3] memory bad = [address(0), buyer, seller];
        for (uint256 i; i < bad.length; ++i) {
            a.arbiter = bad[i];
            _refuseOpening(IServiceEscrow.Flaw.BadArbiter);
        }
    }

    function testFuzz_RevertWhen_TheWindowsAreTooLong(uint64 deliverBy, uint64 reviewSeconds, uint64 rulingSeconds)
        public
    {
        deliverBy = uint64(_bound(deliverBy, START, type(uint64).max));
        vm.assume(uint256(deliverBy) + reviewSeconds + rulingSeconds > START + escrow.MAX_SECONDS());
        (a.deliverBy, a.reviewSeconds, a.rulingSeconds) = (deliverBy, reviewSeconds, rulingSeconds);
        _refuseOpening(IServiceEscrow.Flaw.TooLong);
    }

    function test_RevertWhen_TheWindowsAreOneSecondTooLong() public {
        a.rulingSeconds = uint64(START + escrow.MAX_SECONDS() - a.deliverBy - a.reviewSeconds + 1);
        _refuseOpening(IServiceEscrow.Flaw.TooLong);
    }

    function test_RevertWhen_AnotherSigned() public {
        _refuseSignature(_signature(BUYER_KEY, escrow.hashAgreement(a)));
    }

    function testFuzz_RevertWhen_AnotherAgreementWasSigned(uint96 price) public {
        vm.assume(price != a.price && price != 0);
        bytes memory signature = _sellerSignature();
        a.price = price;
        _refuseSignature(signature);
    }

    function testFuzz_RevertWhen_TheSignatureIsNoise(bytes memory noise) public {
        vm.assume(noise.length != 0);
        _refuseSignature(noise);
    }

    function test_RevertWhen_TheSignatureIsMalleated() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SELLER_KEY, escrow.hashAgreement(a));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        _refuseSignature(_pack(v == 27 ? 28 : 27, r, bytes32(order - uint256(s))));
    }

    function test_RevertWhen_TheSellerIsZero() public {
        a.seller = address(0);
        _refuseSignature(new bytes(65));
    }

    function test_OpensWithAContractAsTheSeller() public {
        a.seller = address(new ContractSeller(seller));
        bytes memory signature = _sellerSignature();
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        _assertStatus(IServiceEscrow.Status.Funded);
    }

    function test_RevertWhen_TheContractDoesNotAgree() public {
        a.seller = address(new ContractSeller(stranger));
        _refuseSignature(_sellerSignature());
    }

    function test_IsAnOfferWithoutASignature() public {
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
        _assertDeal(IServiceEscrow.Status.Offered, 0, 0);
        vm.assertEq(dollar.balanceOf(address(escrow)), a.price, "holds the price");
    }

    function test_RevertWhen_AnOfferComesAfterAcceptBy() public {
        vm.warp(uint256(a.acceptBy) + 1);
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.acceptBy);
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
    }

    function test_RevertWhen_AnOfferCouldBeAcceptedTooLate() public {
        a.acceptBy = a.deliverBy + 1;
        _refuseFlaw(IServiceEscrow.Flaw.AcceptAfterDelivery);
        vm.prank(buyer);
        escrow.open(a, "", 0, 0, 0, 0);
    }

    function test_RevertWhen_ItIsALegOfABundle() public {
        a.bundle = keccak256("a bundle");
        _refuseOpening(IServiceEscrow.Flaw.BadBundle);
    }

    function test_RevertWhen_DepositsArePaused() public {
        bytes memory signature = _sellerSignature();
        vm.prank(guardian);
        rules.pauseDeposits(true);
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_DepositsPaused.selector));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_TheTokenIsNotAllowed() public {
        bytes memory signature = _sellerSignature();
        rules.allowToken(address(dollar), false);
        _refuse(IMarketRules.Rules_TokenNotAllowed.selector, address(dollar));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RemembersTheFeeOfTheMoment() public {
        rules.setFee(250);
        bytes32 id = _open();
        rules.setFee(500);
        (,, uint16 fee,) = escrow.deals(id);
        vm.assertEq(fee, 250, "fee");
    }

    function test_RevertWhen_TheTokenHasNoCode() public {
        _use(address(0xDEAD));
        bytes memory signature = _sellerSignature();
        vm.expectRevert();
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function _withdrawApproval() private {
        vm.prank(buyer);
        dollar.approve(address(escrow), 0);
    }

    function _refuseOpening(IServiceEscrow.Flaw flaw) private {
        bytes memory signature = _sellerSignature();
        _refuseFlaw(flaw);
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function _refuseSignature(bytes memory signature) private {
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, a.seller);
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }
}
