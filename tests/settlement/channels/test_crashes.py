"""A process that dies at any point, on either side, and starts again from its disk: nothing is lost or taken twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.testing.chain import DeployedChain, memory_chain
from coase.testing.clock import ManualClock

ALICE, BOB = (Identity.from_seed("channel crashes", name) for name in ("alice", "bob"))
DEPOSIT, PRICE, CALLS = 10_000, 100, 3
LEAST_POINTS = 30  # of one undisturbed life; fewer would mean that crash points were lost


class Life:
    """Both parties from deposit to payout, in steps that may be done again after a death at any point."""

    def __init__(self, chain: DeployedChain, folder: Path, salt: int) -> None:
        self.books: list[sqlite3.Connection] = []
        place = Place(chain.chain_id, chain.contracts.channels)
        self.config = ChannelConfig(ALICE.account, BOB.account, chain.contracts.token, 3600, salt=f"0x{salt:064x}")
        cap = PriceCap(chain.contracts.token, DEPOSIT)
        self.alice, self.bob = (
            ChannelsClient(chain.w3, chain.outbox(who, self._book(folder / f"{name}.sqlite")), place, cap)
            for who, name in ((ALICE, "alice"), (BOB, "bob"))
        )
        self.payer = Payer(ALICE, place, self._book(folder / "payer.sqlite"), most_a_call=PRICE)
        terms = Terms(BOB.account, chain.contracts.token)
        self.till = Till(place, terms, self._book(folder / "till.sqlite"), ManualClock())

    async def run(self) -> None:
        """All of it."""
        await self.alice.deposit("deposit", self.config, DEPOSIT)
        self.payer.funded(self.config, (await self.alice.state(self.config)).balance)
        await self.till.look(self.bob, self.config)
        for number in range(CALLS):
            self.till.charge(self.payer.pay(self.config, f"call-{number}", PRICE), PRICE)
        collector = Collector(self.till, self.bob)
        await collector.collect(everything=True)
        await collector.settle("payout")

    def close(self) -> None:
        """The end of a process."""
        while self.books:
            self.books.pop().close()

    def _book(self, path: Path) -> sqlite3.Connection:
        self.books.append(sqlite3.connect(path, isolation_level=None))
        return self.books[-1]


async def test_every_point(crashes: Any, tmp_path: Path) -> None:
    """Dead at the n-th point for every n, then alive again: one deposit, each call once, all of it paid out."""
    async with memory_chain([ALICE.account, BOB.account]) as chain:
        number = 0
        while True:
            number += 1
            folder = tmp_path / str(number)
            folder.mkdir()
            balances = [await chain.client(who).balance(who.account) for who in (ALICE, BOB)]
            first = Life(chain, folder, number)
            with crashes.die_at(number):
                await first.run()
            first.close()
            died = len(crashes.names) == number
            if died:
                second = Life(chain, folder, number)
                await second.run()
                assert second.till.table.open_batches() == []
                second.close()
            after = [await chain.client(who).balance(who.account) for who in (ALICE, BOB)]
            moved = [now - before for now, before in zip(after, balances, strict=True)]
            assert moved == [-DEPOSIT, CALLS * PRICE], crashes.names[-1]
            if not died:
                break
        assert number > LEAST_POINTS
