"""Kaplan's sniper: wait in the background and steal the deal. Winner of the Santa Fe tournament.

Rust, Miller and Palmer (1992): stay out until one of three things holds, then take the other side's best quote. Juicy
offer: it is better than the best price of yesterday's trades. Small spread: bid and ask are within `spread` of each
other, and the price lies within yesterday's trades. Time is running out: less than `last` of the day is left. It never
trades at a loss.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """Nothing is remembered but my side."""

    side: int


class Kaplan(coase.Trader):
    """Let the others bargain, then jump."""

    spread: float = Field(default=0.1, ge=0, le=1, description="the spread that counts as small, as a share of the ask")
    last: float = Field(default=0.1, ge=0, le=1, description="the last part of the day, in which it takes any gain")

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """Take the best quote of the other side, or stay out."""
        side = state.side
        offer = view.best_ask if side > 0 else view.best_bid
        if offer < 0 or side * (view.limit - offer) < 0:
            return state, coase.NO_QUOTE
        known = view.yesterday_low >= 0
        best = view.yesterday_low if side > 0 else view.yesterday_high
        worst = view.yesterday_high if side > 0 else view.yesterday_low
        juicy = known and side * (best - offer) >= 0
        narrow = view.best_bid >= 0 and view.best_ask >= 0 and (
            view.best_ask - view.best_bid <= self.spread * view.best_ask
        )  # fmt: skip
        small = narrow and (not known or side * (worst - offer) >= 0)
        late = view.steps - view.step <= self.last * view.steps
        if juicy or small or late:
            return state, coase.Quote(offer, 1)
        return state, coase.NO_QUOTE
