"""Traders that listen, compiled for many at a time: coase/market/compiling.py and coase/market/floating.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import coase
from coase.market import floating, kernel
from coase.market.compiling import compiled

MARKET: dict[str, Any] = {
    "demand": coase.Uniform(0, 60),
    "supply": coase.Uniform(0, 60),
    "low": 0,
    "high": 60,
    "seed": 3,
}


class State(NamedTuple):
    """What I lean towards."""

    side: int
    key: int
    mean: float


def leant(state: State, share: float) -> State:
    """A tenth of the way to a share."""
    return State(state.side, state.key, state.mean + 0.1 * (min(share, 2.0) - state.mean))


class Leaning(coase.Trader):
    """Quotes near the mean of what it hears; divides by its limit only where that is not 0."""

    def start(self, side: int, limit: int, key: int) -> State:
        """Nothing heard."""
        return State(side, key, 0.0)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """My limit, less some of the mean."""
        away = int(state.mean * 5 * coase.draw(state.key, view.time, 0))
        price = min(max(view.limit - state.side * away, view.low), view.high)
        return state, coase.Quote(price, 1 if state.side * (view.limit - price) >= 0 else 0)

    def observe(self, state: State, event: coase.Event) -> State:
        """Moves towards the price, in units of my limit."""
        return state if event.side == 0 or event.limit == 0 else leant(state, event.price / event.limit)


class Careless(Leaning):
    """The same without the guard."""

    def observe(self, state: State, event: coase.Event) -> State:
        """Moves towards the price, in units of my limit."""
        return state if event.side == 0 else leant(state, event.price / event.limit)


class Whole(Leaning):
    """Divides by whole numbers, which leaves no flag."""

    def observe(self, state: State, event: coase.Event) -> State:
        """Moves towards the price, in whole units of my limit."""
        return state if event.side == 0 else leant(state, event.price // event.limit)


def both(kind: type[coase.Trader], count: int = 20, **changed: Any) -> tuple[coase.Run, coase.Run]:
    """A market of one kind, compiled where it may be, and in plain Python."""
    one, other = (
        coase.simulate("double_auction", traders=[(kind(), count)], turns=20, runs=2, compiled=c, **(MARKET | changed))
        for c in (True, False)
    )
    assert one.failed == other.failed
    for fast, plain in zip(one.sessions, other.sessions, strict=True):
        assert np.array_equal(fast.trades, plain.trades)
    return one, other


@pytest.fixture(autouse=True)
def _fresh(need: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    need("numba")
    monkeypatch.setattr(kernel, "_divided", set())


def test_flags_are_raised_by_division_and_lowered() -> None:
    """By compiled code that does not raise; nothing else raises them."""
    from numba import njit

    divide = njit(error_model="numpy")(lambda a, b: a / b)
    for a, b, bad in ((1.0, 0.0, True), (0.0, 0.0, True), (1.0, 3.0, False), (1e308, 1e-308, False)):
        divide(a, b)
        floating.clear()
        assert not floating.raised()
        divide(a, b)
        assert floating.raised() is bad


def test_what_listens_is_compiled_for_many_at_a_time() -> None:
    """And quicker code is what the runs use: ZIP and others that ship have it, whole-number division does not."""
    kinds: Any = {name: type(coase.skill(name)) for name in ("zip", "zi_c")}
    found = {name: compiled(kind) for name, kind in kinds.items()}
    assert found["zip"] is not None
    assert not found["zip"].exact
    assert found["zi_c"] is not None
    assert found["zi_c"].exact  # it does not listen
    whole, leaning = compiled(Whole), compiled(Leaning)
    assert whole is not None
    assert whole.exact
    assert leaning is not None
    assert not leaning.exact


def test_no_division_by_zero_no_second_run() -> None:
    """Limits from 1: the run is made once, by vector code."""
    one, _ = both(Leaning, demand=coase.Uniform(1, 60), supply=coase.Uniform(1, 60))
    assert one.compiled == one.runs
    assert not kernel._divided


def test_a_division_that_did_not_count_changes_nothing() -> None:
    """Vector code divides in every lane, also where the author had returned: the run is made again, exactly."""
    one, _ = both(Leaning, demand=[0, 10, 40, 50], supply=[0, 0, 10, 20], count=8)
    assert one.compiled == one.runs


def test_a_division_by_zero_that_counts_fails_the_trader() -> None:
    """As in plain Python, with the sentence of plain Python."""
    for kind in (Careless, Whole):
        one, _ = both(kind, demand=[0, 10, 40, 50], supply=[0, 0, 10, 20], count=8)
        assert one.compiled == 0
        assert "ZeroDivisionError" in str(one.failed)
