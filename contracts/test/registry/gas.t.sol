// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasReport} from "../base/GasReport.sol";
import {RegistryTest} from "../base/RegistryTest.sol";

/// What a transaction costs: see test/escrow/gas.t.sol. An account's first agent, after the registry's first.
/// forge-config: default.isolate = true
contract RegistryGasTest is RegistryTest, GasReport {
    function test_WithinTargets() public {
        vm.prank(buyer);
        registry.register();
        _report("agent_register", 140_000);
    }

    function test_OtherCalls() public {
        registry.register("https://example.org/agents/0123456789abcdef.json");
        _report("agent_register_with_file", 183_351);
        _stake(STAKE);
        _report("agent_stake", 100_000);
        _openAndDispute();
        registry.freeze(agent, a);
        _report("agent_freeze", 90_000);
        _request(STAKE);
        _report("agent_request_unstake", 40_000);
        _release();
        registry.thaw(escrow.hashAgreement(a));
        vm.warp(START + 7 days);
        _unstake();
        _report("agent_unstake", 60_000);
    }
}
