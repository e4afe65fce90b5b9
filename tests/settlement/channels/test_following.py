"""A till that hears of withdrawals from the index: coase/settlement/channels/following.py."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ChainUnavailable, PaymentRefused
from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.config import ChannelConfig, Place, channel_id
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.following import Follower, channel_index
from coase.settlement.channels.keeping import Keeper
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.node import Node
from coase.settlement.policy import MINED, Finality, confirmed
from coase.settlement.provider import connect
from coase.testing.backends import FILLER
from coase.testing.chain import DEPLOYER, IMPATIENT, DeployedChain, FlakyProvider, with_contracts
from coase.testing.clock import ManualClock
from coase.testing.reorg import add_blocks, reorganise

ALICE, BOB = (Identity.from_seed("following", name) for name in ("alice", "bob"))
DEPOSIT, DELAY, DEEP = 1_000, 3_600, 5


class Counting(FlakyProvider):
    """A node that counts what it is asked, and may be down."""

    down = False

    async def make_request(self, method: Any, params: Any) -> Any:
        if self.down:
            raise TimeoutError("down")
        return await super().make_request(method, params)


@dataclass
class Scene:
    """Alice pays Bob, whose till follows the index."""

    backend: EmbeddedChain
    chain: DeployedChain
    folder: Path
    clock: ManualClock
    node: Counting
    finality: Finality
    book: sqlite3.Connection

    def __post_init__(self) -> None:
        self.place = Place(self.chain.chain_id, self.chain.contracts.channels)
        cap = PriceCap(self.chain.contracts.token, 10 * DEPOSIT)
        self.alice, self.bob = (
            ChannelsClient(self.chain.w3, self.chain.outbox(who), self.place, cap) for who in (ALICE, BOB)
        )
        self.payer = Payer(ALICE, self.place, self.chain.database(), most_a_call=DEPOSIT)
        self.begin()

    def begin(self) -> None:
        """A life of the till's process: what it knows is in its book."""
        self.till = Till(self.place, Terms(BOB.account, self.chain.contracts.token), self.book, self.clock)
        index = channel_index(Node(connect(self.node), IMPATIENT), self.book, self.place)
        self.follower = Follower(self.till, index, self.finality)

    def config(self, number: int = 0) -> ChannelConfig:
        """A channel to Bob."""
        token = self.chain.contracts.token
        return ChannelConfig(ALICE.account, BOB.account, token, DELAY, salt=f"0x{number:064x}")

    async def channel(self, number: int = 0) -> ChannelConfig:
        """One that is funded, that the payer knows, and that the till has looked at."""
        config = self.config(number)
        await self.alice.deposit(f"deposit/{number}", config, DEPOSIT)
        self.payer.funded(config, DEPOSIT)
        await self.till.look(self.bob, config)
        return config

    def charge(self, config: ChannelConfig, call: str, price: int = 100) -> str:
        """Charge a call: "" or why not."""
        try:
            self.till.charge(self.payer.pay(config, call, price), price)
        except PaymentRefused as error:
            return error.code
        return ""

    def state(self, config: ChannelConfig) -> Any:
        """What the till knows."""
        return self.till.account(channel_id(config, self.place)).state


@asynccontextmanager
async def scene(folder: Path, finality: Finality = MINED) -> AsyncIterator[Scene]:
    """A chain that can change its mind, contracts, two parties."""
    alloc = {who.account: 10**20 for who in (ALICE, BOB, DEPLOYER, FILLER)}
    with closing(sqlite3.connect(folder / "till.sqlite", isolation_level=None)) as book:
        async with (
            EmbeddedChain(alloc=alloc) as backend,
            with_contracts(backend, {ALICE.account: 100 * DEPOSIT}) as chain,
        ):
            node = Counting(backend.w3.provider, [])
            yield Scene(backend, chain, folder, ManualClock(), node, finality, book)


