"""MGD: GD with bounds from the day before. Tesauro and Das (2001).

As GD (`coase.market.belief`), and besides: a price that beats all of yesterday's trades is sure to trade, one that is
worse than all of them is sure not to. This takes away the wild swings of GD when little has been heard.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase
from coase.market.belief import best_tick


class State(NamedTuple):
    """Nothing is remembered but my side; what was heard is on the tape."""

    side: int


class Mgd(coase.Trader):
    """Weigh gain against the chance to trade, within yesterday's prices."""

    memory: int = Field(default=5, ge=1, le=1000, description="trades that are remembered")

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """The price with the largest expected gain, or none."""
        price = best_tick(state.side, view, self.memory, True)
        return state, coase.Quote(price, 1) if price >= 0 else coase.NO_QUOTE
