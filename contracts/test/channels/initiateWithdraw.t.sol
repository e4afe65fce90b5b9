// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract InitiateWithdrawTest is ChannelTest {
    function setUp() public override {
        super.setUp();
        _deposit(DEPOSIT);
    }

    function testFuzz_StartsTheDelay(uint128 amount) public {
        amount = uint128(_bound(amount, 1, DEPOSIT));
        bytes32 id = channels.getChannelId(c);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.WithdrawInitiated(id, amount, START + DELAY);
        _initiate(amount);
        _assertPending(amount, START, false);
        _assertChannel(DEPOSIT, 0);
    }

    function test_StartsItAnew() public {
        _initiate(DEPOSIT);
        vm.warp(START + DELAY);
        _initiate(1);
        _assertPending(1, START + DELAY, false);
        _refuse(IPaymentChannels.Channels_TooEarly.selector, START + 2 * uint256(DELAY));
        channels.finalizeWithdraw(c);
    }

    function test_RevertWhen_MoreThanIsUnclaimed() public {
        _claim(10);
        _refuse(IPaymentChannels.Channels_Overdrawn.selector, DEPOSIT - 9, DEPOSIT - 10);
        _initiate(DEPOSIT - 9);
    }

    function test_RevertWhen_NothingIsWithdrawn() public {
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        _initiate(0);
    }

    function testFuzz_RevertWhen_CallerIsNotThePayer(uint256 who) public {
        address[4] memory others = [signer, receiver, authorizer, stranger];
        _refuse(IPaymentChannels.Channels_WrongParty.selector, others[who % 4]);
        vm.prank(others[who % 4]);
        channels.initiateWithdraw(c, 1);
    }
}