async def test_a_withdrawal_is_seen_without_asking_about_channels(tmp_path: Path) -> None:
    """No state is read: a few requests, however many channels there are; the others stay fresh."""
    async with scene(tmp_path) as s:
        configs = [await s.channel(number) for number in range(5)]
        await s.follower.start(s.bob)
        s.clock.advance(800)
        await s.alice.initiate_withdraw("ask", configs[1], 500)
        s.node.seen.clear()
        await s.follower.sync()
        assert "eth_call" not in s.node.seen
        assert len(s.node.seen) < 12
        s.clock.advance(800)  # older than `looks_every`, had the events not been read
        assert [s.charge(config, "a") for config in configs] == ["", "withdrawal_pending", "", "", ""]
        await s.alice.cancel_withdraw("stay", configs[1])
        await s.follower.sync()
        assert s.charge(configs[1], "b") == ""
        s.clock.advance(901)
        assert s.charge(configs[0], "c") == "state_is_old"


async def test_a_withdrawal_lapses_with_its_window(tmp_path: Path) -> None:
    """Nothing is said about that on the chain: time tells."""
    async with scene(tmp_path) as s:
        config = await s.channel()
        await s.alice.initiate_withdraw("ask", config, 500)
        await s.follower.sync()
        assert s.charge(config, "a") == "withdrawal_pending"
        await s.backend.wait(DELAY + 24 * 3_600 + 2)
        await add_blocks(s.backend, FILLER, 1)
        await s.follower.sync()
        assert s.charge(config, "a") == ""


@pytest.mark.parametrize("what", ["withdrawal", "cancellation", "top up", "claim"])
async def test_a_reorganisation_unsees(tmp_path: Path, what: str) -> None:
    """Five blocks go away with what was said in them: the till knows what a new one would."""
    async with scene(tmp_path) as s:
        config = await s.channel()
        assert s.charge(config, "before", 300) == ""
        if what == "cancellation":
            await s.alice.initiate_withdraw("ask", config, 500)
        await s.follower.sync()
        before = s.state(config)
        acts: dict[str, Callable[[], Any]] = {
            "withdrawal": lambda: s.alice.initiate_withdraw("ask", config, 500),
            "cancellation": lambda: s.alice.cancel_withdraw("stay", config),
            "top up": lambda: s.alice.deposit("more", config, 500),
            "claim": lambda: Collector(s.till, s.bob).collect(everything=True),
        }
        await acts[what]()
        await add_blocks(s.backend, FILLER, DEEP - 1)
        await s.follower.sync()
        assert replace(s.state(config), seen_at=0) != replace(before, seen_at=0)
        await reorganise(s.backend, DEEP, FILLER)
        changes = await s.follower.sync()
        assert changes.removed >= 1
        assert replace(s.state(config), seen_at=0) == replace(before, seen_at=0)
        account = s.till.account(channel_id(config, s.place))
        assert (account.charged, account.unclaimed) == (300, 300)
        assert account.since is not None


async def test_a_claim_that_is_undone_is_made_again(tmp_path: Path) -> None:
    """By its outbox; in the end it is paid once."""
    async with scene(tmp_path, confirmed(DEEP + 2)) as s:
        s.bob.outbox.watch.finality = s.finality  # so that its rows stay open for so long
        config = await s.channel()
        await add_blocks(s.backend, FILLER, DEEP + 2)
        await s.follower.sync()
        assert s.charge(config, "a", 400) == ""
        keeper = Keeper(s.follower, Collector(s.till, s.bob))
        await keeper.collector.collect(everything=True)
        await add_blocks(s.backend, FILLER, DEEP - 1)
        await reorganise(s.backend, DEEP, FILLER)
        for _ in range(3):
            turn = await keeper.tend()
            assert turn.trouble is None
        await keeper.collector.collect(everything=True)
        await s.follower.sync()
        account = s.till.account(channel_id(config, s.place))
        assert (account.charged, account.unclaimed, account.state.claimed) == (400, 0, 400)
        assert await s.bob.owed(BOB.account, s.chain.contracts.token) == 400


