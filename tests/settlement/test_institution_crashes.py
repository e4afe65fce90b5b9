"""Death between any two steps of any call of the institutions' clients, and a restart: done once, and nothing else.

Each call of each story is made once without a crash. Then, from the same chain and journal, it dies at every crash
point in turn, and a second life asks for it again. The chain must end at the same head (so with the same transactions,
balances and state), the journal with the same rows, the caller with the same result and one record of its decision.
"""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from coase.errors import UsageError
from coase.identity import Identity, keccak
from coase.settlement.agent_registry import AgentRegistryClient
from coase.settlement.allowance import PriceCap
from coase.settlement.assets import AssetsClient, Offer
from coase.settlement.compute_hours import ComputeHoursClient, Promise
from coase.settlement.defaults import PoolTerms
from coase.settlement.deploy import Contracts, deploy
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.evm import Chain
from coase.settlement.governance import Governance, GovernanceClient, GovernanceTerms, deploy_governance
from coase.settlement.institutions import Institutions, deploy_institutions
from coase.settlement.outbox import Outbox
from coase.settlement.reputation import ReputationClient, Said
from coase.settlement.revenue_shares import RevenueSharesClient, create_shares
from coase.settlement.validator_pool import ValidatorPoolClient
from coase.terms.agreement import Agreement
from coase.testing.chain import DEPLOYER, IMPATIENT, DeployedChain, memory_chain

BUYER, SELLER, ONE, TWO, THREE = (
    Identity.from_seed("institution crashes", name) for name in ("buyer", "seller", "one", "two", "three")
)
JURY = (ONE, TWO, THREE)
TERMS = PoolTerms(seat_price=100, penalty=20, fee=5, jury=3, quorum=2, commit_seconds=600, reveal_seconds=600)
RULE = GovernanceTerms(delay=10, period=100, timelock=50, threshold=100, quorum_percent=30)
HOLDERS = {ONE.account: 600, TWO.account: 400}
CONTENT, REQUEST = keccak(b"weights"), keccak(b"request")
PRICE, STAKE, LEAST_POINTS = 1_000, 5_000, 6  # of one transaction: around the row and the block, sent, recorded

Record = Callable[[], None] | None
Act = Callable[[Outbox, Record], Awaitable[Any]]
Story = Callable[["Trial"], Awaitable[None]]
CLIENTS = (
    AgentRegistryClient,
    ValidatorPoolClient,
    ReputationClient,
    GovernanceClient,
    AssetsClient,
    ComputeHoursClient,
    RevenueSharesClient,
)


