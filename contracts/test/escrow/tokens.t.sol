// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {BlockingToken, FalseToken, NoReturnToken, SilentToken} from "../tokens/OddToken.sol";

contract TokensTest is EscrowTest {
    function test_NoReturnValueIsFine() public {
        a.token = address(new NoReturnToken(buyer, FUNDS));
        _openAndDispute();
        vm.warp(START + 10 days);
        escrow.settleUnruled(a);
        _assertPaid(a.price / 2, a.price - a.price / 2);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken(buyer, FUNDS);
        a.token = address(token);
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
        a.token = address(new SilentToken());
        bytes memory signature = _sellerSignature();
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_ShortTransfer.selector, a.price, 0));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_RevertWhen_TheTokenOnlyPretendsToKnowAuthorizations() public {
        a.token = address(new SilentToken());
        bytes memory signature = _sellerSignature();
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_ShortTransfer.selector, a.price, 0));
        escrow.openWithAuthorization(a, signature, 0, type(uint256).max, 27, 0, 0);
    }

    function test_RevertWhen_TheTokenReturnsFalseOnDeposit() public {
        FalseToken token = new FalseToken(buyer, FUNDS);
        a.token = address(token);
        token.refuse(true);
        bytes memory signature = _sellerSignature();
        _refuse(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
    }

    function test_AFailedPayoutLeavesTheDealAsItWas() public {
        FalseToken token = new FalseToken(buyer, FUNDS);
        a.token = address(token);
        _openAndDeliver();
        token.refuse(true);
        _refuse(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        _release();
        _assertDeal(IServiceEscrow.Status.Delivered, START, RESULT);
        token.refuse(false);
        _release();
        _assertPaid(a.price, 0);
    }

    function test_ABlockedSellerCanStillRefund() public {
        BlockingToken token = _blocking();
        token.setBlocked(seller, true);
        vm.warp(START + 10 days);
        _refuse(BlockingToken.Blocked.selector, seller);
        escrow.settleUnruled(a);
        vm.prank(seller);
        escrow.refund(a);
        _assertPaid(0, a.price);
    }

    function test_TheArbiterCanRuleAroundABlockedSeller() public {
        _blocking().setBlocked(seller, true);
        vm.prank(arbiter);
        escrow.rule(a, 0);
        _assertPaid(0, a.price);
    }

    function test_ABlockedBuyerCanStillRelease() public {
        BlockingToken token = _blocking();
        token.setBlocked(buyer, true);
        vm.warp(START + 10 days);
        _refuse(BlockingToken.Blocked.selector, buyer);
        escrow.settleUnruled(a);
        _release();
        _assertPaid(a.price, 0);
    }

    function test_TheArbiterCanRuleAroundABlockedBuyer() public {
        _blocking().setBlocked(buyer, true);
        vm.prank(arbiter);
        escrow.rule(a, 10_000);
        _assertPaid(a.price, 0);
    }

    function test_ABlockedPartyIsPaidOnceTheTokenRelents() public {
        BlockingToken token = _blocking();
        token.setBlocked(buyer, true);
        vm.warp(START + 10 days);
        _refuse(BlockingToken.Blocked.selector, buyer);
        escrow.settleUnruled(a);
        _assertStatus(IServiceEscrow.Status.Disputed);
        token.setBlocked(buyer, false);
        escrow.settleUnruled(a);
        _assertPaid(a.price / 2, a.price - a.price / 2);
    }

    function _blocking() private returns (BlockingToken token) {
        token = new BlockingToken(buyer, FUNDS);
        a.token = address(token);
        _openAndDispute();
    }
}
