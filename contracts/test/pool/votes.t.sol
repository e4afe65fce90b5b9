// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {PoolTest} from "../base/PoolTest.sol";

contract VotesTest is PoolTest {
    function setUp() public override {
        super.setUp();
        _disputeAndDraw("any");
    }

    function testFuzz_CommitsInTime(uint256 time, uint256 place, uint256 basisPoints) public {
        place = _bound(place, 0, JURY - 1);
        vm.warp(START + _bound(time, 0, COMMIT));
        vm.expectEmit(address(pool));
        emit IValidatorPool.Committed(id, place);
        _commit(place, basisPoints);
        (, bool hidden, bool shown,) = pool.voteOf(id, place);
        vm.assertTrue(hidden && !shown, "hidden");
    }

    function test_ALaterVoteReplacesTheFirst() public {
        _commit(0, 10_000);
        _commit(0, 4_000);
        vm.warp(START + COMMIT + 1);
        address holder = _holderAt(0);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(holder);
        pool.reveal(id, 0, 10_000, _salt(0));
        _reveal(0, 4_000);
    }

    function test_RevertWhen_NoJurySits() public {
        _refusePhase(IValidatorPool.Phase.None);
        pool.commit("other", 0, "hash");
        _refusePhase(IValidatorPool.Phase.None);
        pool.reveal("other", 0, 1, "salt");
    }

    function testFuzz_RevertWhen_AStrangerCommits(address caller) public {
        vm.assume(caller != _holderAt(0));
        _refuse(IValidatorPool.Pool_NotYours.selector, _seatAt(0));
        vm.prank(caller);
        pool.commit(id, 0, "hash");
    }

    function test_RevertWhen_ThereIsNoSuchPlace() public {
        _refuse(IValidatorPool.Pool_NotYours.selector, 0);
        vm.prank(validators[0]);
        pool.commit(id, JURY, "hash");
    }

    function test_RevertWhen_APenaltyCouldNotBePaid() public {
        IValidatorPool.Terms memory t = _terms();
        t.seatPrice = 2 * PENALTY - 1;
        pool = new ValidatorPool(rules, escrow, registry, t);
        _fund(stranger, 5 * t.seatPrice + 2 * JURY * FEE);
        _join(stranger, 5);
        (a.salt, a.acceptBy) = ("the first", uint64(START));
        _use(a);
        _disputeAndDraw("any");
        bytes32 first = id;
        a.salt = "the second";
        _use(a);
        _disputeAndDraw("any");
        (uint256 seat,,,) = pool.voteOf(first, 0);
        // A penalty for each of the two juries is more than the stake.
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorPool.Pool_TooLittleStake.selector, seat, 2 * PENALTY)
        );
        vm.prank(stranger);
        pool.commit(first, 0, "hash");
    }

    function test_RevertWhen_CommittedTooLate() public {
        vm.warp(START + COMMIT + 1);
        _refuse(IValidatorPool.Pool_TooLate.selector, START + COMMIT);
        vm.prank(validators[0]);
        pool.commit(id, 0, "hash");
    }

    function test_RevertWhen_NothingIsCommitted() public {
        address holder = _holderAt(0);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(holder);
        pool.commit(id, 0, bytes32(uint256(1)));
    }

    function testFuzz_ShowsInTime(uint256 time, uint256 basisPoints) public {
        basisPoints = _bound(basisPoints, 0, 10_000);
        _commit(1, basisPoints);
        vm.warp(START + COMMIT + _bound(time, 1, REVEAL));
        vm.expectEmit(address(pool));
        emit IValidatorPool.Revealed(id, 1, basisPoints);
        _reveal(1, basisPoints);
        (uint256 seat, bool hidden, bool shown, uint256 got) = pool.voteOf(id, 1);
        vm.assertTrue(!hidden && shown && seat != 0, "shown");
        vm.assertEq(got, basisPoints, "vote");
    }

    function test_RevertWhen_ShownTooEarly() public {
        _commit(0, 10_000);
        vm.warp(START + COMMIT);
        _refuse(IValidatorPool.Pool_TooEarly.selector, START + COMMIT + 1);
        pool.reveal(id, 0, 10_000, _salt(0));
    }

    function test_RevertWhen_ShownTooLate() public {
        _commit(0, 10_000);
        vm.warp(START + COMMIT + REVEAL + 1);
        _refuse(IValidatorPool.Pool_TooLate.selector, START + COMMIT + REVEAL);
        pool.reveal(id, 0, 10_000, _salt(0));
    }

    function testFuzz_RevertWhen_ItIsAnotherVote(uint256 basisPoints, bytes32 salt, uint256 place) public {
        _commit(0, 9_000);
        _commit(1, 9_000);
        vm.warp(START + COMMIT + 1);
        vm.assume(basisPoints != 9_000 || salt != _salt(0));
        address holder = _holderAt(0);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(holder);
        pool.reveal(id, place % 7, basisPoints, salt);
    }

    function test_RevertWhen_ItIsAboveAll() public {
        _commit(0, 10_001);
        vm.warp(START + COMMIT + 1);
        address holder = _holderAt(0);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(holder);
        pool.reveal(id, 0, 10_001, _salt(0));
    }

    function test_RevertWhen_ShownTwice() public {
        _commit(0, 10_000);
        vm.warp(START + COMMIT + 1);
        _reveal(0, 10_000);
        address holder = _holderAt(0);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(holder);
        pool.reveal(id, 0, 10_000, _salt(0));
    }

    function test_RevertWhen_ItIsACopy() public {
        bytes32 hash = pool.hashVote(id, 0, _holderAt(0), 10_000, _salt(0));
        address copyist = _holderAt(1);
        vm.prank(copyist);
        pool.commit(id, 1, hash);
        vm.warp(START + COMMIT + 1);
        _refuse(IValidatorPool.Pool_BadVote.selector);
        vm.prank(copyist);
        pool.reveal(id, 1, 10_000, _salt(0));
    }
}
