"""Registry, validators and reputation through their clients: agent_registry.py, validator_pool.py, reputation.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from coase.errors import CoaseError, SettlementError, TransactionReverted
from coase.identity import Identity
from coase.money import DOLLAR
from coase.settlement.agent_registry import Agent, AgentRegistryClient, Stake
from coase.settlement.allowance import PriceCap
from coase.settlement.defaults import PoolTerms
from coase.settlement.institutions import Institutions, deploy_institutions
from coase.settlement.reputation import ReputationClient, Said, Sum
from coase.settlement.validator_pool import ValidatorPoolClient
from coase.terms.agreement import Agreement
from coase.testing.chain import DEPLOYER, DeployedChain, memory_chain

BUYER, SELLER, ONE, TWO, THREE = (
    Identity.from_seed("institutions", name) for name in ("buyer", "seller", "one", "two", "three")
)
JURY = (ONE, TWO, THREE)
TERMS = PoolTerms(seat_price=100, penalty=20, fee=5, jury=3, quorum=2, commit_seconds=600, reveal_seconds=600)
START, PRICE, STAKE = 1_000 * DOLLAR, 1_000, 5_000


@dataclass
class World:
    """A chain with everything on it."""

    chain: DeployedChain
    places: Institutions

    def agents(self, who: Identity) -> AgentRegistryClient:
        """The registry as this party sees it."""
        cap = PriceCap(self.chain.contracts.token, 10_000)
        return AgentRegistryClient(
            self.chain.w3, self.chain.outbox(who), self.places.registry, self.chain.chain_id, cap
        )

    def pool(self, who: Identity) -> ValidatorPoolClient:
        """The pool as this party sees it."""
        cap = PriceCap(self.chain.contracts.token, 1_000)
        return ValidatorPoolClient(self.chain.w3, self.chain.outbox(who), self.places.validators, cap)

    def reputation(self, who: Identity) -> ReputationClient:
        """Reputation as this party sees it."""
        return ReputationClient(self.chain.w3, self.chain.outbox(who), self.places.reputation)

    async def disputed(self) -> Agreement:
        """A deal under the pool that was delivered, and that its buyer disputes."""
        return await self.chain.disputed(BUYER, SELLER, self.places.validators, price=PRICE)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A chain, contracts, institutions; everybody has dollars."""
    people = [who.account for who in (BUYER, SELLER, *JURY)]
    async with memory_chain(people) as chain:
        deployer = chain.outbox(DEPLOYER)
        found = await deploy_institutions(deployer, chain.contracts, TERMS)
        assert await deploy_institutions(deployer, chain.contracts, TERMS) == found
        yield World(chain, found)


async def test_an_agent_on_the_chain() -> None:
    """Registered in three ways, told about, moved to another wallet by its consent alone."""
    async with world() as w:
        registry = w.agents(SELLER)
        first = await registry.register("one")
        second = await registry.register("two", "ipfs://file")
        third = await registry.register("three", "ipfs://file", {"kind": b"gpu"})
        assert [first, second, third, await registry.count()] == [1, 2, 3, 3]
        assert await registry.register("one") == 1  # asked again, it is the same
        assert await registry.agent(third) == Agent(SELLER.account, SELLER.account, "ipfs://file")
        assert await registry.metadata(third, "kind") == b"gpu"
        await registry.set_metadata("m", third, "kind", b"tpu")
        await registry.set_uri("u", third, "https://example.org/a.json")
        deadline = await w.chain.backend.now() + 200
        consent = registry.consent(TWO, third, SELLER.account, deadline)
        with pytest.raises(TransactionReverted) as refused:
            await registry.set_wallet("w", third, ONE.account, deadline, consent)
        assert refused.value.reason == f"Registry_NotSignedBy({ONE.account})"
        await registry.set_wallet("w", third, TWO.account, deadline, consent)
        assert await registry.agent(third) == Agent(SELLER.account, TWO.account, "https://example.org/a.json")
        assert await registry.metadata(third, "kind") == b"tpu"
        assert await registry.answers_for(third, TWO.account)
        await registry.unset_wallet("none", third)
        assert int((await registry.agent(third)).wallet, 16) == 0
        with pytest.raises(TransactionReverted):
            await w.agents(BUYER).set_uri("not mine", third, "x")


async def test_stake_goes_in_exactly_and_comes_out_late() -> None:
    """Under the cap, on an allowance that is used up; out again after the cooldown."""
    async with world() as w:
        registry = w.agents(SELLER)
        agent = await registry.register("agent")
        with pytest.raises(SettlementError) as capped:
            await registry.stake("too much", agent, 10_001)
        assert capped.value.code == "price_cap"
        receipt = await registry.stake("stake", agent, STAKE)
        assert await registry.stake("stake", agent, STAKE) == receipt
        assert await registry.stake_of(agent) == Stake(STAKE, 0, 0, 0)
        await registry.request_unstake("ask", agent, 2_000)
        with pytest.raises(TransactionReverted) as early:
            await registry.unstake("out", agent, SELLER.account)
        assert early.value.reason.startswith("Registry_NotReady")
        await w.chain.backend.wait_until((await registry.stake_of(agent)).ready_at)
        await registry.unstake("out", agent, SELLER.account)
        assert await registry.stake_of(agent) == Stake(STAKE - 2_000, 0, 0, 0)
        assert await w.chain.client(SELLER).balance(SELLER.account) == START - STAKE + 2_000


