// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {PoolTest} from "../base/PoolTest.sol";

contract FinishTest is PoolTest {
    function testFuzz_RulesByTheMedian(uint16[5] memory raw, bytes32 entropy) public {
        vm.assume(entropy != 0);
        _disputeAndDraw(entropy);
        uint256[] memory votes = new uint256[](JURY);
        for (uint256 i; i < JURY; ++i) {
            votes[i] = raw[i] % 10_001;
        }
        _vote(votes);
        pool.finish(a);
        uint256 median = _median(votes);
        uint256 toSeller = a.price * median / 10_000;
        vm.assertEq(dollar.balanceOf(seller), toSeller, "to the seller");
        _assertStatus(toSeller == 0 ? IServiceEscrow.Status.Refunded : IServiceEscrow.Status.Settled);
        _assertConserved(0);
    }

    function test_RulesByTheLowerMiddle() public {
        _disputeAndDraw("any");
        uint256[] memory votes = new uint256[](4);
        (votes[0], votes[1], votes[2], votes[3]) = (8_000, 7_000, 9_000, 7_500);
        _vote(votes);
        vm.warp(START + COMMIT + REVEAL + 1);
        vm.expectEmit(address(pool));
        emit IValidatorPool.Ruled(id, 7_500, 4, true);
        pool.finish(a);
    }

    function test_PaysTheCoherent() public {
        _disputeAndDraw("any");
        _vote(_votes(10_000, 10_000, 0, 10_000, 500));
        pool.finish(a);
        _assertStakes(PENALTY, 2, 4);
        // Three share five fees and two penalties: 25 dollars; what three cannot share goes to the payer.
        vm.assertEq(_owedToValidators(), 25e6 - 1, "shared");
        vm.assertEq(pool.owed(stranger), 1, "the rest");
        _assertConserved(0);
    }

    function test_PenalisesTheSilent() public {
        _disputeAndDraw("any");
        uint256[] memory votes = new uint256[](4);
        for (uint256 i; i < 4; ++i) {
            votes[i] = 10_000;
            _commit(i, 10_000);
        }
        // The last one never commits; the one before does not show.
        vm.warp(START + COMMIT + 1);
        for (uint256 i; i < 3; ++i) {
            _reveal(i, 10_000);
        }
        _finish();
        _assertStakes(PENALTY, 3, 4);
        vm.assertEq(_owedToValidators() + pool.owed(stranger), 25e6, "shared");
        _assertConserved(0);
    }

    function test_ToleratesSomeDifference() public {
        _disputeAndDraw("any");
        _vote(_votes(5_000, 6_000, 4_000, 6_001, 3_999));
        pool.finish(a);
        _assertStakes(PENALTY, 3, 4);
    }

    function test_TakesNoMoreThanASeatHas() public {
        IValidatorPool.Terms memory t = _terms();
        t.seatPrice = PENALTY + PENALTY / 2;
        pool = new ValidatorPool(rules, escrow, registry, t);
        _fund(stranger, 5 * t.seatPrice + 2 * JURY * FEE);
        _join(stranger, 5);
        a.acceptBy = uint64(START);
        for (uint256 round; round < 2; ++round) {
            (a.salt, a.deliverBy) = (bytes32(round), uint64(block.timestamp));
            _use(a);
            _disputeAndDraw("any");
            _finish();
        }
        vm.assertEq(_stakeOf(1), 0, "lost");
        vm.assertEq(pool.owed(treasury), 5 * t.seatPrice, "all of it");
        _assertConserved(0);
    }

    function test_SlashesTheSellersStake() public {
        _disputeAndDraw("any");
        registry.freeze(agent, a);
        _vote(_votes(2_000, 2_000, 2_000, 2_000, 2_000));
        pool.finish(a);
        uint256 expected = uint256(a.price) * 8_000 / 10_000;
        vm.assertEq(registry.slashed(), expected, "as much as the buyer is given");
        (uint96 stake,,, uint24 disputes) = registry.stakes(agent);
        vm.assertEq(stake, STAKE - expected, "stake");
        vm.assertEq(disputes, 0, "let go");
    }

    function test_LeavesTheStakeOfASellerThatIsGivenHalf() public {
        _disputeAndDraw("any");
        registry.freeze(agent, a);
        _vote(_votes(5_000, 5_000, 5_000, 5_000, 5_000));
        pool.finish(a);
        vm.assertEq(registry.slashed(), 0, "nothing");
        registry.thaw(id);
    }

    function test_FinishesAtOnce() public {
        _disputeAndDraw("any");
        _vote(_votes(1, 2, 3, 4, 5));
        vm.expectEmit(address(pool));
        emit IValidatorPool.Ruled(id, 3, 5, true);
        pool.finish(a);
        _assertPhase(IValidatorPool.Phase.Over);
        for (uint256 i; i < JURY; ++i) {
            (,, uint16 juries) = pool.seats(_seatAt(i));
            vm.assertEq(juries, 0, "free");
        }
    }

    function test_RulesByDefault() public {
        _disputeAndDraw("any");
        _vote(_two(0));
        vm.warp(START + COMMIT + REVEAL + 1);
        vm.expectEmit(address(pool));
        emit IValidatorPool.Ruled(id, 5_000, 2, true);
        pool.finish(a);
        vm.assertEq(dollar.balanceOf(seller), a.price / 2, "half");
        _assertStatus(IServiceEscrow.Status.Settled);
    }

    function test_PaysWithoutAQuorum() public {
        _disputeAndDraw("any");
        registry.freeze(agent, a);
        _vote(_two(0));
        _finish();
        vm.assertEq(_owedToValidators(), 2 * FEE, "a fee each");
        vm.assertEq(pool.owed(stranger), 3 * FEE, "the rest back");
        vm.assertEq(pool.owed(treasury), 3 * PENALTY, "penalties to the market");
        vm.assertEq(registry.slashed(), 0, "no stake is slashed by default");
        _assertConserved(0);
    }

    function test_RulesWhenNobodyVotes() public {
        _disputeAndDraw("any");
        _finish();
        vm.assertEq(dollar.balanceOf(seller), a.price / 2, "half");
        vm.assertEq(pool.owed(stranger), JURY * FEE, "fees back");
        vm.assertEq(pool.owed(treasury), JURY * PENALTY, "penalties to the market");
        _assertConserved(0);
    }

    function test_PaysTheJuryOfASettledDeal() public {
        _disputeAndDraw("any");
        _release();
        _vote(_votes(0, 0, 0, 0, 0));
        vm.expectEmit(address(pool));
        emit IValidatorPool.Ruled(id, 0, 5, false);
        pool.finish(a);
        vm.assertEq(_owedToValidators(), JURY * FEE, "paid");
        vm.assertEq(dollar.balanceOf(seller), a.price, "as the buyer released");
    }

    function test_PaysTheJuryAfterTheWindow() public {
        _disputeAndDraw("any");
        _vote(_votes(0, 0, 0, 0, 0));
        vm.warp(START + a.rulingSeconds + 1);
        pool.finish(a);
        vm.assertEq(_owedToValidators(), JURY * FEE, "paid");
        _assertStatus(IServiceEscrow.Status.Disputed);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_TheEscrowIsStarved() public {
        _disputeAndDraw("any");
        _vote(_votes(0, 0, 0, 0, 0));
        bool starved;
        for (uint256 gas_ = 100_000; gas_ < 500_000; gas_ += 1_000) {
            uint256 state = vm.snapshotState();
            (bool ok,) = address(pool).call{gas: gas_}(abi.encodeCall(pool.finish, (a)));
            if (ok) {
                _assertStatus(IServiceEscrow.Status.Refunded);
                starved = gas_ > 100_000;
                break;
            }
            vm.revertToState(state);
        }
        vm.assertTrue(starved, "too little at first, then enough; never in between");
    }

    function test_RevertWhen_TheEscrowFailsThoughDue() public {
        _disputeAndDraw("any");
        _vote(_votes(0, 0, 0, 0, 0));
        vm.mockCallRevert(address(escrow), abi.encodeWithSelector(escrow.rule.selector), "out of gas, say");
        _refuse(IValidatorPool.Pool_RulingFailed.selector);
        pool.finish(a);
        vm.clearMockedCalls();
        pool.finish(a);
        _assertStatus(IServiceEscrow.Status.Refunded);
    }

    function test_WithdrawsOnce() public {
        _disputeAndDraw("any");
        _finish();
        vm.expectEmit(address(pool));
        emit IValidatorPool.Withdrawn(stranger, seller, JURY * FEE);
        vm.prank(stranger);
        pool.withdraw(seller);
        _refuse(IValidatorPool.Pool_NothingOwed.selector, stranger);
        vm.prank(stranger);
        pool.withdraw(seller);
    }

    function test_RevertWhen_NothingIsOwed() public {
        _refuse(IValidatorPool.Pool_NothingOwed.selector, address(this));
        pool.withdraw(address(this));
    }

    function test_RevertWhen_VotesAreNotOver() public {
        _disputeAndDraw("any");
        uint256[] memory votes = new uint256[](4);
        _vote(votes);
        vm.warp(START + COMMIT + REVEAL);
        _refuse(IValidatorPool.Pool_TooEarly.selector, START + COMMIT + REVEAL + 1);
        pool.finish(a);
    }

    function test_RevertWhen_ThereIsNoJury() public {
        _refusePhase(IValidatorPool.Phase.None);
        pool.finish(a);
        _disputeAndDraw("any");
        _finish();
        _refusePhase(IValidatorPool.Phase.Over);
        pool.finish(a);
    }

    function test_TheEscrowIsNeverStuck() public {
        _openAndDispute();
        vm.warp(START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        _assertPaidHalf();
        a.salt = "drawn and forgotten";
        a.deliverBy = uint64(block.timestamp + 1 hours);
        id = escrow.hashAgreement(a);
        _disputeAndDraw("any");
        vm.warp(block.timestamp + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        _assertStatus(IServiceEscrow.Status.Settled);
        pool.finish(a);
        _assertConserved(0);
    }

    function _assertPaidHalf() private view {
        vm.assertEq(dollar.balanceOf(seller), a.price / 2, "half");
    }

    function _assertStakes(uint256 lost, uint256 place, uint256 other) private view {
        for (uint256 i; i < JURY; ++i) {
            bool bad = i == place || i == other;
            vm.assertEq(_stakeOf(_seatAt(i)), bad ? SEAT - lost : SEAT, string.concat("stake ", vm.toString(i)));
        }
    }

    function _owedToValidators() private view returns (uint256 sum) {
        for (uint256 i; i < 4; ++i) {
            sum += pool.owed(validators[i]);
        }
    }

    function _two(uint256 x) private pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (x, x);
    }

    function _median(uint256[] memory list) private pure returns (uint256) {
        for (uint256 i; i < list.length; ++i) {
            uint256 below;
            uint256 equal;
            for (uint256 k; k < list.length; ++k) {
                if (list[k] < list[i]) ++below;
                if (list[k] == list[i]) ++equal;
            }
            if (below <= 2 && below + equal > 2) return list[i];
        }
        revert();
    }
}
