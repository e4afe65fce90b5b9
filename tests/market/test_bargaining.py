"""Random-matching bargaining: pairs, limits, the same skill here and in `negotiate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import UsageError

MARKET: dict[str, Any] = {"demand": [90, 80, 70, 60], "supply": [10, 20, 30, 40], "low": 0, "high": 100, "seed": 3}

HAGGLER = '''
"""Patient."""
from __future__ import annotations
import coase

class Patient(coase.Negotiator):
    """Hold firm, concede late."""
    beta: float = 0.2
    def target(self, t):
        return 1 - t ** (1 / self.beta)
'''


def test_everybody_with_a_gain_trades_within_its_limit() -> None:
    """Each pair gains, nobody trades more than its units, and a deal lies between the two limits."""
    run = coase.simulate("bargaining", traders={"boulware": 4, "conceder": 4}, days=3, runs=5, units=2, **MARKET)
    for session in run.sessions:
        limits = session.limits[0]
        for day, _, buyer, seller, price, got, size, _, _ in session.trades.tolist():
            assert limits[seller] <= price == got <= limits[buyer]
            assert (size, day in (0, 1, 2)) == (1, True)
        for side in (2, 3):
            sold = np.bincount(session.trades[:, side] + 8 * session.trades[:, 0])
            assert sold.max() <= 2
    assert 0.8 < run.efficiency <= 1
    again = coase.simulate("bargaining", traders={"boulware": 4, "conceder": 4}, days=3, runs=5, units=2, **MARKET)
    assert again.trades() == run.trades()


def test_the_firm_gain_from_the_soft() -> None:
    """Boulware sellers and conceder buyers share as they do face to face."""
    run = coase.simulate("bargaining", traders={"boulware": 4, "conceder": 4}, runs=40, **MARKET)
    gains = {name: np.mean([r["profit"] for r in run.profits() if r["traders"] == name]) for name in run.crowd.names}
    assert gains["boulware"] > 1.5 * gains["conceder"]


def test_a_file_behaves_the_same_in_a_market_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file by its path: a pair in the market agrees on the price and in the step of `negotiate`."""
    monkeypatch.chdir(tmp_path)
    Path("patient.py").write_text(HAGGLER)
    run = coase.simulate(
        "bargaining", traders={"./patient.py": 1, "conceder": 1}, demand=[90], supply=[10], low=0, high=100, deadline=50
    )
    _, _, _, _, price, _, _, _, step = run.sessions[0].trades[0].tolist()
    alone = coase.negotiate(
        coase.skill("./patient.py"), coase.skill("conceder"), coase.Domain(price=range(101)), deadline=50,
        reservation=(0.1, 0.1),
    )  # fmt: skip
    assert alone.agreement == {"price": price}
    assert alone.step == step


class Broken(coase.Negotiator):
    """Raises."""

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        raise RuntimeError("no idea")


def test_a_negotiator_that_raises_is_out_and_named() -> None:
    """The others go on."""
    run = coase.simulate("bargaining", traders=[(Broken(), 1), ("conceder", 7)], **MARKET)
    assert {trader for _, trader, _ in run.failed} == {0}
    assert "no idea" in run.failed[0][2]
    assert len(run.sessions[0].trades) == 3


def test_what_is_refused() -> None:
    """Traders of order books, and a world that bargaining does not know."""
    with pytest.raises(UsageError) as caught:
        coase.simulate("bargaining", traders={"zip": 8}, **MARKET)
    assert caught.value.code == "not_a_trader"
    with pytest.raises(UsageError) as caught:
        coase.simulate("bargaining", traders={"linear": 8}, world=coase.World(arrivals=True), **MARKET)
    assert caught.value.code == "bad_world"