async def test_a_dispute_before_a_jury() -> None:
    """Frozen, drawn, voted in secret, ruled by the median, slashed; and the buyer says what it thinks of it."""
    async with world() as w:
        registry, pools = w.agents(SELLER), {who: w.pool(who) for who in JURY}
        agent = await registry.register("agent")
        await registry.stake("stake", agent, STAKE)
        assert [await pools[who].join("join", 1) for who in JURY] == [[1], [2], [3]]
        deal = await w.disputed()
        name = w.chain.client(BUYER).digest(deal)
        await w.agents(ONE).freeze("freeze", agent, deal)
        assert ((await registry.stake_of(agent)).disputes, await registry.frozen_by(name)) == (1, agent)

        buyer = w.pool(BUYER)
        await buyer.request("request", deal)
        assert (await buyer.case(name)).phase == "waiting"
        for number in range(3):  # the block that draws comes
            await registry.set_metadata(f"tick/{number}", agent, "k", bytes([number]))
        await buyer.draw("draw", name)
        case = await buyer.case(name)
        assert (case.phase, case.payer) == ("voting", BUYER.account)
        votes = dict(zip(JURY, (2_000, 2_500, 9_000), strict=True))
        for who, points in votes.items():
            (place,) = await pools[who].places(name)
            await pools[who].commit("first thought", name, place, 5_000)
            await pools[who].commit("vote", name, place, points)
            assert (await pools[who].vote(name, place)).hidden
        await w.chain.backend.wait_until(case.commit_end + 1)
        for who, points in votes.items():
            (place,) = await pools[who].places(name)
            await pools[who].reveal("show", name, place)
            assert (await pools[who].vote(name, place)).basis_points == points
        await buyer.finish("finish", deal)
        assert (await buyer.case(name)).phase == "over"
        assert (await w.chain.client(BUYER).status(deal)).status == "settled"
        assert await registry.stake_of(agent) == Stake(STAKE - 750, 0, 0, 0)  # as much as the buyer was given
        assert (await buyer.seat(3)).stake == 80  # the incoherent one
        assert [await buyer.owed(who.account) for who in JURY] == [17, 17, 0]
        await pools[ONE].withdraw("mine", ONE.account)
        assert await w.chain.client(ONE).balance(ONE.account) == START - 100 + 17
        await w.agents(ONE).collect("collect")

        say = w.reputation(BUYER)
        with pytest.raises(TransactionReverted) as unheard:
            await say.say("poor", agent, Said(2, tag="quality"))
        assert unheard.value.reason.startswith("Reputation_NoReceipt")
        await say.use_receipt("receipt", deal, agent)
        assert await say.rights(agent, BUYER.account) == 1
        assert await say.say("poor", agent, Said(25, 1, "quality", "slow")) == 1
        assert (await say.sum_of(agent, "quality"), await say.clients(agent)) == (
            Sum(1, 25 * 10**17),
            [BUYER.account],
        )
        assert (await say.sum_of(agent, "quality")).mean == 2.5
        await w.reputation(SELLER).answer("sorry", agent, BUYER.account, 1, "ipfs://sorry", bytes(32))
        await say.take_back("again", agent, 1)
        assert await say.said_by(agent, BUYER.account) == [(Said(25, 1, "quality", "slow"), True)]
        assert (await say.sum_of(agent, "quality")).mean is None


async def test_what_is_refused_before_anything_is_sent() -> None:
    """Votes, seats, values, tags and texts that cannot be."""
    async with world() as w:
        pool, registry = w.pool(ONE), w.agents(ONE)
        refused = {
            "bad_vote": pool.commit("v", bytes(32), 0, 10_001),
            "no_vote": pool.reveal("r", bytes(32), 0),
            "bad_count": pool.join("j", 0),
            "price_cap": pool.join("j", 11),
            "bad_metadata": registry.register("x", "u" * 5_000),
            "bad_hash": registry.thaw("t", b"short"),
        }
        for code, action in refused.items():
            with pytest.raises(CoaseError) as caught:
                await action
            assert caught.value.code == code
        with pytest.raises(CoaseError):
            await registry.register("y", metadata={"agentWallet": bytes(20)})


@pytest.mark.parametrize(
    "bad", [{"value": 10**20 + 1}, {"value": True}, {"value": 1, "decimals": 19}, {"value": 1, "tag": "x" * 32}]
)
def test_what_nobody_can_say(bad: dict[str, Any]) -> None:
    """Too large, no number, too fine, a tag too long: as the contract has it."""
    with pytest.raises(CoaseError):
        Said(**bad)
