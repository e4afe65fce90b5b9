"""What `coase channels` works on: a book a wallet and chain, in the state folder, and the chain when it is needed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coase.cli.chains import connected, known
from coase.errors import UsageError

if TYPE_CHECKING:
    from coase.identity import Identity
    from coase.settlement.channels.book import Cover
    from coase.settlement.channels.config import ChannelConfig
    from coase.settlement.channels.contract import ChannelsClient
    from coase.settlement.channels.payer import Payer
    from coase.settlement.channels.states import ChannelState
    from coase.settlement.channels.till import Till
    from coase.settlement.node import Node
    from coase.settlement.policy import Finality

FOLDER = "channels"


@dataclass(frozen=True)
class Desk:
    """A wallet's book, open, and the chain.

    Args:
        finality: when a deposit counts, and when a transaction is over.
    """

    cover: Cover
    db: sqlite3.Connection
    node: Node
    w3: Any
    finality: Finality

    async def state(self, config: ChannelConfig) -> ChannelState:
        """Where a channel stands."""
        from coase.settlement.channels.states import read_states

        return (await read_states(self.node, self.cover.place, [config], self.finality))[0]

    async def client(self, identity: Identity, most: int = 0) -> ChannelsClient:
        """Acts on the chain, with at most `most` base units in a deposit; first ends what a crash left open."""
        from coase.settlement.allowance import PriceCap
        from coase.settlement.channels.contract import ChannelsClient
        from coase.settlement.outbox import Outbox
        from coase.settlement.policy import Policy

        place, policy = self.cover.place, Policy(self.finality)
        outbox = Outbox(self.w3, identity, self.db, place.chain_id, policy=policy)
        await outbox.resume()
        return ChannelsClient(self.w3, outbox, place, PriceCap(self.cover.token, most))

    def till(self, *, shortest_delay: int = 3600) -> Till:
        """The paid side of the book."""
        return till_of(self.cover, self.db, shortest_delay)

    def payer(self, identity: Identity, most_a_call: int = 0) -> Payer:
        """The paying side of the book."""
        from coase.settlement.channels.payer import Payer

        return Payer(identity, self.cover.place, self.db, most_a_call=most_a_call)


@asynccontextmanager
async def desk(home: Path, rpc: str | None, account: str, confirmations: int) -> AsyncIterator[Desk]:
    """Open a wallet's book for the chain that is meant.

    Raises:
        UsageError: `no_contracts`.
        ConfigurationError: `book_in_use`.
    """
    from coase.agent.home import usable
    from coase.settlement.channels.book import Cover, open_book
    from coase.settlement.channels.config import Place
    from coase.settlement.node import Node
    from coase.settlement.policy import confirmed
    from coase.settlement.records import Patience

    contracts = known(home).get("contracts", {})
    async with connected(rpc, home) as chain:
        if not contracts.get("channels"):
            raise UsageError("no contracts are known here", hint="coase chain deploy", code="no_contracts")
        node = Node(chain.w3, Patience(attempts=2, pause=0.2))
        (first,) = await node.headers([0])  # two development chains may have the same number
        name = f"{chain.chain_id}-{first.hash[2:18] if first else 'unknown'}-{account}.db"
        cover = Cover(Place(chain.chain_id, contracts["channels"]), contracts["token"], account)
        with open_book(usable(home / FOLDER) / name, cover) as db:
            yield Desk(cover, db, node, chain.w3, confirmed(confirmations))


def till_of(cover: Cover, db: sqlite3.Connection, shortest_delay: int = 3600) -> Till:
    """The paid side of a book."""
    from coase.settlement.channels.accepting import Terms
    from coase.settlement.channels.till import Till

    terms = Terms(cover.account, cover.token, shortest_delay, looks_every=min(900, shortest_delay // 2))
    return Till(cover.place, terms, db, lambda: int(time.time()))


def rows(home: Path) -> list[dict[str, Any]]:
    """Every channel in every book of a state folder, as far as the books know."""
    from coase.settlement.channels.book import peek

    found = []
    for path in sorted((home / FOLDER).glob("*.db")):
        with peek(path) as (cover, db):
            found += _paying(cover, db) + _paid(cover, db)
    return found


def one(home: Path, start: str, side: str | None = None) -> dict[str, Any]:
    """The channel whose id begins so. `UsageError`: `unknown_channel`, or `ambiguous_channel`."""
    found = [row for row in rows(home) if row["id"].startswith(start.lower()) and (side is None or row["side"] == side)]
    if not found:
        raise UsageError(f"no channel {start[:66]!r} here", hint="see coase channels list", code="unknown_channel")
    if len({row["id"] for row in found}) > 1:
        raise UsageError(f"several channels begin with {start!r}", hint="write more of it", code="ambiguous_channel")
    return found[0]


async def on_chain(home: Path, rpc: str | None, row: dict[str, Any], blocks: int) -> dict[str, Any] | None:
    """What the chain says of a channel; None when the chain that is meant is not the channel's."""
    from coase.settlement.channels.config import ChannelConfig, Place
    from coase.settlement.channels.states import read_states
    from coase.settlement.node import Node
    from coase.settlement.policy import confirmed
    from coase.settlement.records import Patience

    async with connected(rpc, home) as chain:
        place = Place(chain.chain_id, row["contract"])
        if place.network != row["network"]:
            return None
        config, node = ChannelConfig.from_json(row["config"]), Node(chain.w3, Patience(attempts=2, pause=0.2))
        (state,) = await read_states(node, place, [config], confirmed(blocks))
    return {**asdict(state), "pending": state.pending(config)}


def _paying(cover: Cover, db: sqlite3.Connection) -> list[dict[str, Any]]:
    from coase.settlement.channels.config import channel_id
    from coase.settlement.channels.payer import purses

    return [
        {
            "side": "payer",
            "id": "0x" + channel_id(purse.config, cover.place).hex(),
            "network": cover.place.network,
            "contract": cover.place.contract,
            "config": purse.config.to_json(),
            "balance": purse.deposited,
            "spent": purse.spent,
            "signed": purse.signed,
            "left": purse.left,
        }
        for purse in purses(db)
    ]


def _paid(cover: Cover, db: sqlite3.Connection) -> list[dict[str, Any]]:
    return [
        {
            "side": "receiver",
            "id": "0x" + account.channel.hex(),
            "network": cover.place.network,
            "contract": cover.place.contract,
            "config": account.config.to_json(),
            "balance": account.state.balance,
            "charged": account.charged,
            "authorised": account.authorised,
            "claimed": account.state.claimed,
            "unclaimed": account.unclaimed,
            "withdrawing": account.state.withdrawing if account.state.pending(account.config) else 0,
            "looked_at": account.looked_at,
            "trouble": account.trouble,
        }
        for account in till_of(cover, db).accounts()
    ]
