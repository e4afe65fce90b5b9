"""Traders in plain Python, called from machine code: coase/market/called.py."""

from __future__ import annotations

import random
import signal
from typing import Any

import numpy as np
import pytest

import coase
from coase.market import driver, kernel

LIMITS = coase.Uniform(50, 350)
MARKET: dict[str, Any] = {"demand": LIMITS, "supply": LIMITS, "low": 0, "high": 400, "days": 3, "turns": 20, "seed": 5}


class Odd(coase.Trader):
    """Keeps a generator and a list, which cannot be compiled; says all that can be said, and looks at all there is."""

    def start(self, side: int, limit: int, key: int) -> dict[str, Any]:
        return {"side": side, "draw": random.Random(key), "seen": []}

    def quote(self, state: dict[str, Any], view: coase.View) -> tuple[Any, Any]:
        assert all(type(value) is int for value in view[:-1])
        state["seen"].append(int(view.tape[max(view.end - 1, 0), 1]))
        price = view.limit + state["draw"].randrange(-30, 30) + (sum(state["seen"][-3:]) + view.best_bid) % 7
        quote = coase.Quote(price, 1)
        said: list[Any] = [
            None, coase.NO_QUOTE, coase.Quote(price, 2), coase.Quote(*np.array((price, 1))), coase.Quote(-1),
            coase.Quote(10**30), coase.Quote(price, 10**30), coase.Quote(price, -2), coase.Quote(price, -3), quote,
            quote, quote, quote, quote, quote, quote,
        ]  # fmt: skip
        return state, said[state["draw"].randrange(len(said))]


class Fails(Odd):
    """Fails at times, in each way."""

    def start(self, side: int, limit: int, key: int) -> dict[str, Any]:
        if key % 4 == 0:
            raise ValueError("no start")
        return super().start(side, limit, key)

    def quote(self, state: dict[str, Any], view: coase.View) -> tuple[Any, Any]:
        chance = state["draw"].random()
        if chance < 0.02:
            raise ZeroDivisionError("by nothing")
        answer: tuple[Any, Any] = (state, "nonsense") if chance < 0.04 else super().quote(state, view)
        return answer[:1] if 0.04 < chance < 0.05 else answer  # type: ignore[return-value]


class Interrupted(Odd):
    """Somebody presses Ctrl-C."""

    def quote(self, state: dict[str, Any], view: coase.View) -> tuple[Any, Any]:
        if view.time > 100:
            signal.raise_signal(signal.SIGINT)
        return super().quote(state, view)


class Listens(Odd):
    """Hears what is said."""

    def observe(self, state: dict[str, Any], event: coase.Event) -> dict[str, Any]:
        return {**state, "seen": [event.price]}


def both(monkeypatch: pytest.MonkeyPatch, traders: Any, **changed: Any) -> coase.Run:
    """The same from machine code that calls, and from the plain driver; the former."""
    market = {**MARKET, **changed, "traders": traders, "runs": 2}
    plain = coase.simulate("double_auction", compiled=False, **market)
    with monkeypatch.context() as patched:
        patched.setattr(driver, "run", None)
        fast = coase.simulate("double_auction", **market)
    assert fast.compiled == plain.compiled == 0
    assert fast.failed == plain.failed
    for one, other in zip(fast.sessions, plain.sessions, strict=True):
        for name in ("trades", "limits", "turns", "refused", "quotes"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    return fast


@pytest.mark.usefixtures("machine")
def test_beside_compiled_traders_in_any_world(monkeypatch: pytest.MonkeyPatch, world: Any) -> None:
    """Event for event as in plain Python, the odd answers included."""
    run = both(monkeypatch, [(Odd(), 9), ("zi_c", 10), ("zip", 6), (Odd(), 7)], **world("Odd"))
    assert not run.failed
    assert sum(len(session.trades) for session in run.sessions) > 30
    assert run.counts[..., 1].sum() > 30


@pytest.mark.usefixtures("machine")
def test_alone_and_with_many_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiled kind; with stocks that last."""
    assert both(monkeypatch, [(Odd(), 30)], units=2**40).counts[..., 2].sum() > 200


@pytest.mark.usefixtures("machine")
def test_those_that_fail_sit_out_as_in_plain_python(monkeypatch: pytest.MonkeyPatch, world: Any) -> None:
    """At the start, by raising, by nonsense: the same sentences in the same order, and the same trades after it."""
    run = both(monkeypatch, [("zi_c", 10), (Fails(), 20), ("zip", 4), (Odd(), 4)], **world("Odd"))
    said = " ".join(sentence for _, _, sentence in run.failed)
    assert all(part in said for part in ("no start", "by nothing", "nonsense", "not enough values"))
    assert sum(len(session.trades) for session in run.sessions) > 10


@pytest.mark.usefixtures("machine")
def test_an_interrupt_ends_the_run() -> None:
    """It passes through the machine code, and the next run is not touched by it."""
    with pytest.raises(KeyboardInterrupt):
        coase.simulate("double_auction", traders=[(Interrupted(), 10), ("zi_c", 10)], **MARKET)
    assert len(coase.simulate("double_auction", traders=[(Odd(), 10)], **MARKET).sessions[0].trades)


@pytest.mark.usefixtures("machine")
def test_those_that_listen_run_in_plain_python() -> None:
    """Machine code says so by returning nothing."""
    from coase.market.simulate import prepared

    for kind, run in ((Listens(), False), (Odd(), True)):
        _, crowd, rules = prepared("double_auction", [(kind, 4), ("zi_c", 4)], LIMITS, LIMITS, None)
        assert (kernel.run(crowd, rules, 1) is not None) is run
