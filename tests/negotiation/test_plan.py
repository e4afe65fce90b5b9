"""Plans: coase/negotiation/plan.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SerializeAsAny

import coase
from coase.negotiation.plan import curves, is_plan, plan_of

DOMAIN = coase.Domain(price=range(100))


class Power(coase.Negotiator):
    """A curve that takes arrays."""

    beta: float = 0.25
    label: str = ""

    def target(self, t: Any) -> Any:
        """1 - t^(1 / beta)."""
        return 1 - t ** (1 / self.beta)


class Branches(coase.Negotiator):
    """A curve that takes numbers only."""

    def target(self, t: Any) -> Any:
        """Firm, then soft."""
        return 0.9 if t < 0.5 else 0.4


class Scalar(coase.Negotiator):
    """A curve from the math module."""

    def target(self, t: Any) -> Any:
        """A cosine."""
        return math.cos(t)


class Firm(coase.Negotiator):
    """A wrapper that overrides only `target`."""

    inner: SerializeAsAny[coase.Negotiator]

    def target(self, t: Any) -> Any:
        """Never below 0.4."""
        return np.maximum(self.inner.target(t), 0.4)


class Reacts(Power):
    """A skill that looks at the other side."""

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Its curve, number by number."""
        return state, self.target(now.t)


@pytest.mark.parametrize(
    ("skill", "plan"),
    [
        (Power(), True),
        (coase.Negotiator(), True),
        (Firm(inner=Power()), True),
        (Branches(), False),
        (Scalar(), False),
        (Reacts(), False),
        (Firm(inner=Branches()), False),
        (Firm(inner=Reacts()), False),
    ],
)
def test_only_pure_curves_that_take_arrays_are_plans(skill: coase.Negotiator, plan: bool) -> None:
    """Another rung overridden, here or in a skill inside, or a curve for numbers only, makes a skill react."""
    problem = coase.Problem.of(DOMAIN, "buyer", deadline=10)
    assert is_plan(skill) is plan
    assert (plan_of(skill, problem) is not None) is plan


@given(st.floats(0.05, 20), st.integers(1, 200), st.floats(0, 1), st.sampled_from(["buyer", "seller"]))
def test_a_plan_asks_for_what_its_curve_says(beta: float, deadline: int, reservation: float, party: Any) -> None:
    """Step by step the rank is the one that a bisection for the curve's share finds."""
    problem = coase.Problem.of(DOMAIN, party, deadline=deadline, reservation=reservation)
    plan = plan_of(Power(beta=beta), problem)
    times = np.arange(1, deadline + 1) / (deadline + 1)
    assert plan is not None
    assert plan.tolist() == [problem.rank_for(float(share)) for share in 1 - times ** (1 / np.full(1, beta))]


def test_one_session_and_many_have_the_same_bits() -> None:
    """A row of a batch of curves equals the curve alone, whatever numpy's powers round to."""
    betas = np.linspace(0.1, 5, 300)
    times = np.arange(1, 101)[None, :] / 101
    many = curves(Power(), times, {("beta",): betas}, 300)
    for row, beta in enumerate(betas):
        assert (many[row] == curves(Power(beta=float(beta)), times, {}, 1)[0]).all()


def test_shares_outside_the_range_count_as_its_ends() -> None:
    """Not a number and infinity ask for everything, negative shares for the reservation."""

    class Odd(coase.Negotiator):
        """Nonsense at every step."""

        def target(self, t: Any) -> Any:
            """nan, inf, -inf and -3 by turns."""
            return np.array([np.nan, np.inf, -np.inf, -3.0])[np.clip(np.rint(np.asarray(t) * 5).astype(int) - 1, 0, 3)]

    problem = coase.Problem.of(DOMAIN, "buyer", deadline=4, reservation=0.5)
    reacting = [problem.rank_for(float(Odd().target(step / 5))) for step in range(1, 5)]
    assert is_plan(Odd())
    plan = plan_of(Odd(), problem)
    assert plan is not None
    assert plan.tolist() == [0, 0, 49, 49] == reacting


def test_nothing_worth_the_reservation_has_no_rank() -> None:
    """Where no outcome suffices the plan says so at every step."""
    plan = plan_of(Power(), coase.Problem.of(DOMAIN, "buyer", deadline=3, reservation=2))
    assert plan is not None
    assert plan.tolist() == [-1, -1, -1]


def test_parameters_without_a_hash_are_planned_too() -> None:
    """A list among the parameters only means that the plan is not remembered."""

    class Listed(coase.Negotiator):
        """Has a list."""

        knots: list[float] = [1.0, 0.5]

        def target(self, t: Any) -> Any:
            """Linear between two knots."""
            return self.knots[0] + (self.knots[1] - self.knots[0]) * t

    result = coase.negotiate(Listed(), Listed(), DOMAIN)
    assert is_plan(Listed())
    assert (result.reason, result.step) == ("deadline", 100)
