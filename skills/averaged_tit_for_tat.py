"""Averaged tit-for-tat: concede by the factor by which they conceded over several offers. Faratin, Sierra and Jennings
(1998), 4.2.

Their rule is x_own[n+1] = clamp(x_opp[n-2g] / x_opp[n] * x_own[n-1]) with a window of g offers; one offer that jumps
moves it less than relative tit-for-tat. Here it works in shares of the own utility range: with k the share that an
offer keeps from me, I ask for mine * (k now / k then)^(1 / g), within `floor` and 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

import coase

LONGEST = 10


class State(NamedTuple):
    """What is remembered between moves."""

    mine: float  # the share that I asked for last
    kept: Any  # the shares that their last offers kept from me, one after the other, in a ring
    seen: int  # how many offers there were


class AveragedTitForTat(coase.Negotiator):
    """Lower my demand by their mean factor over a window."""

    window: int = Field(default=3, ge=1, le=LONGEST, description="g: offers over which they are judged")
    opening: float = Field(default=0.02, ge=0, le=1, description="share given away once, in answer to the first offers")
    floor: float = Field(default=0.0, ge=0, le=1, description="share below which I never ask")

    def start(self, problem: coase.Problem) -> State:
        """Ask for everything until they have made an offer."""
        return State(1.0, np.zeros(LONGEST + 1), 0)

    def ask(self, state: State, now: coase.Now) -> tuple[State, float]:
        """My last demand, lowered as they lowered theirs on average."""
        if now.offer < 0:
            return state, state.mine
        mine, kept, seen = state
        back = min(self.window, seen)
        kept[seen % (LONGEST + 1)] = 1.0 - now.worth
        before = kept[(seen - back) % (LONGEST + 1)]
        if back == 0:
            mine = max(1.0 - self.opening, self.floor)
        elif before > 0.0 and now.worth < 1.0:
            mine = min(max(mine * ((1.0 - now.worth) / before) ** (1.0 / back), self.floor), 1.0)
        else:
            mine = self.floor
        return State(mine, kept, seen + 1), mine
