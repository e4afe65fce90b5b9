"""Hybrid: imitate early, follow the clock late. Keskin, Çakan and Aydoğan (2021), "Solver Agent: Towards Emotional and
Opponent-Aware Agent for Human-Robot Negotiation", AAMAS.

The share by the clock is the curve (1 - t)^2 p0 + 2 (1 - t) t p1 + t^2 p2. The share by behaviour is my last demand
less (p3 + p3 t) times the weighted gains of their last four offers. Asked for is t^2 of the first and 1 - t^2 of the
second.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

import coase


class State(NamedTuple):
    """What is remembered between moves."""

    mine: float  # the share that I asked for last
    worth: Any  # what their last five offers were worth to me, the newest last
    seen: int  # how many offers there were


class Hybrid(coase.Negotiator):
    """Time and behaviour, weighed by the time."""

    p0: float = Field(default=1.0, ge=0, le=1, description="share by the clock at the start")
    p1: float = Field(default=0.75, ge=0, le=1, description="bends the curve")
    p2: float = Field(default=0.55, ge=0, le=1, description="share by the clock at the end")
    p3: float = Field(default=0.5, ge=0, le=1, description="how much of their concession is answered")

    def start(self, problem: coase.Problem) -> State:
        """Ask for everything."""
        return State(1.0, np.zeros(5), 0)

    def ask(self, state: State, now: coase.Now) -> tuple[State, float]:
        """t^2 of the clock's share and the rest of the behaviour's."""
        t = now.t
        mine, worth, seen = state
        if now.offer >= 0:
            worth[:4] = worth[1:].copy()
            worth[4] = now.worth
            seen += 1
        clock = (1 - t) * (1 - t) * self.p0 + 2 * (1 - t) * t * self.p1 + t * t * self.p2
        gains = min(seen - 1, 4)
        if gains < 1:
            return State(clock, worth, seen), clock
        gain = worth[4] - worth[3]
        if gains == 2:
            gain = 0.25 * (worth[3] - worth[2]) + 0.75 * gain
        elif gains == 3:
            gain = 0.11 * (worth[2] - worth[1]) + 0.22 * (worth[3] - worth[2]) + 0.66 * gain
        elif gains >= 4:
            older = 0.05 * (worth[1] - worth[0]) + 0.15 * (worth[2] - worth[1])
            gain = older + 0.3 * (worth[3] - worth[2]) + 0.5 * gain
        behaviour = mine - (self.p3 + self.p3 * t) * gain
        mine = min(max(t * t * clock + (1 - t * t) * behaviour, 0.0), 1.0)
        return State(mine, worth, seen), mine
