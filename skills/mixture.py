"""Mixture: a weighted mean of what two tactics ask for. Faratin, Sierra and Jennings (1998), 5.

Their strategies weigh time-, resource- and behaviour-dependent tactics by a matrix; a weight that itself changes over
the session, as theirs may, goes here from `early` at the start to `late` at the deadline.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field

import coase
from coase.negotiation.inside import Asker


class State(NamedTuple):
    """The states of both tactics."""

    first: Any
    second: Any


class Mixture(coase.Negotiator):
    """Part the first tactic, part the second."""

    first: Asker = Field(
        default_factory=lambda: coase.skill("boulware"), description="a skill of the rungs `target` and `ask`"
    )
    second: Asker = Field(default_factory=lambda: coase.skill("tit_for_tat"), description="another")
    early: float = Field(default=0.5, ge=0, le=1, description="weight of the first at the start")
    late: float = Field(default=0.5, ge=0, le=1, description="weight of the first at the deadline")

    def start(self, problem: coase.Problem) -> State:
        """Both begin."""
        return State(self.first.start(problem), self.second.start(problem))

    def ask(self, state: State, now: coase.Now) -> tuple[State, Any]:
        """The weighted mean of their shares."""
        one, asked = self.first.ask(state.first, now)
        two, other = self.second.ask(state.second, now)
        weight = self.early + (self.late - self.early) * now.t
        return State(one, two), weight * asked + (1 - weight) * other
