// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PoolTest} from "../base/PoolTest.sol";

/// The first validator, with four of ten seats, against the others, over many drawn juries.
contract CabalTest is PoolTest {
    uint256 private constant CASES = 100;
    uint256 private constant ABSENT = 20_000;

    /// What the cabal and the others came to after all cases.
    struct Outcome {
        int256 cabal;
        int256 honest;
        uint256 cabalSeats;
        uint256 honestSeats;
        uint256 wrong;
        uint256 unruled;
    }

    function test_ACabalOfTwoFifthsEarnsLess() public {
        Outcome memory together = _play(0);
        Outcome memory honest = _play(10_000);
        vm.assertEq(together.cabalSeats, honest.cabalSeats, "the same juries");
        vm.assertEq(honest.cabal, int256(honest.cabalSeats * FEE), "a fee a seat for the honest");
        vm.assertTrue(together.cabal < honest.cabal, "no more than honest reward");
        vm.assertTrue(together.cabal < 0, "a loss, in fact");
        vm.assertTrue(together.honest > int256(together.honestSeats * FEE), "and the honest gain by it");
    }

    function test_ACabalDecidesSeldom() public {
        Outcome memory together = _play(0);
        // Drawn three or more of five from four of ten: 66 of 252 juries.
        vm.assertTrue(together.wrong > 15 && together.wrong < 40, "about a quarter");
        vm.assertEq(together.unruled, 0, "each is ruled");
    }

    function test_SilenceCosts() public {
        Outcome memory silent = _play(ABSENT);
        vm.assertEq(silent.cabal, -int256(silent.cabalSeats * PENALTY), "a penalty a seat");
        vm.assertEq(silent.wrong, 0, "nothing is decided by it");
        vm.assertTrue(silent.unruled < 40, "most are ruled");
    }

    /// The others vote for all to the seller, the cabal as told.
    function _play(uint256 vote) private returns (Outcome memory result) {
        uint256 state = vm.snapshotState();
        _fund(stranger, CASES * JURY * FEE);
        for (uint256 round; round < CASES; ++round) {
            _playOne(round, vote, result);
        }
        result.cabal = _worth(0, 0, 4);
        result.honest = _worth(1, 4, 10);
        vm.revertToState(state);
    }

    function _playOne(uint256 round, uint256 vote, Outcome memory result) private {
        a.salt = keccak256(abi.encode(round));
        (a.price, a.acceptBy) = (1, uint64(block.timestamp));
        a.deliverBy = uint64(block.timestamp + 1 hours);
        id = escrow.hashAgreement(a);
        _disputeAndDraw(keccak256(abi.encode("jury", round)));
        uint256 before = dollar.balanceOf(seller);
        for (uint256 stage; stage < 2; ++stage) {
            for (uint256 i; i < JURY; ++i) {
                bool cabal = _holderAt(i) == validators[0];
                if (stage == 0 && cabal) ++result.cabalSeats;
                if (stage == 0 && !cabal) ++result.honestSeats;
                if (cabal && vote == ABSENT) continue;
                if (stage == 0) _commit(i, cabal ? vote : 10_000);
                else _reveal(i, cabal ? vote : 10_000);
            }
            if (stage == 0) vm.warp(block.timestamp + COMMIT + 1);
        }
        vm.warp(block.timestamp + REVEAL);
        pool.finish(a);
        // The price is one unit: the seller gets it by an honest ruling; half of it, by default, is nothing.
        if (dollar.balanceOf(seller) == before) {
            if (vote == ABSENT) ++result.unruled;
            else ++result.wrong;
        }
    }

    function _worth(uint256 firstHolder, uint256 firstSeat, uint256 lastSeat) private view returns (int256 sum) {
        for (uint256 seat = firstSeat + 1; seat <= lastSeat; ++seat) {
            sum += int256(_stakeOf(seat)) - int256(SEAT);
        }
        for (uint256 i = firstHolder; i < (firstHolder == 0 ? 1 : 4); ++i) {
            sum += int256(pool.owed(validators[i]));
        }
    }
}
