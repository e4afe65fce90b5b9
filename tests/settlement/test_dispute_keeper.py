"""A buyer whose keeper holds the seller's stake while they dispute: coase/settlement/dispute_keeper.py."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.settlement.agent_registry import AgentRegistryClient
from coase.settlement.allowance import PriceCap
from coase.settlement.dispute_keeper import DisputeKeeper, Watched
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.institutions import Institutions, deploy_institutions
from coase.settlement.outbox import Outbox
from coase.settlement.policy import confirmed
from coase.terms.agreement import Agreement
from coase.testing.backends import FILLER
from coase.testing.chain import DEPLOYER, DeployedChain, with_contracts
from coase.testing.reorg import add_blocks, reorganise

BUYER, SELLER, ARBITER = (Identity.from_seed("dispute keeper", name) for name in ("buyer", "seller", "arbiter"))
STAKE, PRICE, DEEP = 5_000, 1_000, 5
HASH = bytes(31) + b"x"


@dataclass
class World:
    """A market with a registry."""

    backend: EmbeddedChain
    chain: DeployedChain
    places: Institutions

    def agents(self, who: Identity, outbox: Outbox | None = None) -> AgentRegistryClient:
        """The registry as this party sees it."""
        box, cap = outbox or self.chain.outbox(who), PriceCap(self.chain.contracts.token, 2 * STAKE)
        return AgentRegistryClient(self.chain.w3, box, self.places.registry, self.chain.chain_id, cap)

    def keeper(self, db: sqlite3.Connection | None = None) -> DisputeKeeper:
        """The buyer's."""
        box = self.chain.outbox(BUYER, db)
        return DisputeKeeper(self.chain.client(BUYER, box), self.agents(BUYER, box))

    async def agent(self, name: str = "agent", stake: int = STAKE, uri: str = "") -> int:
        """An agent of the seller with a stake."""
        registry = self.agents(SELLER)
        found = await registry.register(name, uri)
        if stake:
            await registry.stake(f"stake/{name}", found, stake)
        return found

    async def agreement(self, number: int = 1, **changes: Any) -> Agreement:
        """Between buyer and seller."""
        now = await self.backend.now()
        values: dict[str, Any] = {
            "buyer": BUYER.account,
            "seller": SELLER.account,
            "arbiter": ARBITER.account,
            "token": self.chain.contracts.token,
            "price": PRICE,
            "deliver_by": now + 1_000,
            "review_seconds": 1_000,
            "ruling_seconds": 10_000,
            "terms_hash": "ab" * 32,
            "salt": f"{number:064x}",
        }
        return Agreement(**{**values, **changes})

    async def delivered(self, keeper: DisputeKeeper, agreement: Agreement, agent: int | None = None) -> bytes:
        """Opened under guard and delivered; its id."""
        deal = keeper.escrow.digest(agreement)
        record = keeper.guard(agreement, agent=agent)
        await keeper.escrow.open(f"open/{agreement.salt}", agreement, SELLER.sign(deal), record=record)
        await self.chain.client(SELLER).deliver(f"deliver/{agreement.salt}", agreement, HASH)
        return deal


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A chain that can change its mind, with market and institutions."""
    people = (BUYER, SELLER, ARBITER)
    alloc = {who.account: 10**20 for who in (*people, DEPLOYER, FILLER)}
    async with EmbeddedChain(alloc=alloc) as backend:
        dollars = {who.account: 100_000 for who in people}
        async with with_contracts(backend, dollars) as chain:
            yield World(backend, chain, await deploy_institutions(chain.outbox(DEPLOYER), chain.contracts))


async def test_an_open_dispute_holds_the_stake() -> None:
    """Nothing is done before a dispute; then it is frozen in the next turn, once; over, the deal is forgotten."""
    async with world() as w:
        agent, keeper, agreement = await w.agent(), w.keeper(), await w.agreement()
        deal = await w.delivered(keeper, agreement, agent)
        turns = keeper.run(lambda: add_blocks(w.backend, FILLER, 1))
        assert await anext(turns) == [Watched(deal)]
        await keeper.escrow.dispute("dispute", agreement, HASH)  # by whoever has this outbox
        (watched,) = await anext(turns)
        assert watched.outcome == "frozen"
        assert watched.receipt is not None
        assert (await keeper.agents.stake_of(agent)).disputes == 1
        assert await keeper.tend() == [Watched(deal, "frozen")]
        await w.chain.client(ARBITER).rule("rule", agreement, 4_000)
        assert await keeper.tend() == [Watched(deal, "over")]
        assert (await keeper.tend(), keeper.guarded()) == ([], [])


async def test_a_seller_that_leaves_is_too_late() -> None:
    """Its stake was asked back a week ago, and could go now: the dispute holds it in the same breath."""
    async with world() as w:
        agent, keeper = await w.agent(), w.keeper()
        seller = w.agents(SELLER)
        await seller.request_unstake("ask", agent, STAKE)
        await w.backend.wait_until((await seller.stake_of(agent)).ready_at)
        agreement = await w.agreement()
        deal = await w.delivered(keeper, agreement)
        receipt, watched = await keeper.dispute("dispute", agreement, HASH)
        assert watched.outcome == "frozen"
        assert watched.receipt is not None
        assert watched.receipt.block_number == receipt.block_number + 1
        assert await keeper.agents.frozen_by(deal) == agent
        with pytest.raises(TransactionReverted) as held:
            await seller.unstake("out", agent, SELLER.account)
        assert held.value.reason == "Registry_Frozen(1)"
        assert await keeper.dispute("dispute", agreement, HASH) == (receipt, Watched(deal, "frozen"))


async def test_the_agent_is_found_by_its_stake() -> None:
    """Of those that answer for the seller's account, by ownership or as its wallet, the one that stakes most."""
    async with world() as w:
        keeper, registry = w.keeper(), w.agents(SELLER)
        assert await registry.answering(SELLER.account) == []
        poor, rich = await w.agent("poor", 0, "ipfs://poor"), await w.agent("rich")
        other = await w.agents(ARBITER).register("other")
        assert await registry.answering(SELLER.account) == [rich, poor]
        deadline = await w.backend.now() + 200
        consent = registry.consent(SELLER, other, ARBITER.account, deadline)
        await w.agents(ARBITER).set_wallet("wallet", other, SELLER.account, deadline, consent)
        given = await w.agents(ARBITER).register("given")
        nft = w.agents(ARBITER).contract
        await nft.send("give", "transferFrom", ARBITER.account, SELLER.account, given)
        assert await registry.answering(SELLER.account) == [rich, poor, other, given]
        agreement = await w.agreement()
        deal = await w.delivered(keeper, agreement)
        await keeper.dispute("dispute", agreement, HASH)
        assert await keeper.agents.frozen_by(deal) == rich


