"""Metering and linear prices: integers, deterministic counters only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.compute.metering import COUNTERS, Metering, linear_price
from coase.errors import AmountError, JobRefused

amounts = st.dictionaries(st.sampled_from(COUNTERS), st.integers(0, 10**9))


def test_what_is_measured_is_no_counter() -> None:
    """Seconds and memory appear in receipts, never in a price."""
    metering = Metering(train_steps=400, bytes_out=7, wall_seconds=1.5, cpu_seconds=1.4, peak_bytes=10)
    assert metering.counters == {"train_steps": 400, "rows_in": 0, "rows_out": 0, "bytes_out": 7}


def test_a_price_by_the_step() -> None:
    """400 steps at 0.0005 tokens, and 1 token a job."""
    assert linear_price({"train_steps": 500}, Metering(train_steps=400).counters, fixed=1_000_000) == 1_200_000


@given(amounts, amounts, amounts, st.integers(0, 10**9))
def test_a_price_is_linear(
    coefficients: dict[str, int], one: dict[str, int], other: dict[str, int], fixed: int
) -> None:
    """Two jobs cost what their sum costs."""
    both = {name: one.get(name, 0) + other.get(name, 0) for name in COUNTERS}
    apart = linear_price(coefficients, one, fixed=fixed) + linear_price(coefficients, other)
    assert linear_price(coefficients, both, fixed=fixed) == apart


def test_a_price_for_what_nobody_counts_is_refused() -> None:
    """A seller cannot charge by the second."""
    with pytest.raises(JobRefused) as refused:
        linear_price({"wall_seconds": 1}, {})
    assert refused.value.code == "unknown_counter"


@pytest.mark.parametrize(
    "coefficients", [{"train_steps": -1}, {"train_steps": 0.5}, {"train_steps": 2**96}, {"train_steps": True}]
)
def test_a_price_is_money(coefficients: dict[str, int]) -> None:
    """Whole, not negative, not too large."""
    with pytest.raises(AmountError):
        linear_price(coefficients, {"train_steps": 2})
