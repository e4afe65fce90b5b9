// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITestDollar} from "../../src/interfaces/ITestDollar.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

contract DepositWithAuthorizationTest is ChannelTest {
    function test_AnyoneDepositsThePayersMoney() public {
        (uint8 v, bytes32 r, bytes32 s) = _authorization(DEPOSIT, 7);
        vm.prank(stranger);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, v, r, s);
        _assertChannel(DEPOSIT, 0);
        vm.assertEq(_balance(payer), FUNDS - DEPOSIT, "the payer's money");
    }

    function test_EndsAWithdrawal() public {
        _deposit(DEPOSIT);
        _initiate(DEPOSIT);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(1, 7);
        channels.depositWithAuthorization(c, 1, START - 1, START + 60, 7, v, r, s);
        _assertNoPending();
    }

    function test_RevertWhen_UsedTwice() public {
        (uint8 v, bytes32 r, bytes32 s) = _authorization(DEPOSIT, 7);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, v, r, s);
        vm.expectRevert();
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, v, r, s);
        _assertChannel(DEPOSIT, 0);
    }

    function test_RevertWhen_ItIsForAnotherChannel() public {
        (uint8 v, bytes32 r, bytes32 s) = _authorization(DEPOSIT, 7);
        c.receiver = stranger;
        _refuse(ITestDollar.TestDollar_NotSignedBy.selector, payer);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, v, r, s);
    }

    function test_RevertWhen_TheSaltIsAnother() public {
        (uint8 v, bytes32 r, bytes32 s) = _authorization(DEPOSIT, 7);
        _refuse(ITestDollar.TestDollar_NotSignedBy.selector, payer);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 8, v, r, s);
    }

    function test_RevertWhen_TheConfigIsBad() public {
        c.withdrawDelay = 0;
        _refuseFlaw(IPaymentChannels.Flaw.BadDelay);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, 27, 0, 0);
    }

    function test_RevertWhen_NothingIsDeposited() public {
        _refuse(IPaymentChannels.Channels_ZeroAmount.selector);
        channels.depositWithAuthorization(c, 0, START - 1, START + 60, 7, 27, 0, 0);
    }
}
