// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";
import {HookToken} from "../tokens/OddToken.sol";

/// Every function, called from inside every transfer.
contract ChannelReentrancyTest is ChannelTest {
    HookToken private token;

    function setUp() public override {
        super.setUp();
        token = new HookToken(payer, FUNDS);
        _use(address(token));
        _deposit(DEPOSIT);
        _claim(10);
    }

    function test_GuardsWhileDepositing() public {
        bytes[] memory calls = _guarded();
        for (uint256 i; i < calls.length; ++i) {
            token.prepare(address(channels), calls[i]);
            _deposit(1);
            _assertGuarded();
        }
        _assertChannel(DEPOSIT + calls.length, 10);
    }

    function test_GuardsWhileDepositingWithAuthorization() public {
        token.prepare(address(channels), _guarded()[2]);
        channels.depositWithAuthorization(c, 1, 0, type(uint256).max, 0, 27, 0, 0);
        _assertGuarded();
    }

    function test_SettlesOnceWhileSettling() public {
        token.prepare(address(channels), abi.encodeCall(channels.settle, (receiver, c.token)));
        channels.settle(receiver, c.token);
        vm.assertTrue(!token.succeeded(), "not twice");
        vm.assertEq(_balance(receiver), 10, "paid once");
    }

    function test_ASettlementInsideADepositCountsAgainstTheDeposit() public {
        token.prepare(address(channels), abi.encodeCall(channels.settle, (receiver, c.token)));
        _deposit(25);
        vm.assertTrue(token.succeeded(), "settled");
        _assertChannel(DEPOSIT + 15, 10);
        vm.assertEq(_balance(address(channels)), DEPOSIT + 15, "the owed 10 are gone, and so many are not counted");
    }

    function test_GuardsWhileRefunding() public {
        token.prepare(address(channels), _guarded()[2]);
        vm.prank(receiver);
        channels.refund(c, 5);
        _assertGuarded();
    }

    function test_GuardsWhileWithdrawing() public {
        _initiate(DEPOSIT - 10);
        vm.warp(START + DELAY);
        token.prepare(address(channels), _guarded()[3]);
        channels.finalizeWithdraw(c);
        _assertGuarded();
        vm.assertEq(_balance(payer), FUNDS - 10, "paid once");
    }

    // claim, initiateWithdraw and cancelWithdraw move no tokens and have no guard; settle accounts before it pays.

    function test_AClaimInsideADepositCountsOnce() public {
        c.receiver = address(token);
        _deposit(DEPOSIT);
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(DEPOSIT, DEPOSIT, SIGNER_KEY);
        token.prepare(address(channels), abi.encodeCall(channels.claim, (claims)));
        _deposit(1);
        vm.assertTrue(token.succeeded(), "claimed");
        _assertChannel(DEPOSIT + 1, DEPOSIT);
        _assertOwed(DEPOSIT, 0);
    }

    function test_AWithdrawalStartedInsideADepositIsOver() public {
        c.payer = address(token);
        token.mint(address(token), DEPOSIT);
        token.prepare(address(channels), abi.encodeCall(channels.deposit, (c, 5, 0, 0, 0, 0)));
        token.transfer(address(token), 0);
        token.prepare(address(channels), abi.encodeCall(channels.initiateWithdraw, (c, 5)));
        channels.depositWithAuthorization(c, 1, 0, type(uint256).max, 0, 27, 0, 0);
        vm.assertTrue(token.succeeded(), "started");
        _assertNoPending();
        _assertChannel(6, 0);
    }

    /// Every guarded call; the guard comes before all other checks.
    function _guarded() private view returns (bytes[] memory calls) {
        calls = new bytes[](4);
        calls[0] = abi.encodeCall(channels.deposit, (c, 1, 0, 0, 0, 0));
        calls[1] = abi.encodeCall(channels.depositWithAuthorization, (c, 1, 0, 0, 0, 0, 0, 0));
        calls[2] = abi.encodeCall(channels.refund, (c, 1));
        calls[3] = abi.encodeCall(channels.finalizeWithdraw, (c));
    }

    function _assertGuarded() private view {
        vm.assertEq(token.prepared().length, 0, "the prepared call was made");
        vm.assertTrue(!token.succeeded(), "and did not succeed");
        bytes memory expected = abi.encodeWithSelector(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        vm.assertEq(keccak256(token.answer()), keccak256(expected), "because of the guard");
    }
}
