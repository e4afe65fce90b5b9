// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

/// @title Who decides a market's rules: holders of votes, by OpenZeppelin's Governor
/// @notice A proposal is one or more calls, for example `setFee` of the rules. It goes
///
///     propose   by who has `proposalThreshold` votes; votes count as of `votingDelay` later
///     castVote  for `votingPeriod`: against 0, for 1, abstain 2. It succeeds with more for than against, when for and
///               abstain together are `quorumPercent` of all votes
///     queue     by anyone; the timelock's delay runs
///     execute   by anyone
///
/// All times are seconds. Delay, period and threshold cannot change. What governance can do to a market is what the
/// rules' owner can: fees up to a limit, of deposits from then on, the audit rate, the tokens, the guardian. It cannot
/// touch what was deposited.
contract MarketGovernor is GovernorCountingSimple, GovernorVotesQuorumFraction, GovernorTimelockControl {
    uint256 private immutable delay;
    uint256 private immutable period;
    uint256 private immutable threshold;

    constructor(
        IVotes votes,
        TimelockController timelock_,
        uint256 delaySeconds,
        uint256 periodSeconds,
        uint256 thresholdVotes,
        uint256 quorumPercent
    )
        Governor("Coase Market Governor")
        GovernorVotes(votes)
        GovernorVotesQuorumFraction(quorumPercent)
        GovernorTimelockControl(timelock_)
    {
        (delay, period, threshold) = (delaySeconds, periodSeconds, thresholdVotes);
    }

    function votingDelay() public view override returns (uint256) {
        return delay;
    }

    function votingPeriod() public view override returns (uint256) {
        return period;
    }

    function proposalThreshold() public view override returns (uint256) {
        return threshold;
    }

    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
