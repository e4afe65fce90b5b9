// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract FinalizeWithdrawTest is ChannelTest {
    function setUp() public override {
        super.setUp();
        _deposit(DEPOSIT);
    }

    function testFuzz_PaysThePayerWithinTheWindow(uint128 amount, uint256 time) public {
        amount = uint128(_bound(amount, 1, DEPOSIT));
        _initiate(amount);
        vm.warp(_bound(time, START + DELAY, START + DELAY + 24 hours));
        bytes32 id = channels.getChannelId(c);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.Withdrawn(id, amount);
        vm.prank(stranger);
        channels.finalizeWithdraw(c);
        vm.assertEq(_balance(payer), FUNDS - DEPOSIT + amount, "back");
        _assertChannel(DEPOSIT - amount, 0);
        _assertNoPending();
    }

    function test_PaysWhatClaimsHaveLeft() public {
        _initiate(DEPOSIT);
        _claim(1);
        _initiate(DEPOSIT - 1);
        _claim(30e6);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        vm.assertEq(_balance(payer), FUNDS - 30e6, "the rest");
        _assertChannel(30e6, 30e6);
        channels.settle(receiver, address(dollar));
        vm.assertEq(_balance(receiver), 30e6, "and the claim is paid");
    }

    function test_EndsEvenWhenNothingIsLeft() public {
        _initiate(DEPOSIT);
        _claim(1);
        _initiate(DEPOSIT - 1);
        _claim(DEPOSIT);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        _assertNoPending();
        _assertChannel(DEPOSIT, DEPOSIT);
    }

    function test_LetsAClaimEndTheNextWithdrawal() public {
        _initiate(DEPOSIT);
        _claim(1);
        _initiate(1);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        _initiate(1);
        _claim(2);
        _assertPending(0, 0, true);
    }

    function test_RevertWhen_ItIsPaid() public {
        _initiate(1);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        channels.finalizeWithdraw(c);
    }

    function test_RevertWhen_NoneIsPending() public {
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        channels.finalizeWithdraw(c);
    }

    function testFuzz_RevertWhen_TooEarly(uint256 time) public {
        _initiate(DEPOSIT);
        vm.warp(_bound(time, START, START + DELAY - 1));
        _refuse(IPaymentChannels.Channels_TooEarly.selector, START + DELAY);
        channels.finalizeWithdraw(c);
    }

    function testFuzz_RevertWhen_TheWindowIsOver(uint256 time) public {
        _initiate(DEPOSIT);
        vm.warp(_bound(time, START + DELAY + 24 hours + 1, START + 1000 days));
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        channels.finalizeWithdraw(c);
    }

    /// The fault of the model: armed, matured, consumed, and then withdrawn ahead of the claim.
    function test_RevertWhen_AWithdrawalWasKeptInStock() public {
        _initiate(DEPOSIT);
        vm.warp(START + 30 days);
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(DEPOSIT, DEPOSIT, SIGNER_KEY);
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        vm.prank(payer);
        channels.finalizeWithdraw(c);
        vm.prank(receiver);
        channels.claim(claims);
        _assertChannel(DEPOSIT, DEPOSIT);
    }
}
