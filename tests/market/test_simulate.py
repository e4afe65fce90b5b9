"""Simulated markets: the same trades compiled and plain, what is refused, what is contained."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coase
from coase import loading
from coase.errors import ConfigurationError, UnknownName, UsageError
from coase.market.compiling import available, compiled

DEMAND, SUPPLY = list(range(325, 74, -25)), list(range(75, 326, 25))
MARKET: dict[str, Any] = {"demand": DEMAND, "supply": SUPPLY, "days": 3, "turns": 20, "seed": 5}
TRADERS = [n for n in loading.names("skills") if issubclass(loading.find("skills", n), coase.Trader)]
EIGHT = dict.fromkeys([n for n in TRADERS if n not in ("gd", "truthful")][:8], 4)
CROWDS = {"zi_u": EIGHT, "gd": dict.fromkeys(sorted({*TRADERS} - {*EIGHT} | {"zi_c", "zip"}), 4)}  # by who is late


def equal(fast: coase.Run, plain: coase.Run) -> int:
    """Asserts the same trades, quotes and refusals, one of machine code; returns how many trades there were."""
    assert (fast.compiled, plain.compiled) == (fast.runs, 0)
    for one, other in zip(fast.sessions, plain.sessions, strict=True):
        for name in ("trades", "limits", "turns", "refused", "quotes"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    return sum(len(session.trades) for session in fast.sessions)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("name", TRADERS)
def test_every_shipped_trader_compiles_and_makes_the_same_trades(name: str) -> None:
    """Event for event, beside ZI-C traders, on both sides."""
    kind: Any = loading.find("skills", name)
    assert compiled(kind) is not None
    others = {"zi_c": 10} if name != "zi_c" else {"zi_u": 10}
    runs = [
        coase.simulate("double_auction", traders={name: 12, **others}, runs=2, units=2, compiled=c, **MARKET)
        for c in (True, False)
    ]
    assert equal(*runs) > 30


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("late", CROWDS)
def test_mixed_crowds_make_the_same_trades_in_any_world(world: Any, late: str) -> None:
    """With up to eight kinds at once, and every kind that ships in one of the crowds."""
    assert {kind for crowd in CROWDS.values() for kind in crowd} == {*TRADERS}
    crowd = CROWDS[late]
    market = {**MARKET, "demand": coase.Uniform(50, 350), "supply": coase.Uniform(50, 350), **world(late)}
    runs = [coase.simulate("double_auction", traders=crowd, compiled=c, **market) for c in (True, False)]
    assert equal(*runs) > sum(crowd.values()) / 4


@pytest.mark.usefixtures("machine")
def test_a_market_that_begins_empty_makes_the_same_trades() -> None:
    """Few traders who come at random: in the first turns of a day nobody is there, and the draws go on all the same."""
    limits = coase.Uniform(50, 350)
    market = {**MARKET, "demand": limits, "supply": limits, "days": 3, "world": coase.World(arrivals=True), "runs": 40}
    runs = [coase.simulate("double_auction", traders={"zi_c": 6}, compiled=c, **market) for c in (True, False)]
    assert equal(*runs) > 40


@pytest.mark.usefixtures("machine")
def test_long_tapes_and_several_workers_make_the_same_trades() -> None:
    """More events than a tape holds; threads change nothing."""
    market = {**MARKET, "demand": coase.Uniform(50, 350), "supply": coase.Uniform(50, 350), "turns": 150}
    made: dict[str, Any] = {"traders": {"zip": 10, "zi_u": 10}, "units": 500, "runs": 2, **market}
    fast = coase.simulate("double_auction", workers=2, **made)
    assert int(fast.counts[0].sum(axis=0)[2]) > 4096
    assert equal(fast, coase.simulate("double_auction", compiled=False, **made)) > 1000


def test_it_runs_without_numba(tmp_path: Path) -> None:
    """The plain path, with the same figures, where numba cannot be imported."""
    (tmp_path / "numba.py").write_text("raise ImportError('none here')")
    code = (
        "import coase; r = coase.simulate(traders={'zip': 4, 'zi_c': 4}, demand=[9, 8, 7, 6], supply=[1, 2, 3, 4],"
        " days=2, seed=3); print([s.trades.tolist() for s in r.sessions])"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, *sys.path])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for path in ([str(tmp_path)], [])
    ]
    assert found[0] == found[1]
    assert "[[" in found[0]


def test_seeds() -> None:
    """The same seed, the same trades; another, others; run i of a batch is the run of its own seed."""
    made = [coase.simulate(traders={"zi_c": 22}, runs=n, **{**MARKET, "seed": s}) for n, s in ((3, 5), (3, 5), (2, 6))]
    assert [s.trades.tolist() for s in made[0].sessions] == [s.trades.tolist() for s in made[1].sessions]
    assert made[0].sessions[0].trades.tolist() != made[2].sessions[0].trades.tolist()
    assert made[0].sessions[0].trades.tolist() != made[0].sessions[1].trades.tolist()


class Raises(coase.Trader):
    """Fails in its third turn."""

    def start(self, side: int, limit: int, key: int) -> int:
        return 0

    def quote(self, state: Any, view: coase.View) -> Any:
        if state == 2:
            raise RuntimeError("out of ideas")
        return state + 1, None


class Divides(coase.Trader):
    """Made of numbers, so it compiles, and divides by zero when a day begins."""

    def start(self, side: int, limit: int, key: int) -> coase.Quote:
        return coase.Quote(side, 1)

    def quote(self, state: coase.Quote, view: coase.View) -> tuple[coase.Quote, coase.Quote]:
        return state, coase.Quote(view.limit // (view.day - 1), 1)


class Nonsense(coase.Trader):
    """Quotes whatever it is told to."""

    what: Any

    def start(self, side: int, limit: int, key: int) -> None:
        return None

    def quote(self, state: Any, view: coase.View) -> Any:
        return state, self.what


@pytest.mark.parametrize("kind", [Raises(), Divides()], ids=lambda k: type(k).__name__)
def test_a_trader_that_raises_sits_out_and_the_others_trade_on(kind: coase.Trader) -> None:
    """It is named with what it raised, in every run; the market goes on without it."""
    run = coase.simulate(traders=[(kind, 2), ("zi_c", 20)], runs=2, **MARKET)
    assert {(number, trader) for number, trader, _ in run.failed} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(sentence.startswith("raised ") for _, _, sentence in run.failed)
    traded = {int(who) for session in run.sessions for who in session.trades[:, 2:4].ravel()}
    assert len(traded) > 10
    assert type(kind) is Divides or not traded & {0, 1}


@pytest.mark.parametrize(
    "what",
    [5, "5", (5, 1), coase.Quote(5.0, 1), coase.Quote(float("nan"), 1), coase.Quote(True, 1), coase.Quote("5", 1)],  # type: ignore[arg-type]
    ids=repr,
)
def test_an_answer_that_is_no_quote_ends_a_trader(what: Any) -> None:
    """Only whole ticks and whole quantities are quotes."""
    run = coase.simulate(traders=[(Nonsense(what=what), 2), ("zi_c", 20)], **MARKET)
    assert {trader for _, trader, _ in run.failed} == {0, 1}
    assert "no price and quantity" in run.failed[0][2]


@pytest.mark.parametrize("quote", [(-1, 1), (10**6, 1), (100, -1), (100, 2), (100, 10**30), (10**30, 1)])
def test_a_quote_outside_the_rules_is_refused_and_counted(quote: tuple[int, int]) -> None:
    """Prices outside the range, quantities beyond what is left; the others' results are those without it."""
    run = coase.simulate(traders=[(Nonsense(what=coase.Quote(*quote)), 2), ("zi_c", 20)], **MARKET)
    assert run.counts[..., 1].sum() > 10
    assert not run.failed
    assert not {0, 1} & {int(who) for who in run.sessions[0].trades[:, 2:4].ravel()}


