"""What a market needs to know to run, and what a run leaves behind."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

COLUMNS = ("day", "step", "buyer", "seller", "price", "received", "quantity", "aggressor", "rested")
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Rules(NamedTuple):
    """The numbers of a run.

    Args:
        days: trading days.
        steps: turns of a day at most.
        units: that each trader may trade a day.
        low: the lowest price allowed.
        high: the highest.
        clear_book: whether a trade empties the book.
        improve: whether a quote must be better than the best of its side.
        budget: what a buyer may spend a day; -1 without limit.
    """

    days: int
    steps: int
    units: int
    low: int
    high: int
    clear_book: bool = False
    improve: bool = False
    budget: int = -1


class Session(NamedTuple):
    """One run.

    Args:
        trades: a row a trade, with the columns `COLUMNS`: day, step, buyer, seller, price paid, price received,
            quantity, side of who came second, steps that the resting order had waited.
        limits: of the traders, a row a day, or one row for all days.
        turns: taken on each day.
        refused: quotes outside the rules, on each day.
        quotes: orders placed, on each day.
        failed: (trader, sentence) of those that raised or answered nonsense.
        compiled: whether it ran as machine code.
    """

    trades: Ints
    limits: Ints
    turns: Ints
    refused: Ints
    quotes: Ints
    failed: tuple[tuple[int, str], ...] = ()
    compiled: bool = False
