"""Keeps a till in step with the chain by the contract's events: withdrawals are seen as they come, not by asking about
every channel again.

The index (see `coase.settlement.indexer`) holds the events and walks back when the chain changes its mind. After each
synchronisation, the channels that something was said about, or unsaid, are told anew from all their events; nothing
is remembered here that a restart could lose.
"""

from __future__ import annotations

import sqlite3

from coase.settlement.artifacts import artifact
from coase.settlement.channels.config import Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.history import told
from coase.settlement.channels.states import sure_block
from coase.settlement.channels.till import Till
from coase.settlement.indexer import Changes, Indexer
from coase.settlement.node import Node
from coase.settlement.policy import MINED, Finality


def channel_index(node: Node, db: sqlite3.Connection, place: Place, *, start: int = 0) -> Indexer:
    """The index of all channels of a contract.

    Args:
        node: who is asked.
        db: where it is kept, in autocommit; the book of the till will do.
        place: chain and contract.
        start: a block no later than the one in which the contract was made.
    """
    return Indexer(node, db, [place.contract], [artifact("PaymentChannels").abi], chain_id=place.chain_id, start=start)


class Follower:
    """Feeds a till from an index.

    Args:
        till: of which channels are known.
        index: of the contract's events since it was made: `channel_index`.
        finality: when a deposit counts; as the outbox's policy has it.
    """

    def __init__(self, till: Till, index: Indexer, finality: Finality = MINED) -> None:
        self.till, self.index, self.finality = till, index, finality
        self._read = self._sure = -1  # the blocks up to which the till has taken over what was said, and what is final
        self._all = True  # whether every channel must be told anew: at first, and when something was unsaid

    async def start(self, client: ChannelsClient) -> None:
        """After a start, ask about every channel once: the index may have much to read until it is in step."""
        await self.till.look_at_all(client)
        await self.sync()

    async def sync(self) -> Changes:
        """Read what is new and tell the till. Safe to repeat, and to kill.

        Raises:
            ChainUnavailable: as for `Indexer.sync`. The till goes on with what it knows until that is too old.
            SettlementError: `not_written`.
        """
        began, everything, self._all = self.till.clock(), self._all, True  # True until the till has taken it over
        changes = await self.index.sync()
        (tip,) = await self.index.node.headers([changes.tip])
        if tip is None:
            return changes  # gone meanwhile: the next time
        sure = await sure_block(self.index.node, tip.number, self.finality)
        known = {account.channel: account for account in self.till.accounts()}
        everything = everything or changes.removed > 0
        states = {}
        for name in known.keys() & (known if everything else self._touched(sure)):
            account = known[name]
            if name in self.till.unconfirmed and account.state.seen_at > tip.time:
                continue  # it was read from a newer block than the index has
            states[name] = told(self.index.about(name), account.config, sure=sure, seen_at=tip.time)
        self.till.follow(states, at=began)
        self._read, self._sure, self._all = tip.number, sure, False
        return changes

    def _touched(self, sure: int) -> set[bytes]:
        """Channels of events that are new, or have become final; those whose withdrawal may have lapsed; those that
        somebody has looked at, who may have been told of blocks that never come.
        """
        found = {
            bytes(event.values["channelId"])
            for event in self.index.events(since=min(self._read, self._sure) + 1)
            if "channelId" in event.values and not self._read >= event.found.block > sure
        }
        leaving = {account.channel for account in self.till.accounts() if account.state.initiated_at}
        return found | leaving | self.till.unconfirmed
