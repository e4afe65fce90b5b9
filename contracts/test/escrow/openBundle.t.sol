// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {BundleTest} from "../base/BundleTest.sol";

contract OpenBundleTest is BundleTest {
    function test_FundsAllLegsTogether() public {
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.BundleOpened(escrow.bundleKey(buyer, WORD), buyer, 3, 60e6);
        vm.assertEq(_openBundle(1), escrow.bundleKey(buyer, WORD), "returns the key");
        _assertLeg(0, IServiceEscrow.Status.Funded);
        _assertLeg(1, IServiceEscrow.Status.Offered);
        _assertBundle(3, 1, false);
        vm.assertEq(dollar.balanceOf(address(escrow)), 60e6, "holds the sum");
    }

    function test_IsCompleteWhenAllHaveSigned() public {
        _openBundle(3);
        _deliverLeg(2);
        _assertLeg(2, IServiceEscrow.Status.Delivered);
    }

    function test_UsesAPermitForTheSum() public {
        vm.prank(buyer);
        dollar.approve(address(escrow), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(BUYER_KEY, 60e6, START + 60);
        bytes[] memory signatures = _signatures(3);
        IServiceEscrow.Agreement[] memory all = legs;
        vm.prank(buyer);
        escrow.openBundle(all, signatures, START + 60, v, r, s);
        vm.assertEq(dollar.allowance(buyer, address(escrow)), 0, "exactly the sum");
    }

    function test_RevertWhen_TheBuyerLacksTheSum() public {
        legs[2].price = uint96(FUNDS);
        bytes[] memory signatures = _signatures(3);
        IServiceEscrow.Agreement[] memory all = legs;
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, FUNDS, FUNDS + 30e6)
        );
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
        _assertLeg(0, IServiceEscrow.Status.None);
    }

    function test_RevertWhen_ALegIsBad() public {
        legs[1].price = 0;
        _refuseBundle(IServiceEscrow.Flaw.ZeroPrice);
    }

    function test_RevertWhen_ASignatureIsBad() public {
        bytes[] memory signatures = _signatures(3);
        signatures[1] = signatures[0];
        IServiceEscrow.Agreement[] memory all = legs;
        _refuse(IServiceEscrow.Escrow_NotSignedBy.selector, legs[1].seller);
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function test_RevertWhen_LegsDoNotBelongTogether() public {
        IServiceEscrow.Agreement memory kept = legs[1];
        legs[1].bundle = keccak256("another");
        _refuseBundle(IServiceEscrow.Flaw.BadBundle);
        legs[1] = kept;
        legs[1].token = address(1);
        _refuseBundle(IServiceEscrow.Flaw.BadBundle);
        legs[1] = kept;
        legs[1].acceptBy += 1;
        _refuseBundle(IServiceEscrow.Flaw.BadBundle);
    }

    function test_RevertWhen_TheWordIsZero() public {
        for (uint256 i; i < 3; ++i) {
            legs[i].bundle = 0;
        }
        _refuseBundle(IServiceEscrow.Flaw.BadBundle);
    }

    function test_RevertWhen_TheCountIsWrong() public {
        legs.pop();
        legs.pop();
        _refuseBundle(IServiceEscrow.Flaw.BadBundle);
        IServiceEscrow.Agreement[] memory many = new IServiceEscrow.Agreement[](escrow.MAX_LEGS() + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IServiceEscrow.Escrow_BadAgreement.selector, IServiceEscrow.Flaw.BadBundle)
        );
        escrow.openBundle(many, new bytes[](many.length), 0, 0, 0, 0);
    }

    function test_RevertWhen_SignaturesAreMissing() public {
        IServiceEscrow.Agreement[] memory all = legs;
        _refuseFlaw(IServiceEscrow.Flaw.BadBundle);
        vm.prank(buyer);
        escrow.openBundle(all, new bytes[](2), 0, 0, 0, 0);
    }

    function test_RevertWhen_AnotherCalls() public {
        IServiceEscrow.Agreement[] memory all = legs;
        bytes[] memory signatures = _signatures(3);
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, stranger);
        vm.prank(stranger);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function test_RevertWhen_AcceptByHasPassed() public {
        vm.warp(uint256(a.acceptBy) + 1);
        IServiceEscrow.Agreement[] memory all = legs;
        bytes[] memory signatures = _signatures(3);
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.acceptBy);
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function test_RevertWhen_TheWordWasUsed() public {
        bytes32 key = _openBundle(3);
        for (uint256 i; i < 3; ++i) {
            legs[i].salt = keccak256("other legs");
        }
        IServiceEscrow.Agreement[] memory all = legs;
        bytes[] memory signatures = _signatures(3);
        _refuse(IServiceEscrow.Escrow_AlreadyOpen.selector, uint256(key));
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function test_RevertWhen_ALegComesTwice() public {
        legs[1] = legs[0];
        keys[1] = keys[0];
        IServiceEscrow.Agreement[] memory all = legs;
        bytes[] memory signatures = _signatures(3);
        _refuse(IServiceEscrow.Escrow_AlreadyOpen.selector, uint256(escrow.hashAgreement(legs[0])));
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function _refuseBundle(IServiceEscrow.Flaw flaw) private {
        bytes[] memory signatures = _signatures(legs.length);
        IServiceEscrow.Agreement[] memory all = legs;
        _refuseFlaw(flaw);
        vm.prank(buyer);
        escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }
}