GOOD: dict[str, Any] = {"traders": {"zi_c": 4}, "demand": [9, 8], "supply": [1, 2]}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"traders": {}}, "bad_traders"),
        ({"traders": ["zi_c"]}, "bad_traders"),
        ({"traders": {"zi_c": 0}}, "bad_traders"),
        ({"traders": {"zi_c": 2.0}}, "bad_traders"),
        ({"traders": {"zi_c": 10**9}}, "bad_traders"),
        ({"traders": {"boulware": 4}}, "not_a_trader"),
        ({"traders": {"no_such": 4}}, "unknown_name"),
        ({"demand": [1, 1], "supply": [9, 9]}, "no_gains"),
        ({"demand": coase.Uniform(1, 5), "supply": coase.Uniform(6, 9)}, "no_gains"),
        ({"demand": coase.Uniform(5, 1)}, "bad_schedule"),
        ({"demand": [9, -8]}, "bad_schedule"),
        ({"demand": [9, 8.5]}, "bad_schedule"),
        ({"demand": [9, True]}, "bad_schedule"),
        ({"demand": "98"}, "bad_schedule"),
        ({"demand": 9}, "bad_schedule"),
        ({"demand": [9, 8, 7]}, "bad_schedule"),
        ({"supply": []}, "bad_schedule"),
        ({"low": -1}, "bad_prices"),
        ({"low": 5, "high": 4}, "bad_prices"),
        ({"high": 9.5}, "bad_prices"),
        ({"days": 0}, "bad_number"),
        ({"runs": -1}, "bad_number"),
        ({"turns": 10**10}, "bad_number"),
        ({"units": 1.5}, "bad_number"),
        ({"workers": 0}, "bad_number"),
        ({"seed": "x"}, "bad_number"),
        ({"budget": -1}, "bad_number"),
        ({"improve": "perhaps"}, "bad_parameters"),
        ({"k": 0.5}, "bad_parameters"),
        ({"world": coase.World(entry={"zap": 1})}, "bad_world"),
        ({"world": coase.World(latency={"zi_c": -1})}, "bad_world"),
    ],
    ids=str,
)
def test_bad_input_is_refused_with_a_sentence(wrong: dict[str, Any], code: str) -> None:
    """A code, what is wrong, and what to do."""
    with pytest.raises(UsageError) as caught:
        coase.simulate("double_auction", **{**GOOD, **wrong})
    assert caught.value.code == code
    assert caught.value.hint


