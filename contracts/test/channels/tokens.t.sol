// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";
import {FeeToken} from "../tokens/FeeToken.sol";
import {BlockingToken, FalseToken, NoReturnToken, SilentToken} from "../tokens/OddToken.sol";

contract ChannelTokensTest is ChannelTest {
    function test_NoReturnValueIsFine() public {
        _use(address(new NoReturnToken(payer, FUNDS)));
        _deposit(DEPOSIT);
        _claim(40);
        channels.settle(receiver, c.token);
        vm.prank(receiver);
        channels.refund(c, DEPOSIT - 40);
        vm.assertEq(_balance(receiver), 40, "claimed");
        vm.assertEq(_balance(payer), FUNDS - 40, "refunded");
    }

    function test_AFeeCountsAgainstThePayer() public {
        FeeToken token = new FeeToken(payer, FUNDS);
        _use(address(token));
        vm.prank(payer);
        token.approve(address(channels), FUNDS);
        _deposit(DEPOSIT);
        _assertChannel(DEPOSIT - 1, 0);
        _refuse(IPaymentChannels.Channels_Overdrawn.selector, DEPOSIT, DEPOSIT - 1);
        this.claim(DEPOSIT);
    }

    function test_ADonationIsNobodysDeposit() public {
        vm.prank(payer);
        dollar.transfer(address(channels), 50);
        _deposit(DEPOSIT);
        _assertChannel(DEPOSIT, 0);
    }

    function test_RevertWhen_TheMarketDoesNotAllowTheToken() public {
        c.token = address(new NoReturnToken(payer, FUNDS));
        _refuse(IMarketRules.Rules_TokenNotAllowed.selector, c.token);
        _deposit(DEPOSIT);
        _refuse(IMarketRules.Rules_TokenNotAllowed.selector, c.token);
        channels.depositWithAuthorization(c, 1, 0, type(uint256).max, 0, 27, 0, 0);
    }

    function test_OnlyDepositsStopWhenTheMarketSaysSo() public {
        _deposit(DEPOSIT);
        rules.pauseDeposits(true);
        rules.allowToken(c.token, false);
        _refuse(IMarketRules.Rules_DepositsPaused.selector);
        _deposit(1);
        _claim(10);
        channels.settle(receiver, c.token);
        vm.prank(receiver);
        channels.refund(c, 10);
        _initiate(DEPOSIT - 20);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        vm.assertEq(_balance(address(channels)), 0, "all is out");
    }

    function test_RevertWhen_TheTokenOnlyPretends() public {
        _use(address(new SilentToken()));
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        _deposit(DEPOSIT);
    }

    function test_RevertWhen_TheTokenReturnsFalse() public {
        FalseToken token = new FalseToken(payer, FUNDS);
        _use(address(token));
        _deposit(DEPOSIT);
        _claim(5);
        token.refuse(true);
        _refuse(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        channels.settle(receiver, c.token);
        _assertOwed(5, 0);
    }

    function test_RevertWhen_AChannelHoldsTooMuch() public {
        _use(address(new NoReturnToken(payer, type(uint256).max)));
        _deposit(type(uint96).max);
        _refuse(IPaymentChannels.Channels_TooMuch.selector, uint256(type(uint96).max) + 1);
        _deposit(1);
    }

    function test_ABlockedPayerHarmsNobodyElse() public {
        BlockingToken token = new BlockingToken(payer, FUNDS);
        _use(address(token));
        _deposit(DEPOSIT);
        token.setBlocked(payer, true);
        _claim(5);
        channels.settle(receiver, c.token);
        _initiate(10);
        vm.warp(START + DELAY);
        _refuse(BlockingToken.Blocked.selector, payer);
        channels.finalizeWithdraw(c);
        token.setBlocked(payer, false);
        channels.finalizeWithdraw(c);
        vm.assertEq(_balance(payer), FUNDS - DEPOSIT + 10, "once the token relents");
    }

    function test_ABlockedReceiverIsPaidLater() public {
        BlockingToken token = new BlockingToken(payer, FUNDS);
        _use(address(token));
        _deposit(DEPOSIT);
        token.setBlocked(receiver, true);
        _claim(5);
        _refuse(BlockingToken.Blocked.selector, receiver);
        channels.settle(receiver, c.token);
        _initiate(DEPOSIT - 5);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        token.setBlocked(receiver, false);
        channels.settle(receiver, c.token);
        vm.assertEq(_balance(receiver), 5, "once the token relents");
    }

    function claim(uint128 total) external {
        _claim(total);
    }
}