async def test_each_leg_of_a_bundle_is_guarded() -> None:
    """The leg that is disputed holds its seller's stake; the other one holds nothing."""
    async with world() as w:
        agent, keeper = await w.agent(), w.keeper()
        accept_by = await w.backend.now() + 500
        legs = [await w.agreement(n, bundle="0b" * 32, accept_by=accept_by) for n in (1, 2)]
        signatures = [SELLER.sign(keeper.escrow.digest(leg)) for leg in legs]
        await keeper.escrow.open_bundle("open", legs, signatures, record=keeper.guard(*legs, agent=agent))
        assert len(keeper.guarded()) == 2
        for number, leg in enumerate(legs):
            await w.chain.client(SELLER).deliver(f"deliver/{number}", leg, HASH)
        await keeper.escrow.dispute("dispute", legs[1], HASH)
        outcomes = {watched.deal: watched.outcome for watched in await keeper.tend()}
        assert outcomes == {keeper.escrow.digest(legs[0]): None, keeper.escrow.digest(legs[1]): "frozen"}
        assert (await keeper.agents.stake_of(agent)).disputes == 1


async def test_nobody_answers_for_the_seller() -> None:
    """Where there is no agent the dispute stands, and the keeper says so; a stranger's agent is refused."""
    async with world() as w:
        keeper, agreement = w.keeper(), await w.agreement()
        deal = await w.delivered(keeper, agreement)
        assert (await keeper.dispute("dispute", agreement, HASH))[1] == Watched(deal, "nobody")
        other = await w.agreement(2)
        stranger = await w.agents(ARBITER).register("stranger")
        await w.delivered(keeper, other, stranger)
        _, watched = await keeper.dispute("dispute/2", other, HASH)
        assert isinstance(watched.trouble, TransactionReverted)
        assert watched.trouble.reason.startswith("Registry_NotItsDeal")


