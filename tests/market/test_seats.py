"""Deciding from outside: the very trades that `coase.simulate` makes with a trader that decides alike."""

from __future__ import annotations

from typing import Any

import pytest

import coase
from coase.errors import UsageError
from coase.market.observation import shaded
from coase.market.seats import Seats

LIMITS = coase.Uniform(50, 150)
WORLDS: dict[str, dict[str, Any]] = {
    "one day": {},
    "three days, several units, quotes must improve": {"days": 3, "units": 3, "improve": True},
    "shocks, arrivals, late views": {
        "days": 3, "world": coase.World(arrivals=True, redraw=True, shocks={1: (30, -10)}, latency={"Learner": 7}),
    },
    "it comes on the second day and goes after it": {
        "days": 3, "units": 2, "world": coase.World(entry={"Learner": 1}, exit={"Learner": 2}),
    },
    "a call market": {"market": "call_market", "days": 2},
    "sealed orders": {"market": "k_double_auction", "days": 2},
}  # fmt: skip


class Learner(coase.Trader):
    """Always asks for the same share of the range."""

    shade: float = 0.1

    def start(self, side: int, limit: int, key: int) -> Any:
        """My side."""
        return side

    def quote(self, state: Any, view: coase.View) -> tuple[Any, coase.Quote]:
        """My limit, shaded."""
        return state, shaded(state, view, self.shade)


def decided(seats: Seats, run: int, shade: float = 0.1) -> list[int]:
    """Plays a run from outside; returns what was gained."""
    seats.start(9, run)
    while (seat := seats.turn()) is not None:
        seats.quote(seat, shade)
    return seats.gained()


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("first", [1, -1])
def test_a_run_from_outside_makes_the_same_trades(world: str, first: int) -> None:
    """Under any rule of quotes, in any world, for a buyer and a seller; it may end when the learner is done."""
    made = {"demand": LIMITS, "supply": LIMITS, "turns": 8, **WORLDS[world]}
    market = made.pop("market", "double_auction")
    if market == "double_auction":
        made["compiled"] = False
    others, own = ("zip", 9), (Learner(), 1)
    run = coase.simulate(market, traders=[own, others] if first > 0 else [others, own], runs=4, seed=9, **made)
    seats = Seats(market, {"zip": 9}, first=first, **made)
    me = 0 if first > 0 else 9
    assert seats.side(0) == first
    total = 0
    for number, session in enumerate(run.sessions):
        gained = decided(seats, number)[0]
        trades = seats.session().trades
        assert (trades == session.trades[: len(trades)]).all()
        assert not (session.trades[len(trades) :, 2:4] == me).any()
        profits = [row for row in run.profits() if (row["run"], row["traders"]) == (number, "Learner")]
        assert gained == pytest.approx(profits[0]["profit"] * run.rules.days)
        total += len(trades)
    assert total > 0


def test_several_learners_make_the_same_trades() -> None:
    """Three of them, sides in turn, among others."""
    made: dict[str, Any] = {"demand": LIMITS, "supply": LIMITS, "turns": 8, "units": 2, "compiled": False}
    run = coase.simulate(traders=[(Learner(), 3), ("zi_c", 7)], seed=9, **made)
    seats = Seats("double_auction", {"zi_c": 7}, learners=3, **made)
    gained = decided(seats, 0)
    trades = seats.session().trades
    assert [seats.side(seat) for seat in range(3)] == [1, -1, 1]
    assert len(trades) > 3
    assert (trades == run.sessions[0].trades[: len(trades)]).all()
    assert sum(gained) == pytest.approx(run.profits()[0]["profit"] * 3)


def test_what_has_no_seat_is_refused() -> None:
    """No market of quotes; no seat on the side that is asked for; what `simulate` refuses."""
    wrong: list[tuple[Any, dict[str, int], dict[str, Any], str]] = [
        ("bargaining", {"zip": 9}, {}, "not_a_trader"),
        ("double_auction", {"zip": 4}, {"first": -1}, "bad_traders"),
        ("double_auction", {"zip": 0}, {}, "bad_traders"),
        ("double_auction", {"zip": 9}, {"days": 0}, "bad_number"),
        ("double_auction", {"zip": 9}, {"learners": 0}, "bad_traders"),
    ]
    for market, traders, rest, code in wrong:
        with pytest.raises(UsageError) as caught:
            Seats(market, traders, LIMITS, LIMITS, **rest)
        assert caught.value.code == code
