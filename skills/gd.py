"""GD: quote where the expected gain is largest, by beliefs from what was accepted. Gjerstad and Dickhaut (1998).

A seller believes that an ask a is accepted with q(a) = [TA(>=a) + B(>=a)] / [TA(>=a) + B(>=a) + RA(<=a)], a buyer the
mirror of it (`coase.market.belief`), over the quotes since the last `memory` trades; the quote maximises gain x belief.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase
from coase.market.belief import best_tick


class State(NamedTuple):
    """Nothing is remembered but my side; what was heard is on the tape."""

    side: int


class Gd(coase.Trader):
    """Weigh gain against the chance to trade."""

    memory: int = Field(default=5, ge=1, le=1000, description="trades that are remembered")

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """The price with the largest expected gain, or none."""
        price = best_tick(state.side, view, self.memory, False)
        return state, coase.Quote(price, 1) if price >= 0 else coase.NO_QUOTE
