// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract DepositTest is ChannelTest {
    function test_OpensAChannel() public {
        bytes32 id = channels.getChannelId(c);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.Deposited(id, payer, receiver, DEPOSIT, DEPOSIT);
        _deposit(DEPOSIT);
        _assertChannel(DEPOSIT, 0);
        _assertNoPending();
        vm.assertEq(_balance(address(channels)), DEPOSIT, "the money is here");
    }

    function testFuzz_AddsUp(uint128 first, uint128 second) public {
        first = uint128(_bound(first, 1, FUNDS / 2));
        second = uint128(_bound(second, 1, FUNDS / 2));
        _deposit(first);
        _deposit(second);
        _assertChannel(uint256(first) + second, 0);
        vm.assertEq(_balance(payer), FUNDS - first - second, "taken from the payer");
    }

    function test_EndsAWithdrawal() public {
        _deposit(DEPOSIT);
        _initiate(DEPOSIT);
        _deposit(1);
        _assertNoPending();
    }

    function test_LetsAClaimEndTheNextWithdrawal() public {
        _deposit(DEPOSIT);
        _initiate(DEPOSIT);
        _claim(1);
        _assertPending(0, 0, true);
        _deposit(1);
        _assertNoPending();
        _initiate(1);
        _claim(2);
        _assertPending(0, 0, true);
    }

    function test_AnotherSaltIsAnotherChannel() public {
        _deposit(DEPOSIT);
        c.salt = bytes32(uint256(1));
        _assertChannel(0, 0);
        _deposit(1);
        _assertChannel(1, 0);
    }

    function test_TakesAPermitOfExactlyTheAmount() public {
        vm.prank(payer);
        dollar.approve(address(channels), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(DEPOSIT, START);
        vm.prank(payer);
        channels.deposit(c, DEPOSIT, START, v, r, s);
        _assertChannel(DEPOSIT, 0);
        vm.assertEq(dollar.allowance(payer, address(channels)), 0, "nothing may be taken any more");
    }

    function test_IgnoresAPermitThatWasUsedByAnother() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(DEPOSIT, START);
        dollar.permit(payer, address(channels), DEPOSIT, START, v, r, s);
        vm.prank(payer);
        channels.deposit(c, DEPOSIT, START, v, r, s);
        _assertChannel(DEPOSIT, 0);
    }

    function test_RevertWhen_ThePermitIsForLess() public {
        vm.prank(payer);
        dollar.approve(address(channels), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(DEPOSIT - 1, START);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(channels), 0, DEPOSIT
            )
        );
        vm.prank(payer);
        channels.deposit(c, DEPOSIT, START, v, r, s);
    }

    function testFuzz_RevertWhen_CallerIsNotThePayer(uint256 who) public {
        address[4] memory others = [signer, receiver, authorizer, stranger];
        _refuse(IPaymentChannels.Channels_WrongParty.selector, others[who % 4]);
        vm.prank(others[who % 4]);
        channels.deposit(c, DEPOSIT, 0, 0, 0, 0);
    }

    function test_RevertWhen_NobodyReceives() public {
        c.receiver = address(0);
        _refuseFlaw(IPaymentChannels.Flaw.NoReceiver);
        _deposit(DEPOSIT);
    }

    function test_RevertWhen_TheDelayIsTooShort() public {
        c.withdrawDelay = 15 minutes - 1;
        _refuseFlaw(IPaymentChannels.Flaw.BadDelay);
        _deposit(DEPOSIT);
        c.withdrawDelay = 15 minutes;
        _deposit(DEPOSIT);
    }

    function test_RevertWhen_TheDelayIsTooLong() public {
        c.withdrawDelay = 30 days + 1;
        _refuseFlaw(IPaymentChannels.Flaw.BadDelay);
        _deposit(DEPOSIT);
        c.withdrawDelay = 30 days;
        _deposit(DEPOSIT);
    }

    function test_RevertWhen_NothingIsDeposited() public {
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        _deposit(0);
    }
}
