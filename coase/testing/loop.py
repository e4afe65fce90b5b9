"""An event loop on which nobody waits: when nothing else can happen, its clock jumps to the next timer.

A minute of a node's silence passes in a millisecond, with the timeouts, pauses and orders of events of a real minute.
Work in threads (the embedded chain) is waited for in real time; sockets are not known to it, so keep to this process.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """`time()` runs ahead of the machine's clock by as much as was jumped over."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._in_threads = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Seconds on this loop's clock."""
        return super().time() + self.ahead

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """As everywhere; while it runs, the clock does not jump."""
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: object) -> None:
        self._in_threads -= 1

    @property
    def idle(self) -> bool:
        """Whether only time can bring anything."""
        return not self._in_threads


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0 or not self._loop.idle:
            return ready or super().select(timeout)
        self._loop.ahead += timeout
        return ready


def run_jumping(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, on such a loop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
