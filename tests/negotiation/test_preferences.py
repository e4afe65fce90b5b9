"""Utilities made of others, exclusions and discounts: coase/negotiation/preferences.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import CoaseError, TermsError, UsageError
from coase.negotiation.preferences import remaining, remaining_each

FIVE = coase.Domain(price=range(5))
EVEN = [0.0, 0.25, 0.5, 0.75, 1.0]


def test_absolute_risk_aversion_is_constant() -> None:
    """-v''/v' = a everywhere, between 0 and 1; a = 0 changes nothing (Pratt 1964)."""
    fine = coase.Domain(price=range(1001))
    u = np.linspace(0, 1, 1001)
    for a in (-3.0, 0.5, 2.0):
        bent = coase.risk_averse(fine, u.tolist(), absolute=a)
        slope = np.gradient(bent, u)
        measured = -np.gradient(slope, u)[2:-2] / slope[2:-2]
        assert measured == pytest.approx(np.full(997, a), abs=1e-4)
        assert (bent[0], bent[-1]) == pytest.approx((0, 1))
    assert coase.risk_averse(FIVE, EVEN, absolute=0).tolist() == EVEN


def test_relative_risk_aversion_is_constant() -> None:
    """-x v''/v' = r, where x is wealth and worth together; the logarithm lies between its neighbours."""
    fine = coase.Domain(price=range(1001))
    u = np.linspace(0, 1, 1001)
    for r in (0.5, 1.0, 3.0):
        bent = coase.risk_averse(fine, u.tolist(), relative=r, wealth=0.5)
        slope = np.gradient(bent, u)
        measured = -(u + 0.5)[2:-2] * np.gradient(slope, u)[2:-2] / slope[2:-2]
        assert measured == pytest.approx(np.full(997, r), abs=1e-3)
    assert coase.risk_averse(FIVE, EVEN, relative=0.5).tolist() == pytest.approx(np.sqrt(EVEN))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"absolute": 1, "relative": 0.5},
        {"absolute": float("nan")},
        {"absolute": 1e6},
        {"relative": 1},
        {"relative": 2, "wealth": -1},
        {"relative": float("inf")},
        {"relative": 400, "wealth": 1e-9},
    ],
)
def test_senseless_attitudes_are_refused(wrong: dict[str, Any]) -> None:
    """Both kinds or none, no number, or what no float can hold."""
    with pytest.raises(UsageError):
        coase.risk_averse(FIVE, EVEN, **wrong)
    with pytest.raises(TermsError):
        coase.risk_averse(FIVE, [0, 1, 2, 3, 4], absolute=1)


def test_a_risk_averse_seller_settles_for_less() -> None:
    """Nash's product: the more risk averse party gets less (Roth and Rothblum 1982, sure outcomes)."""
    prices = coase.Domain(price=range(101))
    sell = [price / 100 for price in range(101)]
    buy = [1 - u for u in sell]
    at = []
    for a in (0.0, 1.0, 4.0):
        bent = coase.risk_averse(prices, sell, absolute=a) if a else np.array(sell)
        nash = coase.measure(np.array(buy), bent, (0.0, 0.0)).nash
        assert nash is not None
        at.append(nash.outcome)
    assert at[0] == 50
    assert at == sorted(at, reverse=True)
    assert len(set(at)) == 3


def test_an_order_says_no_more_than_an_order() -> None:
    """Even steps, equals level, and what is not named is never acceptable."""
    table = coase.rank_only(FIVE, [{"price": 3}, [0, {"price": 4}], 1])
    assert table.tolist() == [0.5, 0.0, -np.inf, 1.0, 0.5]
    assert coase.rank_only(FIVE, [2])[2] == 1.0
    assert coase.order_of(FIVE, [0.9, 0.2, 0.2, -np.inf, 0.95]).tolist() == [0.5, 0, 0, -np.inf, 1]
    bad: list[list[Any]] = [[], [[]], [1, 1], [7], [{"hours": 1}]]
    for wrong in bad:
        with pytest.raises(TermsError):
            coase.rank_only(FIVE, wrong)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.data())
def test_waiting_costs_the_same_bits_alone_and_in_batches(factors: list[float], data: st.DataObject) -> None:
    """Multiplied step by step in both."""
    steps = data.draw(st.lists(st.integers(1, 60), min_size=len(factors), max_size=len(factors)))
    many = remaining_each(np.array(factors), np.array(steps))
    assert many.tolist() == [remaining(f, s) for f, s in zip(factors, steps, strict=True)]
    assert many.tolist() == pytest.approx([f ** (s - 1) for f, s in zip(factors, steps, strict=True)])


