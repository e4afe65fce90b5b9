"""Rows of a bench: ratios, targets, and how figures are taken."""

from __future__ import annotations

import pytest

from coase.bench.row import Row, rate, versus


def test_a_ratio_above_one_always_favours_us() -> None:
    """More of a rate, or less of a cost, than the peer."""
    assert Row("a", "sessions/s", 300, 100, "peer").ratio == 3
    assert Row("a", "gas", 100, 300, "peer", less_is_better=True).ratio == 3
    assert Row("a", "gas", 300, 100, "peer", less_is_better=True).ratio == pytest.approx(1 / 3)


def test_without_a_peer_there_is_no_ratio() -> None:
    """`peer` and `ratio` are null then."""
    row = Row("a", "s", 3)
    assert row.as_dict() == {"case": "a", "unit": "s", "ours": 3, "peer": None, "peer_name": None, "ratio": None}


def test_a_ratio_measured_in_pairs_stands() -> None:
    """The median of ratios is not the ratio of medians."""
    assert Row("a", "1/s", 300, 100, "peer", measured=2.5).ratio == 2.5


def test_targets() -> None:
    """A ratio has a least, a cost a most; without either nothing is met or missed."""
    assert Row("a", "1/s", 300, 100, "peer", target=3).met is True
    assert Row("a", "1/s", 299, 100, "peer", target=3).met is False
    assert Row("a", "gas", 90, limit=90).met is True
    assert Row("a", "gas", 91, limit=90).met is False
    assert Row("a", "1/s", 1, target=1).met is False  # nothing to compare with
    assert Row("a", "1/s", 1).met is None


def test_rates_are_positive_and_the_pair_is_measured_in_turn() -> None:
    """One run each to warm up, then ours and the peer's by turns."""
    calls: list[str] = []
    ours, peer, ratio = versus((lambda: calls.append("a"), 10), (lambda: calls.append("b"), 10), runs=3)
    assert calls == ["a", "b", "a", "b", "a", "b", "a", "b"]
    assert min(ours, peer, ratio, rate(lambda: None, 1, runs=2)) > 0
