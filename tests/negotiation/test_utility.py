"""Utilities and rankings: coase/negotiation/utility.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import TermsError
from coase.negotiation.moves import PARTIES
from coase.negotiation.utility import Ranking, additive, linear, order, ranking, rankings, tabulate


def test_defaults_are_linear_in_the_price() -> None:
    """The buyer has 1 at the lowest price and 0 at the highest, the seller the reverse."""
    domain = coase.Domain(price=range(100))
    assert linear(domain, "buyer").tolist() == [(99 - x) / 99 for x in range(100)]
    assert linear(domain, "seller").tolist() == [x / 99 for x in range(100)]


def test_other_issues_count_for_nothing_by_default() -> None:
    """Wherever the price stands among the issues, and in whatever order its values come."""
    domain = coase.Domain(speed=["slow", "fast"], price=[10, 40, 20], gpu=[True, False])
    for number, (mine, theirs) in enumerate(zip(linear(domain, "buyer"), linear(domain, "seller"), strict=True)):
        price = int(domain.outcome(number)["price"])
        assert mine == pytest.approx((40 - price) / 30)
        assert theirs == pytest.approx((price - 10) / 30)


def test_a_single_price_suits_both() -> None:
    """There is nothing to lose on a price that cannot differ."""
    assert (
        linear(coase.Domain(price=[5]), "buyer").tolist() == [1.0] == linear(coase.Domain(price=[5]), "seller").tolist()
    )


def test_additive_utilities_are_weighted_sums() -> None:
    """Weight x worth, summed over the issues of each outcome."""
    domain = coase.Domain(price=range(3), speed=["slow", "fast"])
    table = additive(domain, {"price": 0.75, "speed": 0.25}, {"price": [1, 0.5, 0], "speed": [0, 1]})
    assert table.tolist() == [0.75, 1.0, 0.375, 0.625, 0.0, 0.25]


@pytest.mark.parametrize(
    ("weights", "worth"),
    [({"price": 1}, {"price": [1]}), ({"price": 1}, {"price": [1, 2, 3, 4]}), ({}, {}), ({"cost": 1}, {"cost": [1]})],
)
def test_additive_utilities_fit_the_domain(weights: dict[str, float], worth: dict[str, list[float]]) -> None:
    """A weight for each issue and a worth for each value, or a `TermsError`."""
    with pytest.raises(TermsError):
        additive(coase.Domain(price=range(3)), weights, worth)


def test_functions_and_tables_say_the_same() -> None:
    """A function of outcomes is tabulated by outcome number."""
    domain = coase.Domain(price=range(3), speed=["slow", "fast"])
    assert tabulate(domain, lambda o: float(o["price"]) + (o["speed"] == "fast")).tolist() == [0, 1, 1, 2, 2, 3]


tables = st.lists(st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0]), min_size=1, max_size=12)


@given(tables)
def test_rankings_follow_a_stable_sort(table: list[float]) -> None:
    """Best first, equals by outcome number, and equals share the rank of the first of them."""
    found = Ranking(coase.Domain(price=range(len(table))), np.array(table))
    assert found.ranked == sorted(range(len(table)), key=lambda o: -found.utility[o])
    assert found.rank_of == [sum(other > u for other in found.utility) for u in found.utility]
    assert found.falling == [-found.utility[o] for o in found.ranked]


def test_many_tables_are_ranked_at_once() -> None:
    """Rows of a table of tables are ranked as each alone."""
    rows = np.array([[0.1, 0.4, 0.4], [1.0, 0.0, 0.5]])
    _, many = order(rows)
    for row, utility in enumerate(rows):
        _, alone = order(utility)
        for part in ("ranked", "falling", "rank_of"):
            assert getattr(many, part)[row].tolist() == getattr(alone, part).tolist()


@given(st.integers(1, 1_100), st.integers(1, 40), st.sampled_from([0, 1, 2048, 4095, 4096, 1e6]), st.integers(0, 2**32))
def test_the_last_decimal_decides_between_outcomes(size: int, levels: int, far: float, seed: int) -> None:
    """Differences of 1e-12, near 0 and on both sides of where the way of sorting changes; equals by outcome number."""
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, levels, (2, size)) * 1e-12 + draw.integers(-3, 3, (2, size)) * 0.25
    rows[0, 0] += far
    many_rounded, many = order(rows)
    for row, utility in enumerate(rows):
        expected = np.argsort(-utility.round(12), kind="stable")
        for rounded, found in (order(utility), order(utility, (-2e6, 2e6)), (many_rounded[row], many)):
            ranked, falling = (x[row] if found is many else x for x in (found.ranked, found.falling))
            assert rounded.tolist() == utility.round(12).tolist()
            assert ranked.tolist() == expected.tolist()
            assert falling.tolist() == (-rounded[expected]).tolist()


@given(st.booleans(), st.sampled_from([1.0, 1e6]), st.integers(0, 2**32))
def test_two_rankings_at_once_are_those_of_each(excluded: bool, size: float, seed: int) -> None:
    """Of tables, a list among them; and of whatever else is given, beside a default or a ranking."""
    draw = np.random.default_rng(seed)
    domain = coase.Domain(price=range(4), speed=["slow", "fast"])
    domain = domain.without(price=0, speed="fast") if excluded else domain
    first, second = draw.integers(0, 4, 8) / 3 * size, (draw.integers(0, 4, 8) / 3).tolist()
    for pair in ((first, second), (None, second), (first, Ranking(domain, np.array(second)))):
        for found, party, utility in zip(rankings(domain, *pair), PARTIES, pair, strict=True):
            alone = ranking(domain, party, utility)
            for part in ("utility", "ranked", "falling", "rank_of"):
                assert getattr(found, part) == getattr(alone, part)
            assert found.given.tolist() == alone.given.tolist()


def test_rankings_keep_what_was_given() -> None:
    """A table that its owner changes afterwards changes no ranking."""
    tables = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    found = rankings(coase.Domain(price=range(2)), *tables)
    for table, one in zip(tables, found, strict=True):
        table[:] = 0.5
        assert sorted(one.given.tolist()) == [0.0, 1.0]


def test_sums_in_another_order_stay_equal() -> None:
    """0.1 + 0.2 and 0.3 differ in the last bit and rank as equals; what was given is reported unchanged."""
    found = Ranking(coase.Domain(price=range(2)), np.array([0.3, 0.1 + 0.2]))
    assert found.rank_of == [0, 0]
    assert found.given.tolist() == [0.3, 0.1 + 0.2]


@pytest.mark.parametrize("table", [[float("nan"), 0], [float("inf"), 0], [-2e9, 0], [0], [[0, 1]]])
def test_utilities_are_finite_numbers_per_outcome(table: Any) -> None:
    """Anything else is a `TermsError`."""
    with pytest.raises(TermsError):
        ranking(coase.Domain(price=range(2)), "buyer", table)
