// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract CancelWithdrawTest is ChannelTest {
    function setUp() public override {
        super.setUp();
        _deposit(DEPOSIT);
    }

    function test_EndsTheWithdrawal() public {
        _initiate(DEPOSIT);
        bytes32 id = channels.getChannelId(c);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.WithdrawCancelled(id);
        _cancel();
        _assertNoPending();
        vm.warp(START + DELAY);
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        channels.finalizeWithdraw(c);
    }

    function test_RevertWhen_NoneIsPending() public {
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        _cancel();
    }

    function test_RevertWhen_ItIsVoid() public {
        _initiate(DEPOSIT);
        vm.warp(START + DELAY + 24 hours + 1);
        _refuse(IPaymentChannels.Channels_NoWithdrawal.selector);
        _cancel();
    }

    function testFuzz_RevertWhen_CallerIsNotThePayer(uint256 who) public {
        _initiate(DEPOSIT);
        address[4] memory others = [signer, receiver, authorizer, stranger];
        _refuse(IPaymentChannels.Channels_WrongParty.selector, others[who % 4]);
        vm.prank(others[who % 4]);
        channels.cancelWithdraw(c);
    }
}
