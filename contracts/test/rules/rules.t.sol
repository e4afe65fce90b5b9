// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {MarketRules} from "../../src/MarketRules.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {Test} from "../base/Test.sol";

contract RulesTest is Test {
    address private constant GUARDIAN = address(0x6A4D);
    address private constant TOKEN = address(0x70CE);
    MarketRules private rules;

    function setUp() public {
        rules = new MarketRules(address(this), GUARDIAN, address(0x74EA), 100, 1_000, TOKEN);
    }

    function test_BeginsAsBuilt() public view {
        vm.assertEq(rules.checkDeposit(TOKEN), 100, "fee");
        vm.assertEq(rules.auditBasisPoints(), 1_000, "audit rate");
        vm.assertEq(rules.feeRecipient(), address(0x74EA), "recipient");
        vm.assertEq(rules.guardian(), GUARDIAN, "guardian");
        vm.assertEq(rules.owner(), address(this), "owner");
    }

    function testFuzz_TheOwnerSetsTheFeeUpToTheMaximum(uint256 fee) public {
        fee = _bound(fee, 0, 1_000);
        if (fee > 500) vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_TooHigh.selector, fee, 500));
        rules.setFee(fee);
        vm.assertEq(rules.feeBasisPoints(), fee > 500 ? 100 : fee, "fee");
    }

    function testFuzz_AnAuditRateIsAtMostAll(uint256 rate) public {
        rate = _bound(rate, 0, 20_000);
        if (rate > 10_000) vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_TooHigh.selector, rate, 10_000));
        rules.setAuditRate(rate);
        vm.assertEq(rules.auditBasisPoints(), rate > 10_000 ? 1_000 : rate, "rate");
    }

    function test_FeesHaveARecipient() public {
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_NoRecipient.selector));
        rules.setFeeRecipient(address(0));
        rules.setFeeRecipient(address(1));
        vm.assertEq(rules.feeRecipient(), address(1), "recipient");
    }

    function test_TokensComeAndGo() public {
        rules.allowToken(TOKEN, false);
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_TokenNotAllowed.selector, TOKEN));
        rules.checkDeposit(TOKEN);
    }

    function test_GuardianAndOwnerMayPause() public {
        vm.prank(GUARDIAN);
        rules.pauseDeposits(true);
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_DepositsPaused.selector));
        rules.checkDeposit(TOKEN);
        rules.pauseDeposits(false);
        rules.checkDeposit(TOKEN);
        rules.setGuardian(address(0));
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_NotGuardian.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        rules.pauseDeposits(true);
    }

    function testFuzz_RevertWhen_AStrangerSetsAnything(address caller) public {
        vm.assume(caller != address(this) && caller != GUARDIAN);
        bytes[6] memory calls = [
            abi.encodeCall(rules.setFee, (1)),
            abi.encodeCall(rules.setFeeRecipient, (caller)),
            abi.encodeCall(rules.setAuditRate, (1)),
            abi.encodeCall(rules.allowToken, (TOKEN, false)),
            abi.encodeCall(rules.setGuardian, (caller)),
            abi.encodeCall(rules.transferOwnership, (caller))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(caller);
            (bool ok, bytes memory answer) = address(rules).call(calls[i]);
            vm.assertTrue(!ok, "refused");
            bytes memory expected = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, caller);
            vm.assertEq(keccak256(answer), keccak256(expected), "as not the owner");
        }
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_NotGuardian.selector, caller));
        vm.prank(caller);
        rules.pauseDeposits(true);
    }

    function test_OwnershipMovesInTwoSteps() public {
        rules.transferOwnership(GUARDIAN);
        vm.assertEq(rules.owner(), address(this), "not yet");
        vm.prank(GUARDIAN);
        rules.acceptOwnership();
        vm.assertEq(rules.owner(), GUARDIAN, "now");
    }
}