@dataclass
class Trial:
    """A world in which each thing is done under every death."""

    chain: DeployedChain
    folder: Path
    crashes: Any
    places: Institutions | None = None
    governance: Governance | None = None
    shares: str = ""
    tried: set[str] = field(default_factory=set)
    calls: int = 0

    # ---- the lives

    async def every_point(self, who: Identity, act: Act) -> Any:
        """Do something as this party, under every death; leaves it done, and returns its result."""
        before, image = await self._chain_now(), self._image(who)
        with self.crashes.die_at(0):
            expected = await self._life(who, act)
        names = list(self.crashes.names)
        assert len(names) >= LEAST_POINTS
        for at, name in enumerate(names, 1):
            await self._rewind(before)
            self._journal(who).write_bytes(image)
            with self.crashes.die_at(at):
                await self._life(who, act)
            assert self.crashes.names == names[:at]
            assert await self._life(who, act, resumes=at % 2 == 1) == expected, name
        return expected[0]

    async def _life(self, who: Identity, act: Act, *, resumes: bool = False) -> tuple[Any, ...]:
        """One life of the process: (result, chain, rows, decisions) at its end."""
        with closing(sqlite3.connect(self._journal(who), isolation_level=None)) as db:
            db.execute("pragma synchronous = off")  # the machine goes on, only the life ends
            db.execute("create table if not exists decision (id integer primary key)")
            box = self.outbox(who, db)
            if resumes:
                await box.resume()

            def record() -> None:
                db.execute("insert into decision values (null)")

            result = await act(box, record)
            head = await self.backend.run(lambda chain: chain.head.hash)
            rows = db.execute("select intent, nonce, hash, status from outbox order by nonce").fetchall()
            return result, head, rows, db.execute("select count(*) from decision").fetchone()

    async def _chain_now(self) -> tuple[Any, ...]:
        def read(chain: Chain) -> tuple[Any, ...]:
            return chain.state, list(chain.blocks), dict(chain.by_transaction), chain.offset

        return await self.backend.run(read)

    async def _rewind(self, before: tuple[Any, ...]) -> None:
        def write(chain: Chain) -> None:
            chain.state, chain.blocks, chain.by_transaction = before[0], list(before[1]), dict(before[2])
            chain.offset = before[3]

        await self.backend.run(write)

    def _image(self, who: Identity) -> bytes:
        journal = self._journal(who)
        return journal.read_bytes() if journal.exists() else b""

    def _journal(self, who: Identity) -> Path:
        return self.folder / f"{who.account}.sqlite"

    # ---- what is done

    async def call(self, who: Identity, kind: Any, method: str, *values: Any) -> Any:
        """A method of a client under every death, with an intent of its own and a record where it takes one."""
        self.tried.add(f"{kind.__name__}.{method}")
        self.calls += 1
        intent, recorded = f"{method}/{self.calls}", "record" in inspect.signature(getattr(kind, method)).parameters

        def act(box: Outbox, record: Record) -> Awaitable[Any]:
            more = {"record": record} if recorded else {}
            found: Awaitable[Any] = getattr(self.client(kind, box), method)(intent, *values, **more)
            return found

        return await self.every_point(who, act)

    def client(self, kind: Any, box: Outbox) -> Any:
        """A client of some kind over an outbox."""
        w3, chain_id, places, market = self.chain.w3, self.chain.chain_id, self.places, self.chain.contracts
        cap = PriceCap(market.token, 10_000)
        if kind is GovernanceClient:
            assert self.governance is not None
            return GovernanceClient(w3, box, self.governance, market.rules)
        if kind is RevenueSharesClient:
            return RevenueSharesClient(w3, box, self.shares)
        assert places is not None
        if kind is AgentRegistryClient:
            return AgentRegistryClient(w3, box, places.registry, chain_id, cap)
        if kind is ValidatorPoolClient:
            return ValidatorPoolClient(w3, box, places.validators, cap)
        if kind is ReputationClient:
            return ReputationClient(w3, box, places.reputation)
        if kind is AssetsClient:
            return AssetsClient(w3, box, places.assets, chain_id, cap)
        return ComputeHoursClient(w3, box, places.hours)

    def reader(self, kind: Any, who: Identity = BUYER) -> Any:
        """A client for what is not tried: reading, and steps in between. Its outbox is in memory."""
        return self.client(kind, self.chain.outbox(who))

    # ---- the surroundings

    @property
    def backend(self) -> EmbeddedChain:
        """The chain."""
        assert isinstance(self.chain.backend, EmbeddedChain)
        return self.chain.backend

    def outbox(self, who: Identity, db: sqlite3.Connection) -> Outbox:
        """The outbox of a new life."""
        return Outbox(self.chain.w3, who, db, self.chain.chain_id, patience=IMPATIENT)

    async def institutions(self) -> Institutions:
        """Deploy them, without deaths."""
        self.places = await deploy_institutions(self.chain.outbox(DEPLOYER), self.chain.contracts, TERMS)
        return self.places

    async def disputed(self) -> Agreement:
        """A deal under the pool that was delivered, and that its buyer disputes."""
        assert self.places is not None
        return await self.chain.disputed(BUYER, SELLER, self.places.validators, price=PRICE)


# ---- the stories


async def registry(t: Trial) -> None:
    """An agent from its registration to the end of a dispute about it."""
    await t.institutions()
    call = partial(t.call, SELLER, AgentRegistryClient)
    agent = await call("register", "ipfs://file", {"kind": b"gpu"})
    assert await call("register") == agent + 1
    await call("set_uri", agent, "https://example.org/a.json")
    await call("set_metadata", agent, "kind", b"tpu")
    deadline = await t.backend.now() + 200
    consent = t.reader(AgentRegistryClient).consent(TWO, agent, SELLER.account, deadline)
    await call("set_wallet", agent, TWO.account, deadline, consent)
    await call("unset_wallet", agent)
    await call("stake", agent, STAKE)
    await call("request_unstake", agent, 2_000)
    deal = await t.disputed()
    name = t.chain.client(BUYER).digest(deal)
    await t.call(BUYER, AgentRegistryClient, "freeze", agent, deal)
    await t.chain.client(BUYER).release("give in", deal)
    await t.call(BUYER, AgentRegistryClient, "thaw", name)
    await t.call(BUYER, AgentRegistryClient, "collect")
    await t.backend.wait_until((await t.reader(AgentRegistryClient).stake_of(agent)).ready_at)
    await call("unstake", agent, SELLER.account)
    assert (await t.reader(AgentRegistryClient).stake_of(agent)).amount == STAKE - 2_000


