"""Looks for the receipts of an outbox, and believes them only when they hold.

A receipt is read, the header of its block is read, and the receipt is read again: both readings must be equal, the
block must be the one that the chain has at that height, and the witnesses, if there are any, must say the same. One
look serves everybody who waits.
"""

from __future__ import annotations

from asyncio import Event
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from coase import crash
from coase.errors import ChainUnavailable
from coase.settlement.node import Node
from coase.settlement.outbox_table import OutboxTable, Row
from coase.settlement.policy import Finality
from coase.settlement.records import Header, Receipt

AT_ONCE = 1000  # rows that one look asks for


class Watch:
    """What is known about the transactions of one outbox.

    Args:
        node: who is asked.
        table: the rows.
        finality: when a row is done with.
        witnesses: other nodes.
    """

    def __init__(self, node: Node, table: OutboxTable, finality: Finality, witnesses: Sequence[Node]) -> None:
        self.node, self.table, self.finality, self.witnesses = node, table, finality, witnesses
        self.head = 0
        self.news = 0  # counts looks that found something
        self._wanted: Counter[int] = Counter()
        self._receipts: dict[int, Receipt] = {}
        self._tags: dict[str, int | None] = {}
        self._asked_tags = {finality.tag} - {""}
        self._absent: set[int] = set()
        self._busy = False
        self._looked = Event()
        self._trouble: Exception | None = None

    @contextmanager
    def wanted(self, row_id: int) -> Iterator[None]:
        """Keep the receipt of a row for as long as somebody waits for it."""
        self._wanted[row_id] += 1
        try:
            yield
        finally:
            self._wanted[row_id] -= 1
            if not self._wanted[row_id]:
                del self._wanted[row_id]
                self._receipts.pop(row_id, None)

    def receipt(self, row_id: int, finality: Finality) -> Receipt | None:
        """The receipt, if it is there and sure enough."""
        if finality.tag:
            self._asked_tags.add(finality.tag)  # from the next look on
        found = self._receipts.get(row_id)
        if found is None or not finality.reached(found.block_number, self.head, self._tags.get(finality.tag)):
            return None
        return found

    def progress(self, row_id: int) -> tuple[int, int]:
        """Changes as long as waiting for a row is worth it: something was found, or blocks come on top of its own."""
        return self.news, self.head if row_id in self._receipts else 0

    def deep_enough(self, block: int, head: int) -> bool:
        """Whether what happened in a block, or before it, is final."""
        return self.finality.reached(block, head, self._tags.get(self.finality.tag))

    def vanished(self) -> list[Row]:
        """Rows that were recorded as mined, and that the last look did not find."""
        rows = [row for row_id in sorted(self._absent) if (row := self.table.row(row_id)) is not None]
        return [row for row in rows if row.status is not None]

    def note(self, trouble: Exception) -> None:
        """Remember what went wrong, in case that nothing comes of the waiting."""
        self._trouble = trouble

    def trouble(self) -> str:
        """What went wrong last, for an error's sentence."""
        return f": {self._trouble}" if self._trouble is not None else ""

    async def look_together(self) -> int:
        """Look, or wait for the look of somebody who is looking. Returns how many looks it counts for: silence, more.

        A look that finds nothing ends with a pause.
        """
        if self._busy:
            await self._looked.wait()
            return 1
        self._busy = True
        before = self.news
        try:
            await self.look()
            if self.news == before:
                await self.node.pause()
        except ChainUnavailable as error:
            if error.code not in (ChainUnavailable.default_code, "bad_answer"):
                raise
            self._trouble = error
            return self.node.patience.attempts
        else:
            return 1
        finally:
            self._busy = False
            self._looked.set()
            self._looked = Event()

    async def look(self) -> None:
        """Ask once for everything that is not final."""
        rows = self.table.unsure(AT_ONCE, list(self._wanted))
        places = [(row, wanted) for row in rows for wanted in self.table.hashes(row)]
        found = await self.node.receipts([wanted for _, wanted in places], self.table.sender)
        seen = {row.id: (row, receipt) for (row, _), receipt in zip(places, found, strict=True) if receipt is not None}
        sure = await self._verified([receipt for _, receipt in seen.values()])
        self._absent = {row.id for row in rows if row.id not in seen or seen[row.id][1].hash not in sure}
        for row_id in self._absent:
            self._receipts.pop(row_id, None)
        for row, receipt in seen.values():
            if row.id not in self._absent:
                self._record(row, receipt)

    async def _verified(self, receipts: Sequence[Receipt]) -> set[str]:
        """The hashes of those that hold, as of the head that was read with them."""
        numbers = sorted({receipt.block_number for receipt in receipts})
        tags = sorted(self._asked_tags)
        headers = await self.node.headers(["latest", *tags, *numbers])
        latest, tagged, blocks = headers[0], headers[1 : 1 + len(tags)], headers[1 + len(tags) :]
        if latest is not None:
            self.head = latest.number
        self._tags = {tag: _number(header) for tag, header in zip(tags, tagged, strict=True)}
        canonical = {number: header.hash for number, header in zip(numbers, blocks, strict=True) if header is not None}
        held = [receipt for receipt in receipts if canonical.get(receipt.block_number) == receipt.block_hash]
        for node in (self.node, *self.witnesses):
            again = await node.receipts([receipt.hash for receipt in held], self.table.sender) if held else []
            differing = [one for one, other in zip(held, again, strict=True) if other is not None and one != other]
            if differing:
                self._trouble = ChainUnavailable(f"nodes disagree about the receipt of {differing[0].hash}")
            held = [one for one, other in zip(held, again, strict=True) if one == other]
        return {receipt.hash for receipt in held}

    def _record(self, row: Row, receipt: Receipt) -> None:
        self._trouble = None
        final = self.finality.reached(receipt.block_number, self.head, self._tags.get(self.finality.tag))
        changed = (row.status, row.block_hash, row.final) != (receipt.status, receipt.block_hash, int(final))
        if changed and not row.final:
            self.table.mined(row, receipt, final=final)
            crash.point(f"outbox recorded {row.intent}")
            self.news += 1
        if row.id in self._wanted and self._receipts.get(row.id) != receipt:
            self._receipts[row.id] = receipt
            self.news += 1


def _number(header: Header | None) -> int | None:
    return None if header is None else header.number
