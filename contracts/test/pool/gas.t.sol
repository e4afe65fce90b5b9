// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasReport} from "../base/GasReport.sol";
import {PoolTest} from "../base/PoolTest.sol";

/// What a transaction costs: see test/escrow/gas.t.sol.
/// forge-config: default.isolate = true
contract PoolGasTest is PoolTest, GasReport {
    function test_WithinTargets() public {
        _openAndDispute();
        vm.prank(stranger);
        pool.request(a);
        _report("jury_request", 140_000);
        _draw("any");
        _report("jury_draw", 350_000);
        for (uint256 i; i < JURY; ++i) {
            _commit(i, 2_000);
        }
        _report("vote_commit", 60_000);
        vm.warp(START + COMMIT + 1);
        for (uint256 i; i < JURY; ++i) {
            _reveal(i, 2_000);
        }
        _report("vote_reveal", 60_000);
        pool.finish(a);
        _report("jury_finish", 350_000);
    }

    function test_Seats() public {
        _fund(stranger, SEAT);
        _join(stranger, 1);
        _report("seat_join", 150_000);
    }
}
