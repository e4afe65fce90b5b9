// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {PoolTest} from "../base/PoolTest.sol";

contract DrawTest is PoolTest {
    function test_RequestsAJury() public {
        _openAndDispute();
        vm.expectEmit(address(pool));
        emit IValidatorPool.Requested(id, stranger);
        vm.expectEmit(address(pool));
        emit IValidatorPool.DrawSet(id, 1_002);
        _request();
        (address payer, uint256 commitEnd, IValidatorPool.Phase phase, uint256 drawBlock, uint256 rulingEnd) =
            pool.caseOf(id);
        vm.assertEq(payer, stranger, "payer");
        vm.assertEq(commitEnd, 0, "not drawn");
        vm.assertEq(uint256(phase), uint256(IValidatorPool.Phase.Waiting), "phase");
        vm.assertEq(drawBlock, 1_002, "block");
        vm.assertEq(rulingEnd, START + a.rulingSeconds, "ruling end");
        _assertConserved(JURY * FEE);
    }

    function test_RevertWhen_AnotherIsArbiter() public {
        a.arbiter = arbiter;
        _openAndDispute();
        _refuse(IValidatorPool.Pool_NotArbiter.selector, arbiter);
        _request();
    }

    function test_RevertWhen_NothingIsDisputed() public {
        _openAndDeliver();
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorPool.Pool_WrongStatus.selector, IServiceEscrow.Status.Delivered)
        );
        _request();
    }

    function test_RevertWhen_RequestedTwice() public {
        _openAndDispute();
        _request();
        _refusePhase(IValidatorPool.Phase.Waiting);
        _request();
    }

    function test_RevertWhen_TheWindowIsTooShort() public {
        uint256 needed = COMMIT + REVEAL + 10 minutes;
        a.rulingSeconds = uint64(needed - 1);
        _openAndDispute();
        vm.expectRevert(
            abi.encodeWithSelector(
                IValidatorPool.Pool_TooLittleTime.selector, START + needed - 1, START + needed
            )
        );
        _request();
    }

    function test_RevertWhen_ThereAreTooFewSeats() public {
        pool = new ValidatorPool(rules, escrow, registry, _terms());
        _use(a);
        _openAndDispute();
        _refuse(IValidatorPool.Pool_TooFewSeats.selector, 0);
        _request();
    }

    function testFuzz_DrawsDifferentSeats(bytes32 entropy) public {
        vm.assume(entropy != 0);
        _disputeAndDraw(entropy);
        _assertPhase(IValidatorPool.Phase.Voting);
        for (uint256 i; i < JURY; ++i) {
            uint256 seat = _seatAt(i);
            vm.assertTrue(seat >= 1 && seat <= 10, "a seat");
            for (uint256 k; k < i; ++k) {
                vm.assertTrue(_seatAt(k) != seat, "another seat");
            }
            (,, uint16 juries) = pool.seats(seat);
            vm.assertEq(juries, 1, "held");
        }
    }

    function test_DrawsAllSeatsAlike() public {
        _openAndDispute();
        _request();
        uint256[11] memory drawn;
        (,,, uint256 drawBlock,) = pool.caseOf(id);
        vm.roll(drawBlock + 1);
        for (uint256 k; k < 400; ++k) {
            vm.setBlockhash(drawBlock, keccak256(abi.encode(k)));
            uint256 state = vm.snapshotState();
            pool.draw(id);
            uint256[JURY] memory jury;
            for (uint256 i; i < JURY; ++i) {
                jury[i] = _seatAt(i);
            }
            vm.revertToState(state);
            for (uint256 i; i < JURY; ++i) {
                ++drawn[jury[i]];
            }
        }
        // 200 expected of each, with a deviation of 10.
        for (uint256 seat = 1; seat <= 10; ++seat) {
            vm.assertTrue(drawn[seat] > 160 && drawn[seat] < 240, string.concat("seat ", vm.toString(seat)));
        }
    }

    function test_NewSeatsAreNotDrawn() public {
        _openAndDispute();
        _request();
        _fund(stranger, 32 * SEAT);
        _join(stranger, 16);
        _join(stranger, 16);
        _draw("any");
        for (uint256 i; i < JURY; ++i) {
            vm.assertTrue(_seatAt(i) <= 10, "an old seat");
        }
    }

    function test_RevertWhen_DrawnTwice() public {
        _refusePhase(IValidatorPool.Phase.None);
        pool.draw(id);
        _disputeAndDraw("any");
        _refusePhase(IValidatorPool.Phase.Voting);
        pool.draw(id);
    }

    function test_RevertWhen_TheBlockIsNotThere() public {
        _openAndDispute();
        _request();
        for (uint256 number = 1_000; number <= 1_002; ++number) {
            vm.roll(number);
            _refuse(IValidatorPool.Pool_TooEarly.selector, 1_003);
            pool.draw(id);
        }
    }

    function test_ChoosesAnotherBlock() public {
        _openAndDispute();
        _request();
        vm.roll(1_002 + 257);
        vm.expectEmit(address(pool));
        emit IValidatorPool.DrawSet(id, 1_261);
        pool.draw(id);
        _assertPhase(IValidatorPool.Phase.Waiting);
        _draw("any");
        _assertPhase(IValidatorPool.Phase.Voting);
    }

    function test_ChoosesAnotherBlockAfterExits() public {
        pool.announceExits();
        _openAndDispute();
        _request();
        vm.warp(START + 1 hours);
        _giveUp(validators[3], 10);
        vm.warp(START + 1 hours + 10 minutes + 1);
        vm.roll(1_010);
        vm.expectEmit(address(pool));
        emit IValidatorPool.DrawSet(id, 1_012);
        pool.draw(id);
        _draw("any");
        for (uint256 i; i < JURY; ++i) {
            vm.assertTrue(_seatAt(i) <= 9, "one that stayed");
        }
    }

    function test_RevertWhen_ExitsAreOpen() public {
        _openAndDispute();
        _request();
        _openExits();
        vm.roll(1_003);
        _refuse(IValidatorPool.Pool_ExitsOpen.selector, START + 1 hours + 10 minutes);
        pool.draw(id);
    }

    function test_ARequestWaitsForTheWindow() public {
        _openAndDispute();
        _openExits();
        _request();
        (,,, uint256 drawBlock,) = pool.caseOf(id);
        vm.assertEq(drawBlock, 0, "none yet");
        vm.warp(block.timestamp + 10 minutes + 1);
        pool.draw(id);
        _draw("any");
        _assertPhase(IValidatorPool.Phase.Voting);
    }

    function test_ClosesWhenTheDisputeIsOver() public {
        _openAndDispute();
        _request();
        _release();
        _assertCloses();
    }

    function test_ClosesWhenTheTimeIsOver() public {
        _openAndDispute();
        _request();
        vm.warp(START + a.rulingSeconds - COMMIT - REVEAL - 10 minutes + 1);
        _assertCloses();
        vm.warp(START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        _assertStatus(IServiceEscrow.Status.Settled);
    }

    function test_ClosesWhenSeatsAreMissing() public {
        _openAndDispute();
        _request();
        _openExits();
        for (uint256 seat = 1; seat <= 4; ++seat) {
            _giveUp(validators[0], seat);
        }
        _giveUp(validators[1], 5);
        _giveUp(validators[1], 6);
        _assertCloses();
    }

    function _assertCloses() private {
        vm.expectEmit(address(pool));
        emit IValidatorPool.Closed(id);
        pool.draw(id);
        _assertPhase(IValidatorPool.Phase.Over);
        vm.assertEq(pool.owed(stranger), JURY * FEE, "fees back");
        vm.prank(stranger);
        vm.assertEq(pool.withdraw(seller), JURY * FEE, "paid");
        _assertConserved(0);
    }

    function _request() private {
        vm.prank(stranger);
        pool.request(a);
    }

    function _giveUp(address holder, uint256 seat) private {
        uint256[] memory list = new uint256[](1);
        list[0] = seat;
        vm.prank(holder);
        pool.giveUp(list, holder);
    }
}
