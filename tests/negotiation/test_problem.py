"""What a skill is given: coase/negotiation/problem.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import UsageError
from coase.negotiation.utility import SLACK

DOMAIN = coase.Domain(price=range(11))
shares = st.floats(-0.5, 1.5) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, float("nan"), float("inf"), float("-inf")])
tables = st.lists(st.integers(0, 8).map(lambda x: x / 8), min_size=1, max_size=10)


@given(tables, st.sampled_from([0.0, 0.125, 0.3, 0.5, 1.0]), shares)
def test_rank_for_is_the_worst_outcome_that_suffices(table: list[float], reservation: float, share: float) -> None:
    """Against a plain search: the last in the ranking at or above reservation + (best - reservation) x share."""
    domain = coase.Domain(price=range(len(table)))
    problem = coase.Problem.of(domain, "buyer", utility=table, reservation=reservation)
    ranked = sorted(range(len(table)), key=lambda o: -table[o])
    good = [o for o in ranked if table[o] >= reservation - SLACK]
    assert problem.count == len(good)
    if not good:
        return
    share = 1.0 if share != share else min(max(share, 0.0), 1.0)
    target = reservation + (max(table) - reservation) * share
    enough = [o for o in good if table[o] >= target - SLACK]
    assert problem.ranked[problem.rank_for(share)] == enough[-1]


def test_a_reservation_met_exactly_is_met() -> None:
    """A third of the way is worth a third, whatever the last bit says."""
    domain = coase.Domain(price=range(4))
    assert coase.Problem.of(domain, "seller", reservation=1 / 3).count == 3
    assert coase.Problem.of(domain, "buyer", reservation=1 - 1 / 3).count == 2


def test_now_measures_offers_in_shares() -> None:
    """The reservation is 0, the best outcome 1; worse than no deal is negative; without one it is 0."""
    problem = coase.Problem.of(DOMAIN, "buyer", reservation=0.5, deadline=9)
    assert [coase.Now(problem, 1, offer).worth for offer in (0, 5, 10, -1)] == pytest.approx([1, 0, -1, 0])
    assert [coase.Now(problem, 1, offer).rank for offer in (0, 5, 10, -1)] == [0, 5, 10, 11]
    assert coase.Now(problem, 9, -1).t == 9 / 10


def test_nothing_to_gain_is_no_division_by_zero() -> None:
    """When the best outcome is worth the reservation only, offers are worth 0 or less."""
    problem = coase.Problem.of(DOMAIN, "buyer", reservation=1.0)
    assert coase.Now(problem, 1, 0).worth == 0
    assert coase.Now(problem, 1, 10).worth == -1
    assert problem.rank_for(0.7) == 0


def test_parties_draw_differently() -> None:
    """The two sides of one session, and two steps of one side, have their own random numbers."""
    draws = [
        coase.Now(coase.Problem.of(DOMAIN, party, seed=3), step, -1).uniform(slot)
        for party in ("buyer", "seller")
        for step in (1, 2)
        for slot in (0, 1)
    ]
    assert len(set(draws)) == 8


@pytest.mark.parametrize("deadline", [0, -1, 1_000_001, 1.0, True, None, "9"])
def test_deadlines_are_whole_steps(deadline: Any) -> None:
    """From 1 to a million."""
    with pytest.raises(UsageError) as caught:
        coase.Problem.of(DOMAIN, "buyer", deadline=deadline)
    assert caught.value.code == "bad_deadline"
