// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {BlockingToken, FalseToken, NoReturnToken, SilentToken} from "../tokens/OddToken.sol";

contract TokensTest is EscrowTest {
    function test_NoReturnValueIsFine() public {
        _use(address(new NoReturnToken(buyer, FUNDS)));
        _openAndDispute();
        vm.warp(START + 10 days);
        escrow.settleUnruled(a);
        _assertPaid(a.price / 2, a.price - a.price / 2);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken(buyer, FUNDS);
        _use(address(token));
        vm.prank(buyer);
        token.approve(address(escrow), FUNDS);
        bytes memory signature = _sellerSignature();
        vm.expectRevert(
            abi.encodeWithSelector(IServiceEscrow.Escrow_ShortTransfer.selector, a.price, a.price - 1)
        );
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_TheTokenOnlyPretends() public {
        _use(address(new SilentToken()));
        bytes memory signature = _sellerSignature();
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_ShortTransfer.selector, a.price, 0));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_TheTokenOnlyPretendsToKnowAuthorizations() public {
        _use(address(new SilentToken()));
        bytes memory signature = _sellerSignature();
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_ShortTransfer.selector, a.price, 0));
        escrow.openWithAuthorization(a, signature, 0, type(uint256).max, 27, 0, 0);
    }

    function test_RevertWhen_TheTokenReturnsFalseOnDeposit() public {
        FalseToken token = new FalseToken(buyer, FUNDS);
        _use(address(token));
        token.refuse(true);
        bytes memory signature = _sellerSignature();
        _refuse(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_WhatTheTokenRefusesIsOwed() public {
        FalseToken token = new FalseToken(buyer, FUNDS);
        _use(address(token));
        bytes32 id = _open();
        _deliver();
        token.refuse(true);
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Settled(id, a.price, 0, 0);
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Owed(address(token), seller, a.price);
        _release();
        _assertStatus(IServiceEscrow.Status.Settled);
        vm.assertEq(escrow.owed(address(token), seller), a.price, "owed");
        token.refuse(false);
        vm.prank(seller);
        escrow.withdraw(address(token), seller);
        _assertPaid(a.price, 0);
    }

    function test_ABlockedSellerDoesNotHoldUpTheBuyer() public {
        BlockingToken token = _blocking();
        token.setBlocked(seller, true);
        vm.warp(START + 10 days);
        escrow.settleUnruled(a);
        vm.assertEq(token.balanceOf(buyer), FUNDS - a.price / 2, "the buyer is paid");
        vm.assertEq(escrow.owed(address(token), seller), a.price / 2, "the seller is owed");
    }

    function test_ABlockedBuyerDoesNotHoldUpTheSeller() public {
        BlockingToken token = _blocking();
        token.setBlocked(buyer, true);
        vm.prank(arbiter);
        escrow.rule(a, 4_000);
        vm.assertEq(token.balanceOf(seller), uint256(a.price) * 4_000 / 10_000, "the seller is paid");
        vm.assertEq(escrow.owed(address(token), buyer), a.price - uint256(a.price) * 4_000 / 10_000, "owed");
    }

    function test_ABlockedTreasuryHoldsUpNobody() public {
        rules.setFee(100);
        BlockingToken token = _blocking();
        token.setBlocked(treasury, true);
        _release();
        vm.assertEq(escrow.owed(address(token), treasury), a.price / 100, "the fee is owed");
        vm.assertEq(token.balanceOf(seller), a.price - a.price / 100, "the seller is paid");
    }

    function _blocking() private returns (BlockingToken token) {
        token = new BlockingToken(buyer, FUNDS);
        _use(address(token));
        _openAndDispute();
    }
}