async def pool(t: Trial) -> None:
    """A jury from its seats to what it earned."""
    await t.institutions()
    seats = await t.call(ONE, ValidatorPoolClient, "join", 1)
    for who in JURY[1:]:
        await t.reader(ValidatorPoolClient, who).join("join", 1)
    deal = await t.disputed()
    name = t.chain.client(BUYER).digest(deal)
    await t.call(BUYER, ValidatorPoolClient, "request", deal)
    for number in range(3):  # the block that draws comes
        await t.reader(AgentRegistryClient).register(f"tick/{number}")
    await t.call(BUYER, ValidatorPoolClient, "draw", name)
    other = t.reader(ValidatorPoolClient, TWO)
    place, others = [next(iter(await t.reader(ValidatorPoolClient, who).places(name))) for who in JURY[:2]]
    await other.commit("commit", name, others, 5_000)
    for points in (5_000, 6_000):  # changes its mind
        await t.call(ONE, ValidatorPoolClient, "commit", name, place, points)
    await t.backend.wait_until((await other.case(name)).commit_end + 1)
    await other.reveal("reveal", name, others)
    await t.call(ONE, ValidatorPoolClient, "reveal", name, place)
    assert (await other.vote(name, place)).basis_points == 6_000
    await t.backend.wait(600)
    await t.call(BUYER, ValidatorPoolClient, "finish", deal)
    await t.call(TWO, ValidatorPoolClient, "withdraw", TWO.account)
    await t.call(ONE, ValidatorPoolClient, "announce_exits")
    await t.backend.wait(3_601)
    await t.call(ONE, ValidatorPoolClient, "give_up", seats, ONE.account)


async def eviction(t: Trial) -> None:
    """A seat that is silent until its stake is gone."""
    t.places = await deploy_institutions(
        t.chain.outbox(DEPLOYER),
        t.chain.contracts,
        PoolTerms(seat_price=100, penalty=60, fee=5, jury=3, quorum=2, commit_seconds=600, reveal_seconds=600),
    )
    for who in JURY:
        await t.reader(ValidatorPoolClient, who).join("join", 1)
    deal = await t.disputed()
    name = t.chain.client(BUYER).digest(deal)
    buyer = t.reader(ValidatorPoolClient)
    await buyer.request("request", deal)
    for number in range(3):
        await t.reader(AgentRegistryClient).register(f"tick/{number}")
    await buyer.draw("draw", name)
    await t.backend.wait(2_000)
    await buyer.finish("finish", deal)
    await buyer.announce_exits("exits")
    await t.backend.wait(3_601)
    await t.call(BUYER, ValidatorPoolClient, "evict", 1)


async def reputation(t: Trial) -> None:
    """What a buyer says after a deal, and takes back."""
    await t.institutions()
    agent = await t.reader(AgentRegistryClient, SELLER).register("agent")
    deal = await t.disputed()
    await t.chain.client(BUYER).release("give in", deal)
    await t.call(BUYER, ReputationClient, "use_receipt", deal, agent)
    assert await t.call(BUYER, ReputationClient, "say", agent, Said(25, 1, "quality", "slow")) == 1
    await t.call(SELLER, ReputationClient, "answer", agent, BUYER.account, 1, "ipfs://sorry", bytes(32))
    await t.call(BUYER, ReputationClient, "take_back", agent, 1)
    assert (await t.reader(ReputationClient).sum_of(agent, "quality")).count == 0