@pytest.mark.parametrize("pair", [("boulware", "conceder"), ("micro", "tit_for_tat"), ("hybrid", "linear")])
def test_discounts_and_exclusions_in_both_runtimes(pair: tuple[str, str]) -> None:
    """200 sessions: the same agreement, step and utilities; nothing that is ruled out is ever agreed on."""
    n, draw = 200, np.random.default_rng(4)
    domain = coase.Domain(price=range(30), speed=["slow", "fast"], hours=[1, 2, 4])
    domain = domain.without(speed="fast", price=range(15)).without(hours=4, price=range(20, 30)).without(price=17)
    tables = draw.uniform(0, 1, (n, domain.size)), draw.uniform(0, 1, (n, domain.size))
    floors, factors = draw.uniform(0, 0.9, (2, n)), draw.uniform(0.9, 1, (2, n))
    deadlines = draw.integers(1, 40, n)
    one, two = (coase.skill(name) for name in pair)
    many = coase.negotiate_many(
        one, two, domain, n=n, deadline=deadlines, reservation=tuple(floors), discount=tuple(factors),
        utilities=tables, seed=3,
    )  # fmt: skip
    assert many.agreed.sum() > 0
    for i in range(n):
        alone = coase.negotiate(
            one, two, domain, deadline=int(deadlines[i]), reservation=(floors[0][i], floors[1][i]),
            discount=(factors[0][i], factors[1][i]), utilities=(tables[0][i], tables[1][i]),
            seed=coase.session_seed(3, i),
        )  # fmt: skip
        assert alone.utilities == (many.utilities[0][i], many.utilities[1][i])
        assert alone.step == many.last_step[i]
        if alone.agreement is not None:
            assert domain.number(alone.agreement) == many.outcome[i]  # raises where it is ruled out


def test_an_excluded_outcome_is_refused_as_a_proposal() -> None:
    """A skill that proposes one loses, with the reason."""

    class Cheat(coase.Negotiator):
        """Proposes what is ruled out."""

        def step(self, state: Any, offer: int | None) -> tuple[Any, coase.Move]:
            return state, coase.Propose(0)

    result = coase.negotiate(Cheat(), coase.skill("boulware"), FIVE.without(price=0))
    assert (result.agreement, result.left) == (None, "buyer")
    assert "ruled out" in result.reason


@pytest.mark.parametrize("wrong", [(0.0, 1.0), (1.0, 1.5), (float("nan"), 1.0), ("1", 1.0), (True, 1.0), 0.9])
def test_senseless_discounts_are_refused(wrong: Any) -> None:
    """A factor above 0 and up to 1, for each party."""
    with pytest.raises(CoaseError) as refused:
        coase.negotiate(coase.skill("boulware"), coase.skill("conceder"), FIVE, discount=wrong)
    assert refused.value.code == "bad_discount"


def test_a_skill_may_look_at_its_discount() -> None:
    """As `problem.discount`."""
    seen: list[float] = []

    class Looks(coase.Negotiator):
        """Notes it."""

        def start(self, problem: coase.Problem) -> Any:
            seen.append(problem.discount)
            return ()

        def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
            return state, 1 - now.t

    coase.negotiate(Looks(), Looks(), FIVE, discount=(0.9, 0.8))
    assert seen == [0.9, 0.8]


def test_a_hundred_thousand_outcomes_stay_usable() -> None:
    """Every way of playing, the metrics, and a constraint, on five issues of ten values."""
    domain = coase.Domain(**{f"i{k}": range(10) for k in range(5)}).without(i0=range(5), i1=range(5))
    draw = np.random.default_rng(1)
    tables = draw.uniform(0, 1, domain.size), draw.uniform(0, 1, domain.size)
    for pair in (("boulware", "conceder"), ("micro", "tit_for_tat"), ("nash_seeker", "boulware")):
        one, two = (coase.skill(name) for name in pair)
        result = coase.negotiate(one, two, domain, utilities=tables, deadline=30)
        metrics = result.metrics()
        assert metrics.nash is not None
        assert domain.outcome(metrics.nash.outcome)
        assert len(metrics.frontier) < 200
    many = coase.negotiate_many(
        coase.skill("boulware"), coase.skill("conceder"), domain, n=1_000, utilities=tables,
        reservation=(draw.uniform(0, 0.5, 1_000), 0.2),
    )  # fmt: skip
    assert many.agreed.all()
