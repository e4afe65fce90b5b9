// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract SettleTest is ChannelTest {
    function testFuzz_PaysWhatIsOwed(uint128 first, uint128 second) public {
        first = uint128(_bound(first, 1, DEPOSIT - 1));
        second = uint128(_bound(second, first + 1, DEPOSIT));
        _deposit(DEPOSIT);
        _claim(first);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.Settled(receiver, address(dollar), stranger, first);
        vm.prank(stranger);
        channels.settle(receiver, address(dollar));
        vm.assertEq(_balance(receiver), first, "paid");
        _claim(second);
        channels.settle(receiver, address(dollar));
        vm.assertEq(_balance(receiver), second, "paid the rest");
        _assertOwed(second, second);
        vm.assertEq(_balance(address(channels)), DEPOSIT - second, "the rest stays");
    }

    function test_PaysForAllChannelsOfTheToken() public {
        for (uint256 i; i < 3; ++i) {
            c.salt = bytes32(i);
            _deposit(DEPOSIT);
            _claim(uint128(i + 1));
        }
        channels.settle(receiver, address(dollar));
        vm.assertEq(_balance(receiver), 6, "paid");
    }

    function test_RevertWhen_NothingIsOwed() public {
        _deposit(DEPOSIT);
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        channels.settle(receiver, address(dollar));
    }

    function test_RevertWhen_SettledBefore() public {
        _deposit(DEPOSIT);
        _claim(5);
        channels.settle(receiver, address(dollar));
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        channels.settle(receiver, address(dollar));
    }
}
