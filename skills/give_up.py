"""Give up: leave the table when the other side has stopped moving. A wrapper, for skills of any rung but `step`.

Whoever pays for time (a deal elsewhere, a metered line) should not sit out a session that leads nowhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field

import coase
from coase.negotiation.inside import Bidder


class State(NamedTuple):
    """What is remembered between moves."""

    inner: Any
    best: float  # the best share that they have offered
    still: int  # moves since that got better


class GiveUp(coase.Negotiator):
    """The skill inside, until nothing moves any more."""

    inner: Bidder = Field(default_factory=lambda: coase.skill("boulware"), description="the skill that bargains")
    steps: int = Field(default=50, ge=1, le=1_000_000, description="offers without progress after which it leaves")
    progress: float = Field(default=0.0, ge=0, le=1, description="share by which an offer must beat the best so far")

    def start(self, problem: coase.Problem) -> State:
        """The skill inside begins."""
        return State(self.inner.start(problem), -1e9, 0)

    def bid(self, state: State, now: coase.Now) -> tuple[State, Any, Any]:
        """What it bids, or leave: a rank below 0. What it would accept it still accepts."""
        inner, floor, rank = self.inner.bid(state.inner, now)
        best, still = state.best, state.still
        if now.offer >= 0:
            if now.worth > best + self.progress:
                best, still = now.worth, 0
            else:
                still += 1
        return State(inner, best, still), floor, -1 if still >= self.steps else rank