@pytest.mark.parametrize("known", [True, False])
async def test_a_seller_that_shows_a_smaller_stake_first_gains_nothing(known: bool) -> None:
    """The larger one takes its place, once, whether or not the buyer knows which agent stakes it."""
    async with world() as w:
        keeper, empty, agent = w.keeper(), await w.agent("empty", 0), await w.agent()
        agreement = await w.agreement()
        deal = await w.delivered(keeper, agreement, agent if known else None)
        await keeper.escrow.dispute("dispute", agreement, HASH)
        await w.agents(SELLER).freeze("first", empty, agreement)
        (watched,) = await keeper.tend()
        assert (watched.outcome, watched.trouble) == ("frozen", None)
        assert watched.receipt is not None
        assert await keeper.agents.frozen_by(deal) == agent
        assert (await keeper.agents.stake_of(empty)).disputes == 0
        assert await keeper.tend() == [Watched(deal, "frozen")]


async def test_a_dispute_that_holds_as_much_elsewhere_is_told_of() -> None:
    """An equal stake is not exchanged: the keeper says that it is not the guarded one."""
    async with world() as w:
        keeper, twin, agent = w.keeper(), await w.agent("twin"), await w.agent()
        agreement = await w.agreement()
        deal = await w.delivered(keeper, agreement, agent)
        await keeper.escrow.dispute("dispute", agreement, HASH)
        await w.agents(SELLER).freeze("first", twin, agreement)
        assert await keeper.tend() == [Watched(deal, "elsewhere")]


async def test_a_reorganisation_undoes_the_freeze_and_the_end() -> None:
    """Five blocks deep: it is frozen again, and a deal is guarded until its end is final."""
    async with world() as w:
        agent, keeper, agreement = await w.agent(), w.keeper(), await w.agreement()
        keeper.escrow.outbox.watch.finality = confirmed(DEEP + 2)  # rows stay open for so long
        deal = await w.delivered(keeper, agreement, agent)
        await keeper.escrow.dispute("dispute", agreement, HASH)
        assert (await keeper.tend())[0].outcome == "frozen"
        await add_blocks(w.backend, FILLER, DEEP - 1)
        await reorganise(w.backend, DEEP, FILLER)
        assert await keeper.agents.frozen_by(deal) == 0
        assert await keeper.tend() == [Watched(deal, "frozen")]
        assert await keeper.agents.frozen_by(deal) == agent
        for turn in ("undone", "stays"):
            await w.chain.client(ARBITER).rule(turn, agreement, 4_000)
            await add_blocks(w.backend, FILLER, DEEP - 1)
            assert await keeper.tend() == [Watched(deal, "over")]
            assert len(keeper.guarded()) == 1
            if turn == "undone":
                await reorganise(w.backend, DEEP, FILLER)
                assert await keeper.tend() == [Watched(deal, "frozen")]
        await add_blocks(w.backend, FILLER, 2)
        await keeper.tend()
        assert keeper.guarded() == []


async def test_dead_at_any_point_the_stake_is_held(crashes: Any, tmp_path: Path) -> None:
    """From the dispute to the freeze, whatever step comes last: the next life has both, once."""
    async with world() as w:
        agent = await w.agent()
        at, died = 0, True
        while died:
            at += 1
            with closing(sqlite3.connect(tmp_path / f"{at}", isolation_level=None)) as db:
                agreement = await w.agreement(at)
                deal = w.chain.client(BUYER).digest(agreement)
                await w.chain.client(BUYER).open("open", agreement, SELLER.sign(deal))
                await w.chain.client(SELLER).deliver("deliver", agreement, HASH)
                with crashes.die_at(at):
                    await w.keeper(db).dispute("dispute", agreement, HASH)
                died = len(crashes.names) == at
                second = w.keeper(db)
                turn = await second.tend()
                if second.escrow.outbox.knows("dispute"):  # decided: the next life needs nobody to ask again
                    assert [watched.outcome for watched in turn] == ["frozen"], crashes.names[-1]
                else:
                    await second.dispute("dispute", agreement, HASH)
                assert await second.agents.frozen_by(deal) == agent
                rows = db.execute("select intent, status from outbox order by nonce").fetchall()
                assert rows == [("dispute", 1), (f"freeze/{deal.hex()}", 1)]
        assert at > 8
        assert (await w.agents(SELLER).stake_of(agent)).disputes == at
