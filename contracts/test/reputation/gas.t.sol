// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasReport} from "../base/GasReport.sol";
import {ReputationTest} from "../base/ReputationTest.sol";

/// What a transaction costs: see test/escrow/gas.t.sol. The agent was spoken of before, under the tag; the client is new,
/// then not. The receipt is a transaction of its own.
/// forge-config: default.isolate = true
contract ReputationGasTest is ReputationTest, GasReport {
    function test_WithinTargets() public {
        _feedback(_client(0xC11E), 90, 0, "starred", "");
        _receipt(buyer);
        _report("receipt_use", 100_000);
        _say(buyer, 87, 0, "starred", "");
        _report("feedback_first", 110_000);
        _receipt(buyer);
        _report("receipt_use_again", 80_000);
        _say(buyer, 87, 0, "starred", "");
        _report("feedback_repeat", 70_000);
    }
}
