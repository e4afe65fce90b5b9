"""Intents on their way into the outbox: who waits for which, and what has come of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from coase.settlement.outbox_table import Row
from coase.settlement.records import Call

TOGETHER = 64  # intents that are prepared at once: signing them holds the loop for some milliseconds


@dataclass(eq=False)
class Wanted:
    """An intent that has no row yet. See `Outbox.send` for the arguments."""

    intent: str
    call: Call | Callable[[], Awaitable[Call]]
    record: Callable[[], None] | None = None
    given_up: bool = False
    _made: Call | None = None
    _row: Row | None = None
    _error: Exception | None = None

    @property
    def settled(self) -> bool:
        """Whether it has a row, or never will."""
        return self._row is not None or self._error is not None

    @property
    def made(self) -> Call:
        """The call, once `make` has been awaited."""
        assert self._made is not None
        return self._made

    async def make(self) -> bool:
        """Make the call; False when that failed."""
        if self._made is None:
            try:
                self._made = self.call if isinstance(self.call, Call) else await self.call()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is this caller's alone
                self.fail(error)
                return False
        return True

    def succeed(self, row: Row) -> None:
        """It has this row."""
        self._row = row

    def fail(self, error: Exception) -> None:
        """It gets no row."""
        self._error = error

    def result(self) -> Row:
        """The row; or raises why there is none."""
        if self._error is not None:
            raise self._error
        assert self._row is not None
        return self._row


class Intents:
    """The queue of one outbox."""

    def __init__(self) -> None:
        self._queue: list[Wanted] = []

    @contextmanager
    def waiting(self, wanted: Wanted) -> Iterator[None]:
        """Queue an intent for as long as its task waits; a task that is cancelled has given it up."""
        self._queue.append(wanted)
        try:
            yield
        finally:
            wanted.given_up = True
            self._queue.remove(wanted)

    def next(self, room: int) -> list[Wanted]:
        """The first ones in the queue, each intent once, that have nothing yet; at most `room`."""
        chosen: dict[str, Wanted] = {}
        for wanted in self._queue:
            if not wanted.settled and len(chosen) < min(room, TOGETHER):
                chosen.setdefault(wanted.intent, wanted)
        return list(chosen.values())

    @contextmanager
    def failing(self, batch: Sequence[Wanted]) -> Iterator[None]:
        """An error that is nobody's in particular is everybody's."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # it is raised again, in each task
            for wanted in batch:
                if not wanted.settled:
                    wanted.fail(error)
