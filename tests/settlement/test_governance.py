"""A market that governs itself, through its client: coase/settlement/governance.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coase.errors import CoaseError, TransactionReverted
from coase.identity import Identity
from coase.settlement.bound import Bound
from coase.settlement.defaults import MAX_FEE_BASIS_POINTS
from coase.settlement.governance import Governance, GovernanceClient, GovernanceTerms, Proposal, deploy_governance
from coase.settlement.records import Call
from coase.testing.chain import DEPLOYER, DeployedChain, memory_chain

ALICE, BOB, CAROL = (Identity.from_seed("governance", name) for name in ("alice", "bob", "carol"))
TERMS = GovernanceTerms(delay=10, period=100, timelock=50, threshold=100, quorum_percent=30)
HOLDERS = {ALICE.account: 500, BOB.account: 300, CAROL.account: 200}


@asynccontextmanager
async def governed() -> AsyncIterator[tuple[DeployedChain, Governance, dict[Identity, GovernanceClient]]]:
    """A market that was offered to its voters, who have delegated to themselves."""
    async with memory_chain([who.account for who in (ALICE, BOB, CAROL)]) as chain:
        deployer, rules = chain.outbox(DEPLOYER), chain.contracts.rules

        places = await deploy_governance(deployer, rules, HOLDERS, TERMS)
        assert await deploy_governance(deployer, rules, HOLDERS, TERMS) == places
        clients = {who: GovernanceClient(chain.w3, chain.outbox(who), places, rules) for who in (ALICE, BOB, CAROL)}
        for client in clients.values():
            await client.delegate("mine")
        yield chain, places, clients


async def decide(chain: DeployedChain, clients: dict[Identity, GovernanceClient], proposal: Proposal) -> str:
    """Alice proposes and all but Carol are for it; how it stands after the vote."""
    alice = clients[ALICE]
    number = await alice.propose(f"propose/{proposal.description}", proposal)
    assert await alice.state(number) == "pending"
    snapshot, deadline, _ = await alice.times(number)
    await chain.backend.wait_until(snapshot + 1)
    await alice.vote(f"vote/{number}", number, "for")
    await clients[BOB].vote(f"vote/{number}", number, "for")
    await clients[CAROL].vote(f"vote/{number}", number, "against")
    assert await alice.tally(number) == {"against": 200, "for": 800, "abstain": 0}
    await chain.backend.wait_until(deadline + 1)
    await alice.delegate(f"tick/{number}")  # a block
    return await alice.state(number)


async def test_the_rules_are_taken_and_changed() -> None:
    """The first proposal takes them, the second lowers the fee; each waits for the timelock; the deployer is nobody."""
    async with governed() as (chain, places, clients):
        alice = clients[ALICE]
        for proposal in (alice.take_rules(), alice.change("Fees", setFee=250, setAuditRate=500)):
            assert await decide(chain, clients, proposal) == "succeeded"
            await clients[CAROL].queue(f"queue/{proposal.number}", proposal)
            assert await alice.state(proposal.number) == "queued"
            with pytest.raises(TransactionReverted):
                await alice.execute(f"do/{proposal.number}", proposal)
            await chain.backend.wait_until((await alice.times(proposal.number))[2])
            await clients[CAROL].execute(f"do/{proposal.number}", proposal)
            assert await alice.state(proposal.number) == "executed"
        assert await alice.rules.read("owner") == places.timelock
        assert await alice.rules.read("feeBasisPoints") == 250
        assert await alice.rules.read("MAX_FEE") == MAX_FEE_BASIS_POINTS
        assert await alice.rules.read("auditBasisPoints") == 500
        deployer = Bound(chain.w3, chain.outbox(DEPLOYER), "MarketRules", chain.contracts.rules)
        with pytest.raises(TransactionReverted) as nobody:
            await deployer.send("fee", "setFee", 0)
        assert nobody.value.reason.startswith("OwnableUnauthorizedAccount")


async def test_who_has_few_votes_or_none() -> None:
    """Below the threshold nobody proposes; votes count once, where they were delegated."""
    async with governed() as (chain, _, clients):
        carol, proposal = clients[CAROL], clients[CAROL].change("Mine", setFee=500)
        await carol.delegate("to Bob", BOB.account)
        assert [await carol.weight(who.account) for who in (BOB, CAROL)] == [500, 0]
        await chain.backend.wait(1)
        with pytest.raises(TransactionReverted) as few:
            await carol.propose("propose", proposal)
        assert few.value.reason.startswith("GovernorInsufficientProposerVotes")
        with pytest.raises(CoaseError) as neither:
            await carol.vote("v", proposal.number, "maybe")  # type: ignore[arg-type]
        assert neither.value.code == "bad_vote"
        with pytest.raises(TransactionReverted):
            await carol.state(proposal.number)


def test_what_is_no_proposal() -> None:
    """Nothing to do, a contract to make, too much, no word about it."""
    call = Call(ALICE.account)
    for calls, why in (((), "x"), ((Call(None),), "x"), ((call,) * 21, "x"), ((call,), ""), ((call,), "x" * 5_000)):
        with pytest.raises(CoaseError):
            Proposal(calls, why)
