"""Several keys that share what anybody may do, such as claims after a review: each intent once, by one of them."""

from __future__ import annotations

import sqlite3
from asyncio import Lock
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from coase.errors import ConfigurationError, LocalProtocolError, TransactionRefused
from coase.settlement.outbox import Outbox
from coase.settlement.outbox_table import not_written
from coase.settlement.policy import Finality
from coase.settlement.records import Call, Receipt

_SCHEMA = "create table if not exists relayed (intent text primary key, sender text not null) without rowid"


class RelayerPool:
    """Outboxes of different keys that write to one file.

    Which key does an intent is written in the same transaction as its row, so that a crash between two keys cannot
    make two of it. The key with the fewest transactions under way goes first; one without ether is passed over.

    Args:
        outboxes: at least one, each of its own key, all on the same database connection and chain.
    """

    def __init__(self, outboxes: Sequence[Outbox]) -> None:
        keys = list(dict.fromkeys(box.identity.account for box in outboxes))
        places = {(id(box.table.db), box.chain_id) for box in outboxes}
        if len(keys) != len(outboxes) or len(places) != 1:
            raise ConfigurationError(
                "relayers need different keys, and one database and chain for all", code="bad_relayers"
            )
        self.outboxes = tuple(outboxes)
        self._db = outboxes[0].table.db
        self._db.execute(_SCHEMA)
        self._busy: dict[str, int] = dict.fromkeys(keys, 0)
        self._alone: WeakValueDictionary[str, Lock] = WeakValueDictionary()  # whoever asks for the same waits

    async def send(
        self, intent: str, call: Call | Callable[[], Awaitable[Call]], *, finality: Finality | None = None
    ) -> Receipt:
        """Do what `call` says, once, by whichever key; asked again, the receipt of the first time.

        Raises:
            TransactionRefused: `insufficient_funds` when no key can pay; otherwise as `Outbox.send`.
        """
        async with self._alone.setdefault(intent, Lock()):
            poor: TransactionRefused | None = None
            for box in self._candidates(intent):
                try:
                    return await self._by(box, intent, call, finality)
                except TransactionRefused as error:
                    if error.code != "insufficient_funds" or box.knows(intent):
                        raise
                    poor = error
            assert poor is not None
            raise poor

    async def _by(
        self, box: Outbox, intent: str, call: Call | Callable[[], Awaitable[Call]], finality: Finality | None
    ) -> Receipt:
        self._busy[box.identity.account] += 1
        try:
            return await box.send(intent, call, lambda: self._assign(intent, box), finality=finality)
        finally:
            self._busy[box.identity.account] -= 1

    async def resume(self) -> tuple[Receipt, ...]:
        """See through what every key has left; do this first after a start."""
        return tuple([receipt for box in self.outboxes for receipt in await box.resume()])

    def _candidates(self, intent: str) -> list[Outbox]:
        """The key that does the intent, if one does; else all of them, the idlest first."""
        found = self._db.execute("select sender from relayed where intent = ?", (intent,)).fetchone()
        known = [box for box in self.outboxes if found is not None and box.identity.account == found[0]]
        if found is not None and not known:
            raise ConfigurationError(
                f"{intent!r} was given to {found[0]}, which is not in this pool",
                hint="add its key: the transaction may be on its way",
                code="bad_relayers",
            )
        if known and known[0].knows(intent):
            return known
        return sorted(self.outboxes, key=self._load)

    def _load(self, box: Outbox) -> tuple[int, int]:
        account = box.identity.account
        return self._busy[account] + len(box.table.waiting()), list(self._busy).index(account)

    def _assign(self, intent: str, box: Outbox) -> None:
        """Within the transaction that stores the row."""
        for other in self.outboxes:
            if other is not box and other.knows(intent):
                raise LocalProtocolError(f"{intent!r} is under way with another key", code="outbox_taken")
        try:
            self._db.execute("insert or replace into relayed values (?, ?)", (intent, box.identity.account))
        except sqlite3.Error as error:
            raise not_written(error) from error
