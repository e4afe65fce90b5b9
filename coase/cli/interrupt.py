"""Ctrl-C, civilly: the first one stops buying and settles or refunds what is open; the second one leaves at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from coase.agent.marketplace import Marketplace

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The owner pressed Ctrl-C; what was open has been seen to its end, or named."""


async def interruptible(market: Marketplace, work: Callable[[], Awaitable[T]], console: Console) -> T:
    """Do some work on an open market.

    Args:
        market: entered, and left by the caller.
        work: what to do.
        console: where to say what happens on Ctrl-C.

    Raises:
        Interrupted: by SIGINT or SIGTERM.
    """
    loop, signals = asyncio.get_running_loop(), asyncio.Queue[None]()
    for number in SIGNALS:
        loop.add_signal_handler(number, signals.put_nowait, None)
    try:
        doing, interrupted = loop.create_task(_of(work)), loop.create_task(signals.get())
        await asyncio.wait([doing, interrupted], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            interrupted.cancel()
            return doing.result()
        doing.cancel()
        await asyncio.wait([doing])
        await _wind_down(market, signals, console)
        raise Interrupted
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def _of(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


async def _wind_down(market: Marketplace, signals: asyncio.Queue[None], console: Console) -> None:
    if count := len(market.open_deals()):
        console.print(f"[yellow]Interrupted:[/] seeing {count} open deals to their end; Ctrl-C again leaves at once.")
    finishing, again = asyncio.create_task(market.finish()), asyncio.create_task(signals.get())
    await asyncio.wait([finishing, again], return_when=asyncio.FIRST_COMPLETED)
    for task in (finishing, again):
        task.cancel()
    await asyncio.wait([finishing, again])
    left = market.open_deals()
    for row in left:
        console.print(f"[red]left open[/]: {row['agent']} {row['deal']} is {row['state']}, money: {row['money']}")
    if left:
        console.print(f"Finish them with: coase deals resume --home {market.home}", soft_wrap=True)
    else:
        console.print("Interrupted. No deal is left open; no money is stuck.")
