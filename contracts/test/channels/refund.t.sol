// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract RefundTest is ChannelTest {
    function setUp() public override {
        super.setUp();
        _deposit(DEPOSIT);
    }

    function testFuzz_PaysThePayer(uint128 claimed, uint128 amount) public {
        claimed = uint128(_bound(claimed, 0, DEPOSIT - 1));
        amount = uint128(_bound(amount, 1, DEPOSIT - claimed));
        _claim(claimed);
        bytes32 id = channels.getChannelId(c);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.Refunded(id, amount);
        vm.prank(receiver);
        channels.refund(c, amount);
        _assertChannel(DEPOSIT - amount, claimed);
        vm.assertEq(_balance(payer), FUNDS - DEPOSIT + amount, "back");
    }

    function test_TheReceiversAuthorizerRefunds() public {
        vm.prank(authorizer);
        channels.refund(c, DEPOSIT);
        _assertChannel(0, 0);
    }

    function test_LeavesLessForAWithdrawal() public {
        _initiate(DEPOSIT);
        vm.prank(receiver);
        channels.refund(c, DEPOSIT - 1);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        vm.assertEq(_balance(payer), FUNDS, "once");
    }

    function test_RevertWhen_MoreThanIsUnclaimed() public {
        _claim(10);
        _refuse(IPaymentChannels.Channels_Overdrawn.selector, DEPOSIT - 9, DEPOSIT - 10);
        vm.prank(receiver);
        channels.refund(c, DEPOSIT - 9);
    }

    function test_RevertWhen_NothingIsRefunded() public {
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        vm.prank(receiver);
        channels.refund(c, 0);
    }

    function testFuzz_RevertWhen_CallerIsNotTheReceiver(uint256 who) public {
        address[3] memory others = [signer, payer, stranger];
        _refuse(IPaymentChannels.Channels_WrongParty.selector, others[who % 3]);
        vm.prank(others[who % 3]);
        channels.refund(c, 1);
    }
}
