// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The owner of a governed market's rules: does what was decided, after a delay in which anybody can leave
/// @notice OpenZeppelin's timelock. In a governed market the governor alone proposes and cancels, anyone may execute, and
/// there is no administrator: deploy it with the deployer as one, grant the governor, and renounce.
contract MarketTimelock is TimelockController {
    constructor(uint256 delaySeconds, address[] memory proposers, address[] memory executors, address administrator)
        TimelockController(delaySeconds, proposers, executors, administrator)
    {}
}
