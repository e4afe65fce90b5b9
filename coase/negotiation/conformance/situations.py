"""Sessions that a skill must get through: the ordinary ones, and the corners where skills break."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from coase.loading import skill
from coase.negotiation.moves import Party, other
from coase.negotiation.problem import Now, Problem
from coase.negotiation.skill import Negotiator
from coase.negotiation.utility import Floats, Ranking, linear
from coase.terms.domain import Domain


class Best(Negotiator):
    """Always its best outcome, and takes nothing less."""

    def ask(self, state: Any, now: Now) -> tuple[Any, float]:
        """Everything."""
        return state, 1.0


class Erratic(Negotiator):
    """Its best and its worst by turns; takes nothing before the last step."""

    def bid(self, state: Any, now: Now) -> tuple[Any, int, int]:
        """Up and down."""
        last = now.problem.count - 1
        return state, last if now.step == now.problem.deadline else 0, 0 if now.step % 2 else last


class Leaves(Negotiator):
    """Leaves in its second move."""

    def bid(self, state: Any, now: Now) -> tuple[Any, int, int]:
        """Once, and away."""
        return state, 0, 0 if now.step == 1 else -1


@dataclass(frozen=True, eq=False)
class Situation:
    """A session, from the skill's side.

    Args:
        name: for the report.
        party: the side that the skill plays.
        domain: what is bargained over.
        utilities: of the skill and of its rival, a number per outcome.
        reservation: of the skill and of its rival.
        deadline: the last step.
        rival: who sits opposite.
    """

    name: str
    party: Party
    domain: Domain
    utilities: tuple[Floats, Floats]
    reservation: tuple[float, float]
    deadline: int
    rival: Negotiator

    @cached_property
    def rankings(self) -> tuple[Ranking, Ranking]:
        """Of the skill and of its rival."""
        return Ranking(self.domain, self.utilities[0]), Ranking(self.domain, self.utilities[1])

    def problems(self) -> tuple[Problem, Problem]:
        """The problems of the skill and of its rival."""
        one, two = self.rankings
        return (
            Problem(one, self.party, self.deadline, self.reservation[0], 11),
            Problem(two, other(self.party), self.deadline, self.reservation[1], 12),
        )


@lru_cache(1)
def situations() -> tuple[Situation, ...]:
    """All of them; the same every time."""
    prices, draw = Domain(price=range(100)), np.random.default_rng(5)
    issues = Domain(price=range(6), speed=["slow", "fast"], support=[False, True])
    single = Domain(price=[7])
    tied = np.round(draw.uniform(0, 1, issues.size), 1), np.round(draw.uniform(0, 1, issues.size), 1)
    flat = np.ones(issues.size), np.ones(issues.size)
    rivals: dict[str, Negotiator] = {name: skill(name) for name in ("boulware", "conceder", "tit_for_tat", "micro")}
    rivals |= {"who never moves": Best(), "erratic": Erratic(), "who leaves": Leaves()}
    made: list[Situation] = []
    sides: tuple[Party, Party] = ("buyer", "seller")
    for party in sides:
        price = linear(prices, party), linear(prices, other(party))
        for name, rival in rivals.items():
            title = f"{party}, one price, against {name}"
            made.append(Situation(title, party, prices, price, (0.1, 0.1), 60, rival))
        hard = Best()
        corners = (
            ("one step", prices, price, (0.0, 0.0), 1, rivals["conceder"]),
            ("one outcome", single, (np.ones(1), np.ones(1)), (0.0, 0.0), 5, rivals["boulware"]),
            ("nothing worth the reservation", prices, price, (1.5, 0.0), 5, rivals["conceder"]),
            ("only the best is worth it", prices, price, (1.0, 0.0), 5, rivals["conceder"]),
            ("three issues with ties", issues, tied, (0.3, 0.2), 40, rivals["conceder"]),
            ("three issues, all alike", issues, flat, (0.0, 0.0), 10, hard),
            ("three issues, impossible outcomes", issues, _with_holes(tied), (0.2, 0.2), 30, rivals["erratic"]),
            ("a thousand steps", prices, price, (0.0, 0.0), 1000, rivals["boulware"]),
        )
        made += [Situation(f"{party}, {corner[0]}", party, *corner[1:]) for corner in corners]
    return tuple(made)


def _with_holes(tables: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Some outcomes never acceptable to the skill."""
    mine = tables[0].copy()
    mine[::3] = -np.inf
    return mine, tables[1]
