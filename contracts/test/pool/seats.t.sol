// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {PoolTest} from "../base/PoolTest.sol";

contract SeatsTest is PoolTest {
    function test_RevertWhen_TheTermsAreBad() public {
        IValidatorPool.Terms[12] memory bad;
        for (uint256 i; i < bad.length; ++i) {
            bad[i] = _terms();
        }
        (bad[0].seatPrice, bad[1].seatPrice, bad[2].penalty, bad[3].penalty) = (0, 1 << 80, 0, SEAT + 1);
        (bad[4].fee, bad[5].jury, bad[6].jury, bad[7].jury) = (1 << 80, 4, 1, 17);
        (bad[8].quorum, bad[9].quorum, bad[10].commitSeconds, bad[11].revealSeconds) = (2, 6, 0, 0);
        for (uint256 i; i < bad.length; ++i) {
            _refuse(IValidatorPool.Pool_BadTerms.selector);
            new ValidatorPool(rules, escrow, registry, bad[i]);
        }
    }

    function testFuzz_SellsSeats(uint256 count) public {
        count = _bound(count, 1, 16);
        _fund(stranger, count * SEAT);
        vm.expectEmit(address(pool));
        emit IValidatorPool.Joined(stranger, 11, count);
        _join(stranger, count);
        vm.assertEq(pool.seatCount(), 10 + count, "seats");
        (address holder, uint80 stake,) = pool.seats(10 + count);
        vm.assertEq(holder, stranger, "holder");
        vm.assertEq(stake, SEAT, "stake");
        vm.assertEq(dollar.balanceOf(address(pool)), (10 + count) * SEAT, "held");
    }

    function test_RevertWhen_TheCountIsBad() public {
        _refuse(IValidatorPool.Pool_BadCount.selector, 0);
        pool.join(0);
        _refuse(IValidatorPool.Pool_BadCount.selector, 17);
        pool.join(17);
    }

    function test_RevertWhen_DepositsArePaused() public {
        rules.pauseDeposits(true);
        _refuse(IMarketRules.Rules_DepositsPaused.selector);
        pool.join(1);
    }

    function testFuzz_PaysInTheWindow(uint256 time, uint256 which) public {
        _openExits();
        vm.warp(block.timestamp + _bound(time, 0, 10 minutes));
        uint256[] memory given = new uint256[](2);
        which %= 4;
        (given[0], given[1]) = (1 + which, 1 + (which + 1) % 4);
        vm.prank(validators[0]);
        vm.assertEq(pool.giveUp(given, seller), 2 * SEAT, "answer");
        vm.assertEq(dollar.balanceOf(seller), 2 * SEAT, "paid");
        vm.assertEq(pool.seatCount(), 8, "seats");
        // The others can still leave: the list is whole.
        for (uint256 i = 1; i < 4; ++i) {
            uint256[] memory rest = new uint256[](holdings[i]);
            for (uint256 k; k < rest.length; ++k) {
                rest[k] = (i == 1 ? 5 : i == 2 ? 8 : 10) + k;
            }
            vm.prank(validators[i]);
            pool.giveUp(rest, validators[i]);
        }
        vm.assertEq(pool.seatCount(), 2, "seats");
        vm.assertEq(dollar.balanceOf(address(pool)), 2 * SEAT, "held");
    }

    function test_PaysWhilePaused() public {
        rules.pauseDeposits(true);
        rules.allowToken(address(dollar), false);
        _openExits();
        vm.prank(validators[3]);
        vm.assertEq(pool.giveUp(_one(10), validators[3]), SEAT, "paid");
    }

    function test_RevertWhen_TheWindowIsClosed() public {
        _refuse(IValidatorPool.Pool_ExitsClosed.selector, 0);
        vm.prank(validators[3]);
        pool.giveUp(_one(10), validators[3]);
        pool.announceExits();
        uint256 from = pool.exitsFrom();
        uint256[2] memory closed = [from - 1, from + 10 minutes + 1];
        for (uint256 i; i < 2; ++i) {
            vm.warp(closed[i]);
            _refuse(IValidatorPool.Pool_ExitsClosed.selector, from);
            vm.prank(validators[3]);
            pool.giveUp(_one(10), validators[3]);
        }
    }

    function testFuzz_RevertWhen_AStrangerGivesUp(address caller) public {
        vm.assume(caller != validators[3]);
        _openExits();
        _refuse(IValidatorPool.Pool_NotYours.selector, 10);
        vm.prank(caller);
        pool.giveUp(_one(10), caller);
    }

    function test_RevertWhen_GivenUpTwice() public {
        _openExits();
        vm.prank(validators[3]);
        pool.giveUp(_one(10), validators[3]);
        _refuse(IValidatorPool.Pool_NotYours.selector, 10);
        vm.prank(validators[3]);
        pool.giveUp(_one(10), validators[3]);
    }

    function test_RevertWhen_TooManyAreGivenUp() public {
        _openExits();
        _refuse(IValidatorPool.Pool_BadCount.selector, 0);
        pool.giveUp(new uint256[](0), seller);
        _refuse(IValidatorPool.Pool_BadCount.selector, 17);
        pool.giveUp(new uint256[](17), seller);
    }

    function test_RevertWhen_OnAJury() public {
        _disputeAndDraw("any");
        uint256 seat = _seatAt(2);
        address holder = _holderAt(2);
        _openExits();
        vm.expectRevert(abi.encodeWithSelector(IValidatorPool.Pool_Seated.selector, seat, 1));
        vm.prank(holder);
        pool.giveUp(_one(seat), holder);
    }

    function test_AnnouncesOneWindow() public {
        vm.expectEmit(address(pool));
        emit IValidatorPool.ExitsAnnounced(START + 1 hours);
        pool.announceExits();
        vm.warp(START + 1 hours + 10 minutes);
        pool.announceExits();
        vm.assertEq(pool.exitsFrom(), START + 1 hours, "not moved");
        vm.warp(START + 1 hours + 10 minutes + 1);
        pool.announceExits();
        vm.assertEq(pool.exitsFrom(), block.timestamp + 1 hours, "the next");
    }

    function test_EvictsAnEmptySeat() public {
        uint256 seat = _emptySeat();
        address holder = _holderAt(0);
        _openExits();
        uint256 before = pool.owed(holder);
        vm.prank(stranger);
        pool.evict(seat);
        vm.assertEq(pool.owed(holder), before, "nothing was left");
        vm.assertEq(pool.seatCount(), 4, "seats");
        (address gone,,) = pool.seats(seat);
        vm.assertEq(gone, address(0), "gone");
    }

    function test_RevertWhen_StillGood() public {
        _openExits();
        _refuse(IValidatorPool.Pool_StillGood.selector, 1);
        pool.evict(1);
        uint256[] memory seats = new uint256[](4);
        (seats[0], seats[1], seats[2], seats[3]) = (1, 2, 3, 4);
        vm.prank(validators[0]);
        pool.giveUp(seats, seller);
        vm.assertEq(dollar.balanceOf(seller), 4 * SEAT, "whole");
    }

    function test_RevertWhen_EvictedTwice() public {
        uint256 seat = _emptySeat();
        _openExits();
        pool.evict(seat);
        _refuse(IValidatorPool.Pool_NotYours.selector, seat);
        pool.evict(seat);
    }

    /// A pool of five seats at the price of one penalty, after a case in which all were silent.
    function _emptySeat() private returns (uint256 seat) {
        IValidatorPool.Terms memory t = _terms();
        t.seatPrice = PENALTY;
        pool = new ValidatorPool(rules, escrow, registry, t);
        _fund(stranger, 5 * PENALTY + JURY * FEE);
        _join(stranger, 5);
        _use(a);
        _disputeAndDraw("any");
        _finish();
        seat = _seatAt(0);
        vm.assertEq(_stakeOf(seat), 0, "lost");
    }

    function _one(uint256 seat) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = seat;
    }
}
