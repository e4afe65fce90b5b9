"""What a seller leaves running: follow the channels, and claim what must be claimed, in time.

A withdrawal takes effect only after the channel's delay (`Terms.shortest_delay` at least). Whoever runs this more often
than that, as `Terms.looks_every` has it, has claimed everything that was charged before the payer can have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from coase.errors import SettlementError
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.following import Follower
from coase.settlement.indexer import Changes
from coase.settlement.records import Receipt


@dataclass(frozen=True)
class Turn:
    """What one turn did.

    Args:
        changes: in the index; None when it could not be read.
        claims: the receipts of what was claimed.
        trouble: what went wrong; the next turn tries again.
    """

    changes: Changes | None = None
    claims: tuple[Receipt, ...] = ()
    trouble: SettlementError | None = None


class Keeper:
    """Keeps a till: sees withdrawals, and claims ahead of them with the best voucher.

    Args:
        follower: of the till.
        collector: of the same till.
    """

    def __init__(self, follower: Follower, collector: Collector) -> None:
        self.follower, self.collector = follower, collector

    async def start(self) -> list[Receipt]:
        """First after a start: end what a crash left open, ask about every channel once, claim what is due.

        Raises:
            SettlementError: as for `Outbox.send`; call it again.
        """
        client = self.collector.client
        await client.outbox.ready()
        receipts = await self.collector.resume()
        await self.follower.start(client)
        return receipts + await self.collector.collect()

    async def tend(self) -> Turn:
        """One turn, at least every `Terms.looks_every` seconds. What goes wrong is in the result, and tried again.

        A till that could not be told of the chain goes on for so long and then refuses payments (`state_is_old`); what
        it knows to be due is claimed all the same.
        """
        changes, trouble = None, None
        try:
            await self.collector.client.outbox.tend()
            changes = await self.follower.sync()
        except SettlementError as error:
            trouble = error
        try:
            return Turn(changes, tuple(await self.collector.collect()), trouble)
        except SettlementError as error:
            return Turn(changes, (), error)

    async def run(self, woken: Callable[[], Awaitable[object]]) -> AsyncIterator[Turn]:
        """Tend whenever `woken` returns: after a pause, or when a subscription has heard of a block."""
        while True:
            yield await self.tend()
            await woken()
