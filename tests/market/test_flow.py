"""Recorded order flow: the replay through its own rule is the run itself; through others, the same orders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coase
from coase import Flow, record, replay
from coase.errors import ConfigurationError, UsageError
from coase.market.rule import SHIPPED

LIMITS = coase.Uniform(20, 180)
MARKET: dict[str, Any] = {
    "traders": {"zi_c": 10, "zip": 10}, "demand": LIMITS, "supply": LIMITS, "days": 3, "runs": 2, "seed": 4, "units": 2,
    "turns": 10,
}  # fmt: skip


@pytest.mark.parametrize("market", ["double_auction", "mcafee", "posted_offer"])
def test_its_own_rule_makes_the_very_trades(market: str) -> None:
    """Trade for trade, where one order a trader replaces the other."""
    run = coase.simulate(market, **MARKET)
    again = replay(record(market, **MARKET), market)
    for one, other in zip(run.sessions, again.sessions, strict=True):
        ours = [tuple(t[i] for i in (0, 2, 3, 4, 5, 6)) for t in one.trades.tolist()]
        assert ours == [tuple(t[i] for i in (0, 2, 3, 4, 5, 6)) for t in other.trades.tolist()]
        assert len(ours) > 3
    assert again.efficiency == run.efficiency


def test_rules_compared_on_identical_flow() -> None:
    """One recording, every rule of quotes; a call market realises the most that these orders allow."""
    flows = record("double_auction", **MARKET)
    found = {name: replay(flows, name).efficiency for name in SHIPPED if name != "bargaining"}
    assert all(0 < value <= 1 for value in found.values())
    assert found["vcg"] == found["k_double_auction"] >= found["mcafee"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_file_is_the_flow(kind: str, tmp_path: Path, need: Any) -> None:
    """Written and read again, the same; the same bytes from the same seed."""
    need("pyarrow")
    flow, other = (record("double_auction", **MARKET)[0] for _ in range(2))
    path = flow.save(tmp_path / f"flow.{kind}")
    assert Flow.load(path) == flow
    assert other.save(tmp_path / f"other.{kind}").read_bytes() == path.read_bytes()
    assert np.array_equal(replay(Flow.load(path)).sessions[0].trades, replay(flow).sessions[0].trades)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (lambda lines: lines[:-1], "it was cut"),
        (lambda lines: ["{}", *lines[1:]], "no order flow"),
        (lambda lines: ["[" * 100_000], "no order flow"),
        (lambda lines: [], "no order flow"),
        (lambda lines: [*lines[:-1], "[0, 1, 0, -5, 1]"], "not after"),
        (lambda lines: [lines[0], "[0, 1, 99, 5, 1]", *lines[2:]], "unknown"),
        (lambda lines: [lines[0], "[0, 1, 0, -5, 1]", *lines[2:]], "outside the rules"),
        (lambda lines: [lines[0], "[0, 1, 0, 5.5, 1]", *lines[2:]], "whole numbers"),
        (lambda lines: [lines[0].replace('"low": 0', '"low": -3'), *lines[1:]], "prices from"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(line: Any, what: str, tmp_path: Path) -> None:
    """Cut, of another kind, with unknown traders, negative ticks, fractions."""
    path = record("double_auction", **MARKET)[0].save(tmp_path / "flow.jsonl")
    path.write_text("\n".join(line(path.read_text().splitlines())))
    with pytest.raises(ConfigurationError, match=what) as caught:
        Flow.load(path)
    assert caught.value.code == "bad_flow"


def test_what_cannot_be(tmp_path: Path) -> None:
    """No flows, a market without orders, a full disk."""
    with pytest.raises(UsageError):
        replay([])
    with pytest.raises(UsageError):
        record("bargaining", traders={"boulware": 4}, demand=[9, 8], supply=[1, 2])
    flow = record("double_auction", **MARKET)[0]
    with pytest.raises(ConfigurationError):
        flow.save(tmp_path / "no" / "flow.jsonl")
    assert json.loads(flow.save(tmp_path / "f").read_text().splitlines()[0])["orders"] == len(flow.orders)
