"""The break-even audit rate against the figures that were worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.compute.economics import break_even_audit_rate


@pytest.mark.parametrize(("stakes", "percent"), [(0, 63.2), (1, 31.6), (5, 10.5), (10, 5.7), (50, 1.2)])
def test_the_known_figures(stakes: int, percent: float) -> None:
    """Cheating saves 0.6 of the price and is found in 95% of audits."""
    rate = break_even_audit_rate(gain=0.6, slash=stakes, price=1)
    assert round(rate * 100, 1) == percent


@pytest.mark.parametrize(
    ("gain", "slash", "detection", "false_positives"), [(1, 0, 0.5, 0), (1, 1, 0.1, 0.1), (1, 1, 0.1, 0.2)]
)
def test_infinity_where_no_audit_rate_deters(
    gain: float, slash: float, detection: float, false_positives: float
) -> None:
    """More than always is not possible; an audit that accuses at random deters nobody."""
    rate = break_even_audit_rate(gain=gain, slash=slash, price=1, detection=detection, false_positives=false_positives)
    assert rate == math.inf


@given(
    st.floats(0.01, 10), st.floats(0, 100), st.floats(0.01, 10), st.floats(0.1, 1), st.floats(0, 0.09), st.floats(0, 1)
)
def test_at_the_rate_cheating_breaks_even(
    gain: float, slash: float, price: float, detection: float, false_positives: float, audit_rate: float
) -> None:
    """Above the rate a cheat expects to lose more, against an honest worker, than it saves; below it, less."""
    rate = break_even_audit_rate(
        gain=gain, slash=slash, price=price, detection=detection, false_positives=false_positives
    )
    loss = audit_rate * (detection - false_positives) * (slash + price)
    if abs(loss - gain) > 1e-9:
        assert (loss > gain) == (audit_rate > rate)
