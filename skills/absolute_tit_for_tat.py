"""Absolute tit-for-tat: concede by the amount by which they conceded. Faratin, Sierra and Jennings (1998), 4.2.

Their rule (random absolute) is x_own[n+1] = x_own[n-1] + (x_opp[n-2d] - x_opp[n-2d+2]) + (-1)^s R(M), with R(M) a
random number up to M, so that two imitators leave a cycle. Here, with delay d = 1, it works in shares of the own
utility range: what their last offer gave me more than the one before, I ask for less, and up to `most` less again.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """What is remembered between moves."""

    mine: float  # the share that I asked for last
    theirs: float  # the share that their last offer gave me; below -1 before any


class AbsoluteTitForTat(coase.Negotiator):
    """Give what they gave, and a little at random."""

    most: float = Field(default=0.005, ge=0, le=1, description="M: the most that is given away unasked in one move")
    floor: float = Field(default=0.0, ge=0, le=1, description="share below which I never ask")

    def start(self, problem: coase.Problem) -> State:
        """Ask for everything until they have made an offer."""
        return State(1.0, -2.0)

    def ask(self, state: State, now: coase.Now) -> tuple[State, float]:
        """My last demand less what they gave."""
        if now.offer < 0:
            return state, state.mine
        given = max(now.worth, -1.0)
        gain = given - state.theirs if state.theirs >= -1.0 else 0.0
        mine = min(max(state.mine - gain - self.most * now.uniform(0), self.floor), 1.0)
        return State(mine, given), mine