async def governance(t: Trial) -> None:
    """Votes, timelock and governor, and the proposal by which they take the rules."""
    rules = t.chain.contracts.rules
    t.governance = await deploy_governance(t.chain.outbox(DEPLOYER), rules, HOLDERS, RULE)
    await t.call(ONE, GovernanceClient, "delegate")
    await t.backend.wait(1)
    reader = t.reader(GovernanceClient)
    proposal = reader.take_rules()
    assert await t.call(ONE, GovernanceClient, "propose", proposal) == proposal.number
    await t.backend.wait_until((await reader.times(proposal.number))[0] + 1)
    await t.call(ONE, GovernanceClient, "vote", proposal.number, "for")
    await t.backend.wait_until((await reader.times(proposal.number))[1] + 1)
    await t.call(TWO, GovernanceClient, "queue", proposal)
    await t.backend.wait_until((await reader.times(proposal.number))[2])
    await t.call(TWO, GovernanceClient, "execute", proposal)
    assert await reader.rules.read("owner") == t.governance.timelock


async def assets(t: Trial) -> None:
    """A model, access to it, and shares of it."""
    places, token = await t.institutions(), t.chain.contracts.token
    offer = Offer(CONTENT, token, 30)
    await t.call(SELLER, AssetsClient, "mint", CONTENT, "model", "ipfs://weights")
    await t.call(SELLER, AssetsClient, "offer", offer)
    holders = {SELLER.account: 2, THREE.account: 1}
    t.shares = await t.every_point(
        SELLER, lambda box, _: create_shares(box, "shares", places.assets, CONTENT, token, holders)
    )
    await t.call(SELLER, AssetsClient, "transfer", CONTENT, t.shares)
    await t.call(BUYER, AssetsClient, "buy", offer, 3)
    await t.call(BUYER, AssetsClient, "redeem", offer, 2, REQUEST)
    assert await t.call(SELLER, RevenueSharesClient, "claim") == 60
    await t.call(THREE, RevenueSharesClient, "transfer", SELLER.account, 1)
    await t.call(SELLER, RevenueSharesClient, "take_asset", SELLER.account)
    assert await t.reader(AssetsClient).owner(CONTENT) == SELLER.account
    assert await t.reader(AssetsClient).units(offer, BUYER.account) == 1


async def hours(t: Trial) -> None:
    """Computing time, promised, passed on and used."""
    await t.institutions()
    promise = Promise(SELLER.account, keccak(b"terms"), await t.backend.now() + 1_000)
    await t.call(SELLER, ComputeHoursClient, "mint", promise, BUYER.account, 7_200)
    await t.call(BUYER, ComputeHoursClient, "transfer", promise, THREE.account, 3_600)
    await t.call(THREE, ComputeHoursClient, "redeem", promise, 600, REQUEST)
    reader = t.reader(ComputeHoursClient)
    assert [await reader.seconds(promise, who.account) for who in (BUYER, THREE)] == [3_600, 3_000]


async def deployment(t: Trial) -> None:
    """A market of another deployer, the institutions behind it, and its government."""

    async def act(box: Outbox, record: Record) -> tuple[Contracts, Institutions, Governance]:
        market = await deploy(box, {ONE.account: 5})
        places = await deploy_institutions(box, market, TERMS)
        return market, places, await deploy_governance(box, market.rules, HOLDERS, RULE)

    found = await t.every_point(ONE, act)
    assert len({account for places in found for account in vars(places).values()}) == 12


STORIES: dict[Story, dict[Any, str]] = {
    registry: {
        AgentRegistryClient: "register set_uri set_metadata set_wallet unset_wallet stake request_unstake unstake"
        " freeze thaw collect"
    },
    pool: {ValidatorPoolClient: "join announce_exits give_up request draw commit reveal finish withdraw"},
    eviction: {ValidatorPoolClient: "evict"},
    reputation: {ReputationClient: "use_receipt say take_back answer"},
    governance: {GovernanceClient: "delegate propose vote queue execute"},
    assets: {AssetsClient: "mint transfer offer buy redeem", RevenueSharesClient: "claim transfer take_asset"},
    hours: {ComputeHoursClient: "mint transfer redeem"},
    deployment: {},
}


def methods(kinds: dict[Any, str]) -> set[str]:
    """Names of methods with their client's."""
    return {f"{kind.__name__}.{name}" for kind, names in kinds.items() for name in names.split()}


