// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {VotesToken} from "../../src/VotesToken.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {GovernanceTest} from "../base/GovernanceTest.sol";

contract WholePathTest is GovernanceTest {
    function test_ChangesTheFee() public {
        (a.deliverBy, a.acceptBy) = (uint64(START + 30 days), uint64(START + 30 days));
        _open();
        (bytes32 before, bytes32 salt) = (escrow.hashAgreement(a), a.salt);
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        uint256 id = _propose();
        vm.assertEq(uint256(governor.state(id)), uint256(IGovernor.ProposalState.Active), "active");
        _vote(ada, id, 1);
        _vote(bob, id, 0);
        _queue();
        vm.assertEq(uint256(governor.state(id)), uint256(IGovernor.ProposalState.Queued), "queued");
        vm.assertEq(rules.feeBasisPoints(), 0, "not yet");
        vm.warp(block.timestamp + LOCK);
        vm.prank(stranger);
        _execute();
        vm.assertEq(uint256(governor.state(id)), uint256(IGovernor.ProposalState.Executed), "executed");
        vm.assertEq(rules.feeBasisPoints(), 250, "now");
        a.salt = "a new deal";
        bytes32 later = _open();
        (,, uint16 fee,) = escrow.deals(before);
        vm.assertEq(fee, 0, "the old deal's fee");
        (,, fee,) = escrow.deals(later);
        vm.assertEq(fee, 250, "the new deal's fee");
        a.salt = salt;
        _deliver();
        _release();
        vm.assertEq(dollar.balanceOf(seller), a.price, "no fee of the old deal");
    }

    function test_ChangesTheRest() public {
        _call(address(rules), abi.encodeCall(rules.setAuditRate, (2_000)));
        _call(address(rules), abi.encodeCall(rules.allowToken, (address(votes), true)));
        _call(address(rules), abi.encodeCall(rules.setFeeRecipient, (ada)));
        _call(address(rules), abi.encodeCall(rules.setGuardian, (bob)));
        _decide();
        vm.assertEq(rules.auditBasisPoints(), 2_000, "audit rate");
        vm.assertTrue(rules.allowed(address(votes)), "token");
        vm.assertEq(rules.feeRecipient(), ada, "recipient");
        vm.assertEq(rules.guardian(), bob, "guardian");
    }

    function test_HandsTheRulesOver() public {
        _call(address(rules), abi.encodeCall(rules.transferOwnership, (bob)));
        _decide();
        vm.prank(bob);
        rules.acceptOwnership();
        vm.assertEq(rules.owner(), bob, "owner");
    }

    function test_RevertWhen_ThereIsNoQuorum() public {
        uint256 more = votes.balanceOf(ada) - ALL_VOTES * 3 / 100;
        vm.prank(ada);
        votes.transfer(stranger, more);
        vm.warp(block.timestamp + 1);
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        uint256 id = _propose();
        _vote(ada, id, 1);
        _refuseState(id, IGovernor.ProposalState.Defeated, IGovernor.ProposalState.Succeeded);
        _queue();
    }

    function test_RevertWhen_MoreAreAgainst() public {
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        uint256 id = _propose();
        _vote(ada, id, 0);
        _vote(bob, id, 1);
        _refuseState(id, IGovernor.ProposalState.Defeated, IGovernor.ProposalState.Succeeded);
        _queue();
    }

    function test_VotesCountAsOfTheSnapshot() public {
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        uint256 id = _propose();
        uint256 all = votes.balanceOf(ada);
        vm.prank(ada);
        votes.transfer(stranger, all);
        vm.prank(stranger);
        votes.delegate(stranger);
        _vote(stranger, id, 0);
        _vote(ada, id, 1);
        (uint256 against, uint256 in_favour,) = governor.proposalVotes(id);
        vm.assertEq(against, 0, "bought too late");
        vm.assertEq(in_favour, all, "held in time");
    }

    function test_RevertWhen_ExecutedTooEarly() public {
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        uint256 id = _propose();
        _vote(ada, id, 1);
        _queue();
        vm.warp(block.timestamp + LOCK - 1);
        vm.expectRevert();
        _execute();
        vm.assertEq(rules.feeBasisPoints(), 0, "unchanged");
    }

    function test_RevertWhen_TheRulesRefuse() public {
        _call(address(rules), abi.encodeCall(rules.setFee, (501)));
        uint256 id = _propose();
        _vote(ada, id, 1);
        _queue();
        vm.warp(block.timestamp + LOCK);
        vm.expectRevert(abi.encodeWithSelector(IMarketRules.Rules_TooHigh.selector, 501, 500));
        _execute();
    }

    function test_RevertWhen_TheProposerHasTooFewVotes() public {
        _call(address(rules), abi.encodeCall(rules.setFee, (250)));
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorInsufficientProposerVotes.selector, stranger, 0, ALL_VOTES / 100
            )
        );
        vm.prank(stranger);
        governor.propose(targets, values, calls, text);
    }

    function test_RevertWhen_AnybodyActsAlone() public {
        address[3] memory callers = [address(this), ada, guardian];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, callers[i]));
            vm.prank(callers[i]);
            rules.setFee(1);
            bytes32 role = timelock.PROPOSER_ROLE();
            vm.expectRevert(
                abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, callers[i], role)
            );
            vm.prank(callers[i]);
            timelock.schedule(address(rules), 0, "", 0, 0, LOCK);
        }
        vm.assertTrue(!timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(this)), "no administrator");
    }

    function test_TheGuardianStopsDepositsAndNoExit() public {
        (a.deliverBy, a.acceptBy) = (uint64(START + 30 days), uint64(START + 30 days));
        _open();
        vm.prank(guardian);
        rules.pauseDeposits(true);
        bytes memory signature = _sellerSignature();
        a.salt = "paused";
        _refuse(IMarketRules.Rules_DepositsPaused.selector);
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        a.salt = keccak256("a salt");
        _deliver();
        _release();
        _assertStatus(IServiceEscrow.Status.Settled);
        _assertPaid(a.price, 0);
    }

    function test_AVoteReplacesTheGuardian() public {
        vm.prank(guardian);
        rules.pauseDeposits(true);
        _call(address(rules), abi.encodeCall(rules.setGuardian, (address(0))));
        _call(address(rules), abi.encodeCall(rules.pauseDeposits, (false)));
        _decide();
        rules.checkDeposit(address(dollar));
        _refuse(IMarketRules.Rules_NotGuardian.selector, guardian);
        vm.prank(guardian);
        rules.pauseDeposits(true);
    }

    function test_RevertWhen_TheListsDiffer() public {
        vm.expectRevert(abi.encodeWithSelector(VotesToken.Votes_LengthMismatch.selector, 2, 1));
        new VotesToken(new address[](2), new uint256[](1));
    }

    function _refuseState(uint256 id, IGovernor.ProposalState got, IGovernor.ProposalState wanted) private {
        vm.warp(block.timestamp + VOTING_PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorUnexpectedProposalState.selector, id, got, bytes32(1 << uint8(wanted))
            )
        );
    }
}
