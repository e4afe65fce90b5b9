"""ZI-U: zero intelligence, unconstrained. Gode and Sunder (1993).

Bids and asks are uniform over all prices allowed, gains or losses alike: the control against which ZI-C shows what the
budget constraint does.
"""

from __future__ import annotations

from typing import NamedTuple

import coase


class State(NamedTuple):
    """Nothing is remembered but the key of my draws."""

    key: int


class ZiU(coase.Trader):
    """Quote anything at all."""

    def start(self, side: int, limit: int, key: int) -> State:
        """The key of my draws."""
        return State(key)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """Uniform over the range of prices."""
        return state, coase.Quote(view.low + int(coase.draw(state.key, view.time, 0) * (view.high - view.low + 1)), 1)
