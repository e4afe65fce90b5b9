"""Measures of a market, recomputed by hand; published results that these traders reproduce."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import UsageError
from coase.market.measures import competitive, gini
from coase.market.rows import columns

DEMAND, SUPPLY = list(range(325, 74, -25)), list(range(75, 326, 25))
CLIFF: dict[str, Any] = {"demand": DEMAND, "supply": SUPPLY, "days": 10, "seed": 1, "low": 1, "high": 400, "turns": 50}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_the_possible_surplus_is_the_best_assignment(values: list[int], costs: list[int]) -> None:
    """Beside all ways to pair buyers with sellers; at competitive prices exactly so many want to trade."""
    units, surplus, low, high = competitive(values, costs)
    m = min(len(values), len(costs))
    best = max(
        sum(max(v - c, 0) for v, c in zip(some, others, strict=True))
        for some in itertools.permutations(values, m)
        for others in itertools.permutations(costs, m)
    )
    assert surplus == best
    assert low <= high
    for price in (low, high):
        assert sum(v > price for v in values) <= units <= sum(v >= price for v in values) or not units
        assert sum(c < price for c in costs) <= units <= sum(c <= price for c in costs) or not units


def test_gini() -> None:
    """Nothing among equals, (n - 1) / n where one has all."""
    assert gini(np.array([3.0, 3, 3])) == 0
    assert gini(np.zeros(3)) == 0
    assert gini(np.array([0.0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.array([1.0, 3])) == pytest.approx(0.25)


def test_measures_follow_from_the_trades() -> None:
    """Efficiency, alpha (Smith 1962), shares, utilisation and waits, recomputed from the table of trades."""
    run = coase.simulate(traders={"zi_c": 10, "zi_u": 12}, runs=3, **CLIFF)
    trades = run.trades()
    rows = {(row["run"], row["day"]): row for row in run.table()}
    gained = 0
    for (number, day), row in rows.items():
        limits = run.sessions[number].limits[0]
        some = [t for t in trades if (t["run"], t["day"]) == (number, day)]
        prices = np.array([t["price"] for t in some], float)
        surplus = sum(int(limits[t["buyer"]] - limits[t["seller"]]) for t in some)
        gained += surplus
        assert row["efficiency"] == pytest.approx(surplus / 750)
        assert row["equilibrium"] == 200
        assert row["alpha"] == pytest.approx(100 * np.sqrt(((prices - 200) ** 2).mean()) / 200)
        assert row["dispersion"] == pytest.approx(prices.std())
        assert row["price"] == pytest.approx(prices.mean())
        assert row["volume"] == pytest.approx(len(some) / 6)
        assert row["utilisation"] == pytest.approx(len(some) / 11)
        assert row["wait"] == pytest.approx(np.mean([t["step"] for t in some]))
        assert row["buyers"] == pytest.approx(sum(int(limits[t["buyer"]]) - t["price"] for t in some) / surplus)
        assert row["revenue"] == 0
    assert run.efficiency == pytest.approx(gained / (750 * 30))
    assert len(rows) == 30
    assert {len(row) for row in rows.values()} == {17}
    total = sum(row["profit"] * n * 10 for row, n in zip(run.profits(), [10, 12] * 3, strict=True))
    assert total == pytest.approx(gained)


def test_zi_c_is_nearly_efficient_and_does_not_converge() -> None:
    """Gode and Sunder 1993, one unit a quote, the book emptied by each trade: 95-99%; alpha stays near 20%."""
    run = coase.simulate(traders={"zi_c": 22}, runs=60, clear_book=True, **CLIFF)
    error = run.per_run["efficiency"].std(ddof=1) / np.sqrt(60)
    assert 0.95 - 3 * error < run.efficiency < 0.99 + 3 * error
    assert run.alpha == pytest.approx(np.full(10, 20), abs=4)
    free = coase.simulate(traders={"zi_u": 22}, runs=20, clear_book=True, **CLIFF)
    assert free.efficiency < run.efficiency - 0.1


def test_zip_converges() -> None:
    """Cliff 1997: alpha from about 18% on the first day to about 1% on the tenth, efficiency above 99.5%."""
    run = coase.simulate(traders={"zip": 22}, runs=60, **CLIFF)
    assert run.alpha[0] == pytest.approx(18, abs=3)
    assert run.alpha[9] == pytest.approx(1, abs=1)
    assert run.efficiency > 0.995 - 3 * run.per_run["efficiency"].std(ddof=1) / np.sqrt(60)
    assert run.per_day["efficiency"][2:].min() > 0.995


def test_results_are_tables_pictures_and_objects(tmp_path: Path, need: Any) -> None:
    """Parquet that can be read again, the same bytes each time, a summary with intervals, JSON, a page, a picture."""
    need("matplotlib")
    pq = need("pyarrow.parquet")
    run, again = (coase.simulate(traders={"zip": 22}, runs=4, **CLIFF) for _ in range(2))
    assert pq.read_table(run.save(tmp_path / "run.parquet")).to_pydict() == columns(run.table())
    assert again.save(tmp_path / "again.parquet").read_bytes() == (tmp_path / "run.parquet").read_bytes()
    summary = {row["measure"]: row for row in run.summary()}
    assert summary["efficiency"]["low"] < summary["efficiency"]["mean"] < summary["efficiency"]["high"]
    assert json.loads(json.dumps(run.as_dict())) == run.as_dict()
    assert run.plot(tmp_path / "run.png").stat().st_size > 10_000
    page = run.report(tmp_path / "run.html").read_text()
    assert "efficiency" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    for wrong in ("run.gif", "no/run.png"):
        with pytest.raises(UsageError):
            run.plot(tmp_path / wrong)
    with pytest.raises(UsageError):
        run.save(tmp_path / "run.txt")


def test_a_day_without_trades_is_no_number() -> None:
    """Efficiency 0, prices unknown: None in tables, not-a-number in arrays, and nothing raises."""
    run = coase.simulate(traders={"zi_c": 2}, demand=[5], supply=[5], high=1000, turns=1, days=2)
    row = run.table()[0]
    assert (row["price"], row["alpha"], row["efficiency"]) == (None, None, None)
    assert np.isnan(run.alpha).all()
    assert json.dumps(run.as_dict()["alpha"]) == "[null, null]"
