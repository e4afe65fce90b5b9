"""Relative tit-for-tat: concede by the factor by which they conceded. After Faratin, Sierra and Jennings (1998), 4.2.

Their rule imitates in the issue's own units: x_own[n+1] = clamp(x_opp[n-2d] / x_opp[n-2d+2] * x_own[n-1]). Here, with
delay d = 1, it works in shares of the own utility range, so that it holds for any domain: with k the share that their
offer keeps from me, I ask for mine * k / k_before, within `floor` and 1.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """What is remembered between moves."""

    mine: float  # the share that I asked for last
    theirs: float  # the share that their last offer kept from me; -1 before any


class TitForTat(coase.Negotiator):
    """Open with a small concession, then lower my demand by the factor by which they lowered theirs."""

    opening: float = Field(
        default=0.02, ge=0, le=1, description="share given away once, in answer to their first offer"
    )
    floor: float = Field(default=0.0, ge=0, le=1, description="share below which I never ask")

    def start(self, problem: coase.Problem) -> State:
        """Ask for everything until they have made an offer."""
        return State(1.0, -1.0)

    def ask(self, state: State, now: coase.Now) -> tuple[State, float]:
        """My last demand, lowered as they lowered theirs."""
        if now.offer < 0:
            return state, state.mine
        theirs = 1 - now.worth
        mine = max(1 - self.opening, self.floor)
        if state.theirs > 0:
            mine = min(max(state.mine * theirs / state.theirs, self.floor), 1.0)
        return State(mine, theirs), mine