def test_an_unknown_market_names_the_near_ones() -> None:
    """Names of rules are looked up like names of skills."""
    with pytest.raises(UnknownName, match="double_auctoin") as caught:
        coase.simulate("double_auctoin", **GOOD)
    assert "double_auction" in caught.value.hint
    with pytest.raises(UsageError):
        coase.simulate(5, **GOOD)


def test_limits_alternate_and_are_dealt_fairly() -> None:
    """Even traders buy; one kind gets limits in their order, of several kinds each gets any."""
    one = coase.simulate(traders={"zi_c": 22}, **MARKET)
    assert one.sessions[0].limits[0, 0::2].tolist() == DEMAND
    assert one.sessions[0].limits[0, 1::2].tolist() == SUPPLY
    both = coase.simulate(traders={"zi_c": 11, "zi_u": 11}, runs=200, **{**MARKET, "days": 1})
    dealt = np.array([session.limits[0] for session in both.sessions])
    assert (np.sort(dealt[:, 0::2], axis=1) == np.sort(DEMAND)).all()
    assert abs(dealt[:, 0].mean() - 200) < 4 * dealt[:, 0].std() / np.sqrt(200)
    drawn = coase.simulate(traders={"zi_c": 10_000}, demand=coase.Uniform(1, 9), supply=coase.Uniform(1, 9), turns=1)
    assert np.bincount(drawn.sessions[0].limits[0])[1:].tolist() == pytest.approx([10_000 / 9] * 9, rel=0.15)


def test_a_rule_of_ones_own_plugs_in() -> None:
    """A posted price of 200 at which whoever comes trades: an object given to `simulate`."""
    from coase.market.rule import Fill, MarketOrder

    class Posted(coase.MarketRule):
        """Trade at one price."""

        price: int = 200

        def init(self, low: int, high: int) -> tuple[int, ...]:
            return ()

        def submit(self, state: tuple[int, ...], order: MarketOrder) -> tuple[tuple[int, ...], list[Fill]]:
            if order.side < 0:
                return (*state, order.trader) if order.price <= self.price else state, []
            if order.price < self.price or not state:
                return state, []
            return state[1:], [Fill(order.trader, state[0], self.price, self.price, 1)]

        def withdraw(self, state: tuple[int, ...], trader: int) -> tuple[int, ...]:
            return tuple(who for who in state if who != trader)

    run = coase.simulate(Posted(price=200), traders={"zi_c": 22}, **MARKET)
    assert set(run.sessions[0].trades[:, 4].tolist()) == {200}
    assert (run.market, 0.2 < run.efficiency <= 1, run.revenue) == ("Posted", True, 0)
    with pytest.raises(ConfigurationError):
        coase.simulate(Posted, price="dear", traders={"zi_c": 22}, **MARKET)


def test_memory_is_kept_over_days_and_progress_is_told() -> None:
    """ZIP traders learn over days; progress counts runs."""
    told: list[tuple[int, int]] = []
    run = coase.simulate(
        traders={"zip": 22}, runs=40, keep_trades=False, progress=lambda done, of: told.append((done, of)),
        **{**MARKET, "days": 5},
    )  # fmt: skip
    assert told == [(n, 40) for n in range(1, 41)]
    assert run.alpha[4] < run.alpha[0] / 2
    assert run.sessions == ()


def test_numba_is_what_the_tests_think() -> None:
    """Where numba is required, it is there."""
    assert available() or not os.environ.get("COASE_REQUIRE_ALL")
