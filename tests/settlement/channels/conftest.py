"""Two parties, a place and a funded channel, without a chain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from coase.identity import Identity
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till import Till
from coase.testing.clock import ManualClock

ALICE, BOB, CAROL = (Identity.from_seed("channel tests", name) for name in ("alice", "bob", "carol"))
PLACE = Place(31_337, "0x" + "c1" * 20)
TOKEN = "0x" + "70" * 20
CONFIG = ChannelConfig(ALICE.account, BOB.account, TOKEN, 3600)
DEPOSIT = 1_000_000


@dataclass
class Shop:
    """A payer and a receiver who have each seen the deposit."""

    payer: Payer
    till: Till
    clock: ManualClock
    folder: Path
    alice = ALICE
    bob = BOB
    carol = CAROL
    place = PLACE
    token = TOKEN
    config = CONFIG
    deposit = DEPOSIT

    def see(self, **changes: int | bool) -> None:
        """The receiver looks at the chain."""
        self.till.admit(CONFIG, state(self.clock(), **changes))

    def again(self) -> Shop:
        """Both sides after a restart."""
        return shop_in(self.folder, self.clock)


def state(now: int, **changes: int | bool) -> ChannelState:
    """The channel as deposited, with changes."""
    values = {"balance": DEPOSIT, "claimed": 0, "withdrawing": 0, "initiated_at": 0, "contested": False, "seen_at": now}
    return ChannelState(**{**values, **changes})  # type: ignore[arg-type]


def shop_in(folder: Path, clock: ManualClock) -> Shop:
    """What is on disk there."""
    books = [sqlite3.connect(folder / name, isolation_level=None) for name in ("payer.sqlite", "till.sqlite")]
    payer = Payer(ALICE, PLACE, books[0], most_a_call=5_000)
    return Shop(payer, Till(PLACE, Terms(BOB.account, TOKEN), books[1], clock), clock, folder)


@pytest.fixture
def new_shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shop]:
    """Makes funded channels that both sides know of, each in a folder of its own."""

    def make() -> Shop:
        made = shop_in(tmp_path_factory.mktemp("shop"), ManualClock())
        made.payer.funded(CONFIG, DEPOSIT)
        made.see()
        return made

    return make


@pytest.fixture
def shop(new_shop: Callable[[], Shop]) -> Shop:
    """A funded channel that both know of."""
    return new_shop()


Refused = Callable[[Callable[[], object]], str]


@pytest.fixture
def refused() -> Refused:
    """The code with which something is refused."""
    from coase.errors import CoaseError

    def run(action: Callable[[], object]) -> str:
        with pytest.raises(CoaseError) as caught:
            action()
        assert caught.value.message
        return caught.value.code

    return run
