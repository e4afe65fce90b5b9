"""The figures of theory, through the public API: coase/negotiation/solutions.py."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase.errors import UsageError


def test_square_root_against_linear() -> None:
    """u1 = sqrt(x), u2 = 1 - x: Nash 1/3; Kalai-Smorodinsky and egalitarian (3 - sqrt 5) / 2; utilitarian 1/4."""
    found = coase.solutions(math.sqrt, lambda x: 1 - x)
    golden = (3 - math.sqrt(5)) / 2
    assert found == pytest.approx((1 / 3, golden, golden, 1 / 4), abs=1e-6)
    assert golden == pytest.approx(0.381966, abs=1e-6)


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_rubinstein_is_the_fixed_point_of_waiting(first: float, second: float) -> None:
    """Each offers what the other gets, discounted, by waiting a round; the shares are those of the formula."""
    share, rest = coase.rubinstein(first, second)
    assert share == pytest.approx((1 - second) / (1 - first * second), abs=1e-6)
    assert rest == pytest.approx(second * coase.rubinstein(second, first)[0], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.4), st.floats(0, 0.4))
def test_a_pie_with_outside_options(one: float, other: float) -> None:
    """With linear utilities all fair solutions split what is left above no deal in halves."""
    found = coase.solutions(lambda x: x, lambda x: 1 - x, disagreement=(one, other))
    assert found[:3] == pytest.approx([one + (1 - one - other) / 2] * 3, abs=1e-6)


def test_kalai_smorodinsky_and_egalitarian_differ_when_ranges_do() -> None:
    """u1 = 2x: equal gains at 1/3, equal shares of the largest gain at 1/2, as Nash, which ignores scales."""
    found = coase.solutions(lambda x: 2 * x, lambda x: 1 - x)
    assert (found.kalai, found.kalai_smorodinsky, found.nash) == pytest.approx((1 / 3, 1 / 2, 1 / 2), abs=1e-6)
    wider = coase.solutions(lambda x: x / 10, lambda x: 1 - x / 10, high=10)
    assert wider.nash == pytest.approx(5, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: coase.solutions(lambda x: x, lambda x: 1 - x, disagreement=(0.6, 0.6)), "no_gain"),
        (lambda: coase.solutions(lambda x: x, lambda x: 1 - x, low=1, high=0), "bad_bounds"),
        (lambda: coase.rubinstein(1, 1), "bad_discount"),
        (lambda: coase.rubinstein(-0.1, 0.5), "bad_discount"),
        (lambda: coase.rubinstein(float("nan"), 0.5), "bad_discount"),
    ],
)
def test_what_has_no_solution_is_refused(call: Any, code: str) -> None:
    """Nothing to gain, no interval, no patience."""
    with pytest.raises(UsageError) as error:
        call()
    assert error.value.code == code
