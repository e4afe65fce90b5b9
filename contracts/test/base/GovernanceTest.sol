// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {MarketGovernor} from "../../src/MarketGovernor.sol";
import {MarketTimelock} from "../../src/MarketTimelock.sol";
import {VotesToken} from "../../src/VotesToken.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// A governed market: the timelock owns the rules, the governor alone proposes to it, and nobody administers it.
abstract contract GovernanceTest is EscrowTest {
    uint256 internal constant VOTING_DELAY = 1 days;
    uint256 internal constant VOTING_PERIOD = 3 days;
    uint256 internal constant LOCK = 2 days;
    uint256 internal constant ALL_VOTES = 1_000e18;

    address internal ada = address(0xADA);
    address internal bob = address(0xB0B0);
    VotesToken internal votes;
    MarketTimelock internal timelock;
    MarketGovernor internal governor;

    address[] internal targets;
    uint256[] internal values;
    bytes[] internal calls;
    string internal text = "a proposal";

    function setUp() public virtual override {
        super.setUp();
        address[] memory holders = new address[](2);
        uint256[] memory amounts = new uint256[](2);
        (holders[0], amounts[0], holders[1], amounts[1]) = (ada, ALL_VOTES * 6 / 10, bob, ALL_VOTES * 4 / 10);
        votes = new VotesToken(holders, amounts);
        timelock = new MarketTimelock(LOCK, new address[](0), new address[](1), address(this));
        governor = new MarketGovernor(
            IVotes(address(votes)), timelock, VOTING_DELAY, VOTING_PERIOD, ALL_VOTES / 100, 4
        );
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(governor));
        rules.transferOwnership(address(timelock));
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(this));
        _acceptOwnership();
        timelock.revokeRole(timelock.PROPOSER_ROLE(), address(this));
        timelock.revokeRole(timelock.CANCELLER_ROLE(), address(this));
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), address(this));
        for (uint256 i; i < 2; ++i) {
            vm.prank(holders[i]);
            votes.delegate(holders[i]);
        }
        vm.warp(block.timestamp + 1);
    }

    function _acceptOwnership() private {
        bytes memory call = abi.encodeCall(rules.acceptOwnership, ());
        timelock.schedule(address(rules), 0, call, 0, 0, LOCK);
        vm.warp(block.timestamp + LOCK);
        timelock.execute(address(rules), 0, call, 0, 0);
    }

    function _call(address target, bytes memory data) internal {
        targets.push(target);
        values.push(0);
        calls.push(data);
    }

    function _propose() internal returns (uint256 id) {
        vm.prank(ada);
        id = governor.propose(targets, values, calls, text);
        vm.warp(block.timestamp + VOTING_DELAY + 1);
    }

    function _vote(address voter, uint256 id, uint8 support) internal {
        vm.prank(voter);
        governor.castVote(id, support);
    }

    function _queue() internal {
        vm.warp(block.timestamp + VOTING_PERIOD);
        governor.queue(targets, values, calls, keccak256(bytes(text)));
    }

    function _execute() internal {
        governor.execute(targets, values, calls, keccak256(bytes(text)));
    }

    function _decide() internal {
        uint256 id = _propose();
        _vote(ada, id, 1);
        _queue();
        vm.warp(block.timestamp + LOCK);
        _execute();
    }
}
