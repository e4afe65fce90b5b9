"""Shaver: one tick better than the best of my side, never worse than my limit.

The shaver of the Bristol Stock Exchange (Cliff 2018). With nobody on my side yet, it starts at the worst price allowed
for the other side.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """Nothing is remembered but my side."""

    side: int


class Shaver(coase.Trader):
    """Shave the best quote."""

    ticks: int = Field(default=1, ge=1, lt=2**40, description="by which the best quote is improved")

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """The best of my side and a tick, within my limit."""
        if state.side > 0:
            price = min(view.best_bid + self.ticks if view.best_bid >= 0 else view.low, view.limit)
        else:
            price = max(view.best_ask - self.ticks if view.best_ask >= 0 else view.high, view.limit)
        if price < view.low or price > view.high:
            return state, coase.NO_QUOTE
        return state, coase.Quote(price, 1)
