// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";

/// What a transaction costs: each call is executed as one of its own, so the intrinsic gas, the call data, cold storage
/// and refunds are counted. `forge test -vv` prints the table.
/// forge-config: default.isolate = true
contract ChannelGasTest is ChannelTest {
    function test_WithinTargets() public {
        vm.prank(payer);
        dollar.transfer(receiver, 1);
        vm.prank(payer);
        dollar.transfer(address(channels), 1);
        _deposit(DEPOSIT);
        _report("channel_open", 90_000);
        _claim(1e6);
        _report("channel_claim_first", 70_000);
        channels.settle(receiver, address(dollar));
        _report("channel_settle_first", 60_000);
        _claim(2e6);
        _report("channel_claim", 52_000);
        channels.settle(receiver, address(dollar));
        _report("channel_settle", 48_000);
    }

    function test_TenAtOnce() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](10);
        for (uint128 round = 1; round <= 2; ++round) {
            for (uint256 i; i < 10; ++i) {
                c.salt = keccak256(abi.encode(i));
                if (round == 1) _deposit(DEPOSIT);
                claims[i] = _voucher(round * 1e6, round * 1e6, SIGNER_KEY);
            }
            vm.prank(receiver);
            channels.claim(claims);
        }
        _reportUsed("channel_claim_batched", vm.lastCallGas().gasTotalUsed / 10, 26_000);
    }

    function test_OtherCalls() public {
        vm.prank(payer);
        dollar.transfer(address(channels), 1);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(DEPOSIT, 7);
        channels.depositWithAuthorization(c, DEPOSIT, START - 1, START + 60, 7, v, r, s);
        _report("channel_open_with_authorization", 125_000);
        _deposit(DEPOSIT);
        _report("channel_top_up", 75_000);
        _initiate(DEPOSIT);
        _report("channel_initiate_withdraw", 60_000);
        vm.warp(START + DELAY);
        channels.finalizeWithdraw(c);
        _report("channel_finalize_withdraw", 60_000);
        vm.prank(receiver);
        channels.refund(c, 5);
        _report("channel_refund", 55_000);
    }

    function _report(string memory name, uint256 target) private view {
        _reportUsed(name, vm.lastCallGas().gasTotalUsed, target);
    }

    function _reportUsed(string memory name, uint256 used, uint256 target) private view {
        _print(string.concat("gas ", name, " ", vm.toString(used), " target ", vm.toString(target)));
        vm.assertLe(used, target, name);
    }
}
