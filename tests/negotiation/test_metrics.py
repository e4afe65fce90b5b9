"""How good an agreement is: coase/negotiation/metrics.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import TermsError
from coase.negotiation.metrics import pareto

tables = st.integers(1, 25).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 8).map(lambda x: x / 8), min_size=n, max_size=n)] * 2)
)
eighths = st.integers(0, 8).map(lambda x: x / 8)


def brute(first: list[float], second: list[float], floors: tuple[float, float], score: Any) -> float | None:
    """The largest score of the gains of any outcome that is worth the reservations."""
    gains = [(a - floors[0], b - floors[1]) for a, b in zip(first, second, strict=True)]
    good = [gain for gain in gains if min(gain) >= 0]
    return max((score(gain, good) for gain in good), default=None)


SCORES: dict[str, Any] = {
    "nash": lambda g, _: g[0] * g[1],
    "kalai": lambda g, _: min(g),
    "kalai_smorodinsky": lambda g, good: min(g[i] / (max(x[i] for x in good) or 1) for i in (0, 1)),
    "welfare": lambda g, _: sum(g),
}


@given(tables, st.tuples(eighths, eighths))
def test_points_are_the_best_of_all(pair: tuple[list[float], list[float]], floors: tuple[float, float]) -> None:
    """Each solution scores as high as any outcome does, and lies on the frontier."""
    first, second = pair
    found = coase.measure(np.array(first), np.array(second), floors, floors)
    points = list(zip(first, second, strict=True))
    frontier = {points[i] for i in found.frontier}
    for name, score in SCORES.items():
        point, best = getattr(found, name), brute(first, second, floors, score)
        assert (point is None) == (best is None)
        if point is not None:
            gain = (point.utilities[0] - floors[0], point.utilities[1] - floors[1])
            good = [(a - floors[0], b - floors[1]) for a, b in points if a >= floors[0] and b >= floors[1]]
            assert score(gain, good) == pytest.approx(best)
            assert points[point.outcome] == point.utilities
            assert point.utilities in frontier


@given(tables)
def test_the_frontier_is_what_nothing_beats(pair: tuple[list[float], list[float]]) -> None:
    """Every outcome of it is unbeaten, every pair of utilities that is unbeaten is on it, once."""
    points = list(zip(*pair, strict=True))
    best = [points[i] for i in pareto(np.array(pair[0]), np.array(pair[1]))]
    unbeaten = {p for p in points if not any(q[0] >= p[0] and q[1] >= p[1] and q != p for q in points)}
    assert set(best) == unbeaten
    assert len(best) == len(unbeaten)
    assert best == sorted(best, reverse=True)


def test_distances_and_optimality() -> None:
    """From the agreement to each point, and relative to the farthest outcome."""
    buyer = np.linspace(1, 0, 101)
    found = coase.measure(buyer, 1 - buyer, (0.8, 0.2))
    assert found.nash is not None
    assert found.nash == found.kalai == found.kalai_smorodinsky
    assert found.nash.utilities == pytest.approx((0.5, 0.5))
    assert found.distances["nash"] == pytest.approx(0.3 * 2**0.5)
    assert found.optimality["nash"] == pytest.approx(1 - 0.3 / 0.5)
    assert (found.distances["pareto"], found.optimality["pareto"]) == pytest.approx((0, 1))
    assert found.fairness == pytest.approx(0.4)
    none = coase.measure(buyer, 1 - buyer, (0.0, 0.0))
    assert none.optimality["pareto"] == pytest.approx(0, abs=1e-9)
    assert coase.measure(buyer, 1 - buyer, (0.9, 0.9), (0.9, 0.9)).fairness == 0


def test_metrics_of_a_result() -> None:
    """A result tells its own; without a deal, it is measured where no deal leaves the parties."""
    domain = coase.Domain(price=range(100))
    skills = coase.skill("boulware"), coase.skill("conceder")
    result = coase.negotiate(*skills, domain, reservation=(0.1, 0.1))
    assert result.metrics().utilities == result.utilities
    assert result.metrics().distances["pareto"] == 0
    failed = coase.negotiate(*skills, domain, reservation=(0.6, 0.6)).metrics()
    assert failed.nash is None
    assert failed.distances.keys() == failed.optimality.keys() == {"pareto"}


def test_a_hundred_thousand_outcomes() -> None:
    """All on the frontier, or scattered: the same figures as for the frontier alone."""
    buyer = np.linspace(0, 1, 100_000)
    found = coase.measure(buyer, np.sqrt(1 - buyer**2), (0.0, 1.0))
    assert len(found.frontier) == 100_000
    assert found.nash is not None
    assert found.nash.utilities == pytest.approx((0.5**0.5, 0.5**0.5), abs=1e-4)
    random = np.random.default_rng(0).random((2, 100_000))
    scattered = coase.measure(random[0], random[1], (0.5, 0.5))
    best = random[:, scattered.frontier]
    assert coase.measure(best[0], best[1], (0.5, 0.5)).distances["pareto"] == scattered.distances["pareto"]


@pytest.mark.parametrize("tables", [([1.0], [1.0, 2.0]), ([], []), ([float("nan")], [1.0]), ([[1.0]], [[1.0]])])
def test_tables_that_are_none(tables: Any) -> None:
    """Of two lengths, empty, without numbers, of two dimensions."""
    with pytest.raises(TermsError):
        coase.measure(np.array(tables[0]), np.array(tables[1]), (0.0, 0.0))
