"""ZI-C: zero intelligence, constrained. Gode and Sunder (1993).

A buyer bids uniformly from the lowest price allowed to its value, a seller asks uniformly from its cost to the highest
price allowed. It learns nothing; the budget constraint alone makes markets of such traders nearly efficient.
"""

from __future__ import annotations

from typing import NamedTuple

import coase


class State(NamedTuple):
    """Nothing is remembered but who I am."""

    side: int
    key: int


class ZiC(coase.Trader):
    """Quote anything that is no loss, all prices equally likely."""

    def start(self, side: int, limit: int, key: int) -> State:
        """My side and the key of my draws."""
        return State(side, key)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """Uniform between my limit and the end of the range on the side of my gain."""
        at, to = (view.low, view.limit) if state.side > 0 else (view.limit, view.high)
        if at > to:
            return state, coase.NO_QUOTE
        return state, coase.Quote(at + int(coase.draw(state.key, view.time, 0) * (to - at + 1)), 1)