async def test_a_deposit_that_is_undone_buys_nothing(tmp_path: Path) -> None:
    """It counts when it is deep enough, and no longer when it is gone."""
    async with scene(tmp_path, confirmed(3)) as s:
        config = await s.channel()
        await s.follower.sync()
        assert s.charge(config, "a") == "overdrawn"
        await add_blocks(s.backend, FILLER, 2)
        await s.follower.sync()
        assert s.charge(config, "a") == ""
        await reorganise(s.backend, 3, FILLER)
        await s.follower.sync()
        assert s.state(config).balance == 0
        assert s.charge(config, "b") == "overdrawn"


async def test_what_was_looked_at_is_unseen_too(tmp_path: Path) -> None:
    """A state that was read from a block which the index never met does not stay for ever."""
    async with scene(tmp_path) as s:
        config = await s.channel()
        await s.follower.sync()
        await s.alice.initiate_withdraw("ask", config, 500)
        await s.till.look(s.bob, config)
        assert s.charge(config, "a") == "withdrawal_pending"
        await reorganise(s.backend, 1, FILLER)
        assert (await s.follower.sync()).removed == 0
        assert s.charge(config, "a") == ""


async def test_a_look_at_a_newer_block_is_kept(tmp_path: Path) -> None:
    """A node of the index that lags does not talk the till out of a withdrawal that it has seen."""
    async with scene(tmp_path) as s:
        config = await s.channel()
        await s.follower.sync()
        await s.alice.initiate_withdraw("ask", config, 500)
        await s.till.look(s.bob, config)
        head = await s.backend.run(lambda chain: chain.blocks.pop())  # what the index is shown
        await s.follower.sync()
        assert s.charge(config, "a") == "withdrawal_pending"
        await s.backend.run(lambda chain: chain.blocks.append(head))
        await s.follower.sync()
        assert s.state(config).withdrawing == 500


async def test_a_node_that_is_down_makes_the_till_careful(tmp_path: Path) -> None:
    """It serves on what it knows until that is too old; what was missed is seen when the node is back."""
    async with scene(tmp_path) as s:
        config = await s.channel()
        await s.follower.start(s.bob)
        await s.alice.initiate_withdraw("ask", config, 500)
        s.node.down = True
        with pytest.raises(ChainUnavailable):
            await s.follower.sync()
        assert s.charge(config, "a") == ""
        s.clock.advance(901)
        assert s.charge(config, "b") == "state_is_old"
        s.node.down = False
        await s.follower.sync()
        assert s.charge(config, "b") == "withdrawal_pending"


async def test_dead_at_any_point_it_sees_the_same(tmp_path: Path, crashes: Any) -> None:
    """Die at each point of reading, of walking back and of telling the till, and begin again: nothing is missed."""
    async with scene(tmp_path) as s:
        kept, left = await s.channel(0), await s.channel(1)
        await s.follower.start(s.bob)
        await s.alice.initiate_withdraw("undone", kept, 500)
        await add_blocks(s.backend, FILLER, DEEP - 1)
        await s.follower.sync()
        image, knew = s.book.serialize(), (s.follower._read, s.follower._sure, s.follower._all)
        await reorganise(s.backend, DEEP, FILLER)
        s.alice = ChannelsClient(s.chain.w3, s.chain.outbox(ALICE), s.place, s.alice.cap)
        await s.alice.initiate_withdraw("stays", left, 600)
        at, died = 0, True
        while died:
            at += 1
            s.book.deserialize(image)
            s.begin()
            s.follower._read, s.follower._sure, s.follower._all = knew  # as it was before the reorganisation
            with crashes.die_at(at):
                await s.follower.sync()
            died = len(crashes.names) == at
            s.begin()
            await s.follower.sync()
            assert [s.state(one).withdrawing for one in (kept, left)] == [0, 600]
            assert [s.charge(one, "a") for one in (kept, left)] == ["", "withdrawal_pending"]
        assert at > 2 * DEEP
