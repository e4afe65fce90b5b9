// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract RuleTest is EscrowTest {
    function testFuzz_DividesThePrice(uint96 price, uint256 basisPoints, uint256 time) public {
        a.price = uint96(_bound(price, 1, FUNDS));
        basisPoints = _bound(basisPoints, 0, 10_000);
        _openAndDispute();
        vm.warp(_bound(time, START, START + a.rulingSeconds));
        uint256 toSeller = uint256(a.price) * basisPoints / 10_000;
        _expectSettled(toSeller, a.price - toSeller);
        _rule(basisPoints);
        _assertDeal(
            toSeller == 0 ? IServiceEscrow.Status.Refunded : IServiceEscrow.Status.Settled, START, RESULT
        );
        _assertPaid(toSeller, a.price - toSeller);
    }

    function testFuzz_DividesTheBondAsThePrice(uint96 bond, uint256 basisPoints) public {
        a.bond = uint96(_bound(bond, 1, 100e6));
        basisPoints = _bound(basisPoints, 0, 10_000);
        _openAndDispute();
        _rule(basisPoints);
        uint256 toSeller =
            uint256(a.price) * basisPoints / 10_000 + uint256(a.bond) * basisPoints / 10_000;
        vm.assertEq(dollar.balanceOf(seller), toSeller, "to the seller");
        vm.assertEq(dollar.balanceOf(buyer), FUNDS - toSeller, "the rest to the buyer");
    }

    function testFuzz_TakesTheFeeFromTheSellersShareOfThePrice(uint256 fee, uint256 basisPoints) public {
        rules.setFee(_bound(fee, 0, 500));
        basisPoints = _bound(basisPoints, 0, 10_000);
        a.bond = 4e6;
        _openAndDispute();
        _rule(basisPoints);
        uint256 ofPrice = uint256(a.price) * basisPoints / 10_000;
        uint256 taken = ofPrice * _bound(fee, 0, 500) / 10_000;
        vm.assertEq(dollar.balanceOf(treasury), taken, "fee");
        vm.assertEq(dollar.balanceOf(seller), ofPrice + 4e6 * basisPoints / 10_000 - taken, "seller");
        vm.assertEq(dollar.balanceOf(address(escrow)), 0, "nothing stays");
    }

    function test_GivesAllToTheSeller() public {
        _openAndDispute();
        _rule(10_000);
        _assertStatus(IServiceEscrow.Status.Settled);
        _assertPaid(a.price, 0);
    }

    function test_GivesAllToTheBuyer() public {
        _openAndDispute();
        _rule(0);
        _assertStatus(IServiceEscrow.Status.Refunded);
        _assertPaid(0, a.price);
    }

    function test_GivesTheFractionToTheBuyer() public {
        a.price = 3;
        _openAndDispute();
        _rule(6_666);
        _assertPaid(1, 2);
    }

    function test_RulesInTheLastSecond() public {
        _openAndDispute();
        vm.warp(START + a.rulingSeconds);
        _rule(10_000);
        _assertPaid(a.price, 0);
    }

    function test_TheWindowRunsFromTheDispute() public {
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds);
        _dispute();
        vm.warp(START + a.reviewSeconds + a.rulingSeconds);
        _rule(10_000);
        _assertPaid(a.price, 0);
    }

    function testFuzz_RevertWhen_MoreThanAll(uint256 basisPoints) public {
        basisPoints = _bound(basisPoints, 10_001, type(uint256).max - 1);
        _openAndDispute();
        _refuse(IServiceEscrow.Escrow_BadRuling.selector, basisPoints);
        _rule(basisPoints);
    }

    function testFuzz_RevertWhen_TheWindowIsOver(uint256 time) public {
        _openAndDispute();
        vm.warp(_bound(time, START + a.rulingSeconds + 1, START + 10_000 days));
        _refuse(IServiceEscrow.Escrow_TooLate.selector, START + a.rulingSeconds);
        _rule(10_000);
    }

    function testFuzz_RevertWhen_CallerIsNotTheArbiter(address caller) public {
        caller = _other(caller, arbiter);
        _openAndDispute();
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.rule(a, 10_000);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        _rule(10_000);
    }

    function test_RevertWhen_NotDelivered() public {
        _open();
        _refuseStatus(IServiceEscrow.Status.Funded);
        _rule(0);
    }

    function test_RevertWhen_NotDisputed() public {
        _openAndDeliver();
        _refuseStatus(IServiceEscrow.Status.Delivered);
        _rule(0);
    }

    function test_RevertWhen_AlreadyRuled() public {
        _openAndDispute();
        _rule(5_000);
        _refuseStatus(IServiceEscrow.Status.Settled);
        _rule(5_000);
    }

    function _rule(uint256 basisPoints) private {
        vm.prank(arbiter);
        escrow.rule(a, basisPoints);
    }
}
