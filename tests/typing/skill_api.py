"""What authors of skills write, checked by mypy --strict and pyright; nothing here runs.

Every ignored error is expected: both checkers report an ignore that is not needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple, assert_type

import numpy as np
from pydantic import Field

import coase


class Patient(coase.Negotiator):
    """Hold firm, concede late; one parameter."""

    beta: float = Field(default=0.2, gt=0)

    def target(self, t: Any) -> Any:
        """The lowest rung, for numbers and arrays."""
        return 1 - t ** (1 / self.beta)


class Even(coase.Negotiator):
    """Concede evenly; typed for numbers alone."""

    def target(self, t: float) -> float:
        """The lowest rung."""
        return 1 - t


class Memory(NamedTuple):
    """What is remembered."""

    best: float


class Grateful(coase.Negotiator):
    """Ask for no more than a little above their best offer."""

    margin: float = 0.1

    def start(self, problem: coase.Problem) -> Memory:
        """Nothing seen yet."""
        return Memory(0.0)

    def ask(self, state: Memory, now: coase.Now) -> tuple[Memory, float]:
        """The second rung, with a state of one's own type."""
        best = max(state.best, now.worth)
        return Memory(best), max(1 - now.t, best + self.margin * now.uniform(0))


class Ultimatum(coase.Negotiator):
    """One demand."""

    def bid(self, state: tuple[()], now: coase.Now) -> tuple[tuple[()], int, int]:
        """The third rung."""
        rank = now.rank_for(0.7)
        return state, rank, rank if now.step < 3 else -1


class Talker(coase.Negotiator):
    """Ask a language model."""

    def start(self, problem: coase.Problem) -> coase.Problem:
        """The problem is all it needs."""
        return problem

    def step(self, state: coase.Problem, offer: int | None) -> tuple[coase.Problem, coase.Move]:
        """The fourth rung."""
        return state, coase.Ask("what now?", {"type": "object"})

    def answer(self, state: coase.Problem, reply: dict[str, Any]) -> tuple[coase.Problem, coase.Move]:
        """What the model said."""
        return state, coase.Propose(state.domain.number(reply)) if reply else coase.Walk("nothing to say")


class Wrong(coase.Negotiator):
    """Returns a share without the state."""

    def ask(self, state: Memory, now: coase.Now) -> float:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Not what the ladder takes."""
        return 1.0


skill: coase.Negotiator = Patient(beta=0.3)
Patient(beta="firm")  # pyright: ignore[reportArgumentType]
skill.beta = 0.4  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

domain = coase.Domain(price=range(100), hours=[1, 2, 4], speed=("slow", "fast"), gpu=[True, False])
coase.Domain(price=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(coase.skill(Patient, beta=0.3), Patient)
seller: coase.Negotiator = coase.skill("conceder", beta=3)

result = coase.negotiate(
    Patient(), seller, domain, deadline=100, reservation=(0.1, 0.1), utilities=(lambda o: 0.5, np.zeros(1200)), seed=1
)
assert_type(result, coase.Result)
assert_type(result.agreement, dict[str, int | str | bool] | None)
assert_type(result.step, int)
assert_type(result.utilities, tuple[float, float])
assert_type(result.reason, str)
assert_type([turn.step for turn in result.trace], list[int])
coase.negotiate("boulware", seller, domain)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
