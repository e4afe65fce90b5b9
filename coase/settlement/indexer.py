"""Keeps the events of some contracts in a file, in step with a chain that may change its mind.

It polls. Blocks are remembered by number, hash and parent: when the chain no longer has the last one, the indexer walks
back to one that it still has, and forgets the events in between. Events are keyed by (block hash, index), so that
reading a range again changes nothing; each step commits as a whole, so that a kill loses at most a step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from coase.errors import ChainUnavailable
from coase.identity import checksum
from coase.settlement.events import ChainEvent, Events
from coase.settlement.index_store import IndexStore
from coase.settlement.logs import FoundLog, LogReader
from coase.settlement.node import Node
from coase.settlement.records import Header

KEEP = 64  # the last blocks are all remembered, older ones one in so many
MOST_BLOCKS = 10_000  # in one step
TRIES = 8  # of one step, while the chain changes under our eyes


@dataclass(frozen=True)
class Changes:
    """What a synchronisation did: events that are new, events that are no longer, and the last block that was read."""

    added: int
    removed: int
    tip: int


class Indexer:
    """The events of some contracts.

    Args:
        node: who is asked.
        db: where they are kept, in autocommit (``isolation_level=None``).
        addresses: of the contracts.
        abis: that say what their events mean.
        chain_id: EIP-155; one file holds one chain.
        start: the block in which the first of the contracts was made, or one before it.
    """

    def __init__(
        self,
        node: Node,
        db: sqlite3.Connection,
        addresses: Sequence[str],
        abis: Iterable[Iterable[Mapping[str, Any]]],
        *,
        chain_id: int,
        start: int = 0,
    ) -> None:
        self.node, self.start, self.known = node, start, Events(abis)
        places = sorted(checksum(address) for address in addresses)
        self.store = IndexStore(db, {"addresses": places, "chain": chain_id, "start": start})
        self._reader = LogReader(node, places)

    async def sync(self) -> Changes:
        """Read up to the chain's head. Safe to repeat, and to kill.

        Raises:
            ChainUnavailable: the node does not answer, or its chain changes faster than it can be read.
        """
        added = removed = 0
        head = await self.node.head()
        for _ in range(TRIES):
            removed += await self._walk_back(head)
            while (low := self._next()) <= head.number:
                step = await self._step(low, head)
                if step is None:
                    break
                added += step
            else:
                return Changes(added, removed, self._next() - 1)
            head = await self.node.head()
        raise ChainUnavailable("the chain changes faster than it can be read", hint="try again", code="chain_unsteady")

    async def follow(self, woken: Callable[[], Awaitable[object]]) -> AsyncIterator[Changes]:
        """Synchronise whenever `woken` returns: after a pause, or when a subscription has heard something."""
        while True:
            yield await self.sync()
            await woken()

    def events(self, name: str | None = None, *, since: int = 0, depth: int = 1) -> list[ChainEvent]:
        """What the contracts said, in the order of the chain.

        Args:
            name: of one event; None for all that the ABIs know.
            since: the first block.
            depth: only blocks with `depth` - 1 more on top of them.
        """
        topic = None if name is None else self.known.topic_of(name)
        found = self.store.read(topic, since, self._next() - depth)
        return [event for one in found if (event := self.known.decode(one)) is not None]

    def about(self, first: bytes, *, depth: int = 1) -> list[ChainEvent]:
        """What the contracts said about something: events with this as their first indexed parameter (32 bytes).

        Args:
            first: as a topic, so an account with its zeros before it.
            depth: only blocks with `depth` - 1 more on top of them.
        """
        found = self.store.about(first, self._next() - depth)
        return [event for one in found if (event := self.known.decode(one)) is not None]

    def _next(self) -> int:
        last = self.store.last()
        return self.start if last is None else last.number + 1

    async def _walk_back(self, head: Header) -> int:
        """Forget what the chain no longer has. A node that is behind is waited for, unless it contradicts us."""
        removed = 0
        while (last := self.store.last()) is not None:
            if last.number > head.number:
                below = self.store.last(head.number)
                if below is None or await self._has(below):
                    return removed
            elif await self._has(last):
                return removed
            removed += self.store.drop_last()
        return removed

    async def _has(self, block: Header) -> bool:
        (found,) = await self.node.headers([block.number])
        return found is not None and found.hash == block.hash

    async def _step(self, low: int, head: Header) -> int | None:
        """Read some blocks; None when the chain changed meanwhile."""
        found, last = await self._reader.read(low, min(head.number, low + MOST_BLOCKS - 1))
        dense = range(max(low, head.number - KEEP + 1), last + 1)
        numbers = [*dense] if last in dense else [last]
        headers = [one for one in await self.node.headers(numbers) if one is not None]
        if len(headers) != len(numbers) or not self._fits(headers, found):
            return None
        again, _ = await self._reader.read(low, last) if last > head.number - KEEP else (found, last)
        if again != found or not await self._has(headers[-1]):  # its hash covers every block before it
            return None
        return self.store.append(headers, found, KEEP)

    def _fits(self, headers: Sequence[Header], found: Sequence[FoundLog]) -> bool:
        """Whether the blocks follow upon each other and upon what we have, and the events are in these blocks."""
        before = self.store.last()
        chained = [before, *headers] if before is not None else list(headers)
        hashes = {header.number: header.hash for header in headers}
        return all(
            upper.parent == lower.hash for lower, upper in pairwise(chained) if upper.number == lower.number + 1
        ) and all(hashes.get(one.block, one.block_hash) == one.block_hash for one in found)