@asynccontextmanager
async def trial(crashes: Any, folder: Path) -> AsyncIterator[Trial]:
    """A world with the market's contracts, whose blocks have crash points as one on disk has."""
    people = [who.account for who in (BUYER, SELLER, *JURY)]
    async with memory_chain(people) as chain:
        found = Trial(chain, folder, crashes)
        await found.backend.run(lambda one: setattr(one, "persist", lambda block: None))
        yield found


LONG = (deployment,)  # sixteen transactions in one call: a hundred deaths, each on the way to the last


@pytest.mark.parametrize(
    "story",
    [pytest.param(one, marks=pytest.mark.soak if one in LONG else ()) for one in STORIES],
    ids=lambda story: story.__name__,
)
async def test_every_call_survives_every_death(story: Story, crashes: Any, tmp_path: Path) -> None:
    """Nothing is lost, nothing is doubled, whatever step of whatever call comes last in the first life."""
    async with trial(crashes, tmp_path) as t:
        await story(t)
        assert t.tried == methods(STORIES[story])


def test_the_stories_leave_no_call_out() -> None:
    """Every method that takes an intent is in one of them."""
    acting = {
        f"{kind.__name__}.{name}"
        for kind in CLIENTS
        for name, method in inspect.getmembers(kind, inspect.iscoroutinefunction)
        if not name.startswith("_") and "intent" in inspect.signature(method).parameters
    }
    assert set().union(*map(methods, STORIES.values())) == acting


# ---- another call first


@pytest.mark.parametrize("kind", [AgentRegistryClient, ValidatorPoolClient], ids=lambda kind: kind.__name__)
async def test_another_payment_may_come_first_in_the_next_life(kind: Any, crashes: Any, tmp_path: Path) -> None:
    """The allowance that a crash left for one payment serves an equal one; the first is then given another."""
    async with trial(crashes, tmp_path) as t:
        await t.institutions()
        agent = await t.reader(AgentRegistryClient, SELLER).register("agent")
        token = t.chain.client(SELLER)

        async def pay(box: Outbox, intent: str) -> None:
            client = t.client(kind, box)
            await (client.stake(intent, agent, 100) if kind is AgentRegistryClient else client.join(intent, 1))

        at = 0
        while True:
            at += 1
            before = await token.balance(SELLER.account)
            with closing(sqlite3.connect(tmp_path / f"{at}", isolation_level=None)) as db:
                with crashes.die_at(at):
                    await pay(t.outbox(SELLER, db), f"first/{at}")
                died = len(crashes.names) == at
                box = t.outbox(SELLER, db)
                for intent in ("second", "first"):
                    await pay(box, f"{intent}/{at}")
            assert before - await token.balance(SELLER.account) == 200, crashes.names[-1]
            if not died:
                break
        assert at > 2 * LEAST_POINTS


async def test_a_vote_that_came_too_late_does_not_hide_the_one_before(crashes: Any, tmp_path: Path) -> None:
    """Killed between deciding and sending, back when the commits are over: the vote that the chain has is shown."""
    async with trial(crashes, tmp_path) as t:
        await t.institutions()
        for who in JURY:
            await t.reader(ValidatorPoolClient, who).join("join", 1)
        deal = await t.disputed()
        name, buyer = t.chain.client(BUYER).digest(deal), t.reader(ValidatorPoolClient)
        await buyer.request("request", deal)
        for number in range(3):
            await t.reader(AgentRegistryClient).register(f"tick/{number}")
        await buyer.draw("draw", name)
        with closing(sqlite3.connect(tmp_path / "one", isolation_level=None)) as db:
            first = t.client(ValidatorPoolClient, t.outbox(ONE, db))
            (place,) = await first.places(name)
            await first.commit("vote", name, place, 2_000)
            with crashes.die_at(2):
                await first.commit("second thought", name, place, 9_000)
            assert crashes.names[-1] == "outbox after second thought"
            await t.backend.wait_until((await buyer.case(name)).commit_end + 1)
            second = t.client(ValidatorPoolClient, t.outbox(ONE, db))
            await second.reveal("show", name, place)
            assert (await buyer.vote(name, place)).basis_points == 2_000
            other = t.reader(ValidatorPoolClient, TWO)
            with pytest.raises(UsageError):
                await other.reveal("show", name, place)
