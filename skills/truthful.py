"""Truth-teller: quote the limit itself.

The dominant strategy where the price does not depend on the own quote (Vickrey 1961; McAfee 1992), and the yardstick
for what strategic quoting gains elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

import coase


class State(NamedTuple):
    """Nothing is remembered but my side."""

    side: int


class Truthful(coase.Trader):
    """Bid my value, ask my cost."""

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """My limit, for all that is left."""
        if view.limit < view.low or view.limit > view.high:
            return state, coase.NO_QUOTE
        return state, coase.Quote(view.limit, view.left)
