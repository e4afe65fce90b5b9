"""Several goods that the same buyers choose between: who buys what, what is shared, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import coase
from coase.errors import ConfigurationError, UnknownName, UsageError
from coase.market.crowd import Crowd
from coase.market.driver import Driver
from coase.market.measures import measure
from coase.market.rule import SHIPPED, market_rule
from coase.market.session import Rules
from coase.negotiation.draws import session_seed

FAST = coase.Good(demand=coase.Uniform(50, 150), supply=coase.Uniform(30, 110), sellers={"zi_c": 4})
SLOW = coase.Good(demand=coase.Uniform(20, 90), supply=coase.Uniform(10, 60), sellers={"zi_c": 3, "zip": 2})
TWO: dict[str, Any] = {"goods": {"fast": FAST, "slow": SLOW}, "buyers": {"zi_c": 4, "zip": 3}, "turns": 10}


class Side(NamedTuple):
    """Of a trader."""

    side: int


class Plain(coase.Trader):
    """A seller asks its cost; a buyer takes an ask within its limit, and never bids before there is one."""

    def start(self, side: int, limit: int, key: int) -> Side:
        return Side(side)

    def quote(self, state: Side, view: coase.View) -> tuple[Side, coase.Quote | None]:
        if state.side < 0:
            return state, coase.Quote(view.limit, 1)
        return state, coase.Quote(view.best_ask, 1) if 0 <= view.best_ask <= view.limit else None


class Breaks(Plain):
    """Raises as a buyer, on hearing a quote of the good that it values at 77; as a seller, in its turn."""

    def quote(self, state: Side, view: coase.View) -> tuple[Side, coase.Quote | None]:
        if state.side < 0:
            raise RuntimeError("no more")
        return super().quote(state, view)

    def observe(self, state: Side, event: coase.Event) -> Side:
        if state.side > 0 and event.limit == 77 and event.price > 0:
            raise RuntimeError("out of here")
        return state


def bought(run: coase.GoodsRun) -> Counter[tuple[str, int]]:
    """(good, buyer) -> units."""
    found: Counter[tuple[str, int]] = Counter()
    for row in run.trades():
        found[row["good"], row["buyer"]] += row["quantity"]
    return found


def test_each_buyer_takes_what_is_best_for_it() -> None:
    """Asks of 100 and of 50: each takes the good by which it gains most, however the turns fall."""
    for seed in range(8):
        run = coase.simulate_goods(
            goods={
                "fast": {"demand": [120, 200, 99], "supply": [100] * 3, "sellers": [(Plain(), 3)]},
                "slow": {"demand": [90, 90, 51], "supply": [50] * 3, "sellers": [(Plain(), 3)]},
            },
            buyers=[(Plain(), 3)],
            seed=seed,
        )
        assert run.failed == ()
        assert bought(run) == {("slow", 0): 1, ("fast", 1): 1, ("slow", 2): 1}
        assert run.efficiency == 1


def test_one_good_is_the_usual_market() -> None:
    """The very trades of the one market's driver, with the same crowd, for any rule to which traders quote."""
    for name in sorted({*SHIPPED} - {"bargaining"}):
        run = coase.simulate_goods(name, goods={"fast": FAST}, buyers={"zip": 3, "zi_c": 1}, days=2, turns=10, seed=5)
        rule = market_rule(name)
        zip_, zi_c = coase.skill("zip"), coase.skill("zi_c")
        who = Crowd(("a", "b", "c"), (zip_, zi_c, zi_c), (3, 1, 4), FAST.demand, FAST.supply, split=4)
        numbers = rule.rules(Rules(2, 8 if rule.once else 80, 1, 0, 300))
        alone = Driver(rule, who, numbers, session_seed(5, 0)).run()
        assert np.array_equal(run["fast"].sessions[0].trades, alone.trades), name
        assert np.array_equal(run["fast"].sessions[0].turns, alone.turns), name
        usual = measure(who, numbers, alone)["gained"]
        assert np.array_equal(run.held["gained"][0], usual), name


@pytest.mark.parametrize("market", sorted({*SHIPPED} - {"bargaining"}))
def test_units_and_budget_are_shared_by_all_goods(market: str) -> None:
    """On no day does anybody trade more units, or spend more, than one trader may, over all goods together."""
    run = coase.simulate_goods(market, **TWO, units=2, budget=150, days=3, runs=2, seed=3)
    units: Counter[tuple[Any, ...]] = Counter()
    spent: Counter[tuple[Any, ...]] = Counter()
    for row in run.trades():
        if row["buyer"] >= 0:
            units[row["run"], row["day"], row["buyer"]] += row["quantity"]
            spent[row["run"], row["day"], row["buyer"]] += row["quantity"] * row["price"]
        if row["seller"] >= 0:
            units[row["run"], row["day"], row["good"], row["seller"]] += row["quantity"]
    assert 2 >= max(units.values()) > 0
    assert max(spent.values()) <= 150
    assert 0 < run.efficiency <= 1
    if market != "mcafee":  # it loses a trade in each market, which may be the only one
        assert {row["good"] for row in run.trades()} == {"fast", "slow"}


def test_who_cannot_pay_for_one_good_buys_the_other() -> None:
    """Everybody gains most by the dear good; with a budget below its price they take the cheap one."""
    goods = {
        "dear": {"demand": [200] * 3, "supply": [90] * 3, "sellers": [(Plain(), 3)]},
        "cheap": {"demand": [60] * 3, "supply": [40] * 3, "sellers": [(Plain(), 3)]},
    }
    found = {}
    for budget in (None, 80):
        run = coase.simulate_goods(goods=goods, buyers=[(Plain(), 3)], budget=budget, turns=100, seed=2)
        found[budget] = Counter(row["good"] for row in run.trades())
    assert found[None]["dear"] > 0
    assert found[80] == {"cheap": 3}


def test_same_seed_same_trades() -> None:
    """And others from another seed, and in another run; run 1 alone is run 1 of many."""
    run, again = (coase.simulate_goods(**TWO, runs=2, days=2, seed=4) for _ in range(2))
    assert run.trades() == again.trades()
    assert run.table() == again.table()
    other = coase.simulate_goods(**TWO, runs=2, days=2, seed=5)
    assert run.trades() != other.trades()
    assert not np.array_equal(run["fast"].sessions[0].trades, run["fast"].sessions[1].trades)
    small = coase.simulate_goods(**TWO, days=2, seed=4, keep_trades=False)
    assert small["fast"].sessions == ()
    assert small.held["gained"][0].tolist() == run.held["gained"][0].tolist()


def test_values_that_stay_together() -> None:
    """Ranked draws order buyers alike for every good; apart they do not; listed ones are dealt together."""

    def values(**how: Any) -> list[Any]:
        run = coase.simulate_goods(**{**TWO, **how}, seed=6)
        return [run[good].sessions[0].limits[0][:7] for good in ("fast", "slow")]

    fast, slow = values(ranked=True)
    assert np.array_equal(np.argsort(fast, kind="stable"), np.argsort(slow, kind="stable"))
    fast, slow = values()
    assert not np.array_equal(np.argsort(fast), np.argsort(slow))
    listed = list(range(100, 107))
    goods = {
        name: good.model_copy(update={"demand": [v + more for v in listed]})
        for name, good, more in (("fast", FAST, 20), ("slow", SLOW, 0))
    }
    fast, slow = values(goods=goods)
    assert sorted(slow.tolist()) == listed != slow.tolist()
    assert (fast - slow).tolist() == [20] * 7
    in_order = values(goods=goods, buyers={"zi_c": 7})
    assert in_order[1].tolist() == listed


def test_entry_exit_and_shocks_of_one_good() -> None:
    """A good comes on the market on a day, is gone on another, and becomes dearer alone."""
    dear = FAST.model_copy(update={"shocks": {2: (100, 100)}})
    world = coase.World(entry={"fast/zi_c": 1}, exit={"fast/zi_c": 3}, latency={"zip": 3}, arrivals=True)
    run = coase.simulate_goods(**{**TWO, "goods": {"fast": dear, "slow": SLOW}}, days=4, runs=6, world=world, seed=8)
    assert {row["day"] for row in run.trades() if row["good"] == "fast"} == {1, 2}
    assert {row["day"] for row in run.trades() if row["good"] == "slow"} == {0, 1, 2, 3}
    price = {good: run[good].per_day["equilibrium"] for good in ("fast", "slow")}
    assert np.isnan(price["fast"][[0, 3]]).all()
    assert price["fast"][2] == pytest.approx(price["fast"][1] + 100)
    assert price["slow"][1] == price["slow"][2] < price["slow"][0]  # with the better good there, fewer want this one
    possible = run.held["possible"].sum(axis=0)
    assert possible[0] < possible[1] == possible[2]


def test_who_fails_is_out_and_the_others_go_on() -> None:
    """A seller that raises is out alone, a buyer is out of all markets; all of them are named."""
    goods: dict[str, dict[str, Any]] = {
        "fast": {"demand": [140, 140], "supply": [50, 50], "sellers": [(Plain(), 1), (Breaks(), 1)]},
        "slow": {"demand": [100, 100], "supply": [20, 20], "sellers": [(Plain(), 2)]},
    }
    run = coase.simulate_goods(goods=goods, buyers=[(Plain(), 2)], days=2, seed=1)
    assert [(good, who) for _, good, who, why in run.failed if "no more" in why] == [("fast", 3)]
    assert len(run.failed) == 1
    assert len(run.trades()) == 2 * 2  # both buyers on both days
    goods["fast"]["demand"] = [77, 140]
    run = coase.simulate_goods(goods=goods, buyers=[(Breaks(), 2)], days=2, seed=1)
    buyers = [(good, who) for _, good, who, why in run.failed if "out of here" in why]
    assert sorted(buyers) == [("fast", 0), ("slow", 0)]
    assert {buyer for _, buyer in bought(run)} == {1}


def test_traders_that_learn_find_the_competitive_prices() -> None:
    """ZIP traders in three substitutes: nearly all gains, and prices near those of the assignment game."""
    run = coase.simulate_goods(
        goods={
            "a": coase.Good(demand=coase.Uniform(150, 400), supply=coase.Uniform(60, 250), sellers={"zip": 5}),
            "b": coase.Good(demand=coase.Uniform(80, 250), supply=coase.Uniform(40, 150), sellers={"zip": 5}),
        },
        buyers={"zip": 10},
        ranked=True,
        days=6,
        runs=6,
        turns=25,
        seed=1,
    )
    assert run.per_day["efficiency"][-1] > 0.95
    for one in run.goods.values():
        off = np.abs(one.held["price"] - one.held["equilibrium"]) / one.held["equilibrium"]
        assert off[:, -1].mean() < 0.5 * off[:, 0].mean()
        assert off[:, -1].mean() < 0.08


def test_rules_of_one_good() -> None:
    """A posted price a good; a parameter of a good goes before that of all."""
    goods = {
        "fast": FAST.model_copy(update={"sellers": {"truthful": 4}, "rules": {"price": 80}}),
        "slow": SLOW.model_copy(update={"sellers": {"truthful": 5}}),
    }
    run = coase.simulate_goods("posted_offer", goods=goods, buyers={"truthful": 7}, runs=5, price=40, seed=1)
    assert {(row["good"], row["price"]) for row in run.trades()} == {("fast", 80), ("slow", 40)}


def test_tables_have_a_column_for_the_good(tmp_path: Path, need: Any) -> None:
    """Rows for each run, day and good; trades, profits and summary, too; files and JSON."""
    pq = need("pyarrow.parquet")
    run = coase.simulate_goods(**TWO, runs=2, days=3, seed=4)
    rows = run.table()
    assert [(row["good"], row["run"], row["day"]) for row in rows] == [
        (good, number, day) for good in ("fast", "slow") for number in range(2) for day in range(3)
    ]
    assert all(next(iter(row)) == "good" for some in (run.trades(), run.profits(), run.summary()) for row in some)
    assert {row["traders"] for row in run.profits()} == {"zi_c", "zip", "fast/zi_c", "slow/zi_c", "slow/zip"}
    assert pq.read_table(run.save(tmp_path / "goods.parquet")).to_pylist() == rows
    found = run.as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["goods"]["slow"]["traders"] == {"zi_c": 4, "zip": 3, "slow/zi_c": 3, "slow/zip": 2}
    assert run.per_run["efficiency"].shape == (2,)
    assert run.runs == 2
    profit = sum(row["profit"] * {"zi_c": 4, "zip": 3}.get(row["traders"], 0) for row in run.profits())
    assert profit * 3 == pytest.approx(run.held["to_buyers"].sum())


def test_progress_counts_runs() -> None:
    """One by one."""
    seen: list[tuple[int, int]] = []
    coase.simulate_goods(**TWO, runs=3, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"goods": {}}, UsageError, "bad_goods"),
        ({"goods": [FAST]}, UsageError, "bad_goods"),
        ({"goods": {f"good {n}": FAST for n in range(65)}}, UsageError, "bad_goods"),
        ({"goods": {"a/b": FAST}}, UsageError, "bad_goods"),
        ({"goods": {"": FAST}}, UsageError, "bad_goods"),
        ({"goods": {3: FAST}}, UsageError, "bad_goods"),
        ({"goods": {"fast": 5}}, UsageError, "bad_goods"),
        ({"goods": {"fast": {"demand": [1]}}}, ConfigurationError, "bad_parameters"),
        ({"goods": {"fast": {**FAST.model_dump(), "colour": 1}}}, ConfigurationError, "bad_parameters"),
        ({"goods": {"fast": FAST.model_copy(update={"demand": [1, 2]})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"demand": [-1] * 7})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"demand": [1.5] * 7})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"supply": "cheap"})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"supply": [1]})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"supply": coase.Uniform(5, 1)})}}, UsageError, "bad_schedule"),
        ({"goods": {"fast": FAST.model_copy(update={"demand": coase.Uniform(1, 9)})}}, UsageError, "no_gains"),
        ({"goods": {"fast": FAST.model_copy(update={"sellers": {}})}}, UsageError, "bad_traders"),
        ({"goods": {"fast": FAST.model_copy(update={"sellers": {"zip": 0}})}}, UsageError, "bad_traders"),
        ({"goods": {"fast": FAST.model_copy(update={"sellers": {"no_such": 4}})}}, UnknownName, "unknown_name"),
        ({"goods": {"fast": FAST.model_copy(update={"sellers": {"boulware": 4}})}}, UsageError, "not_a_trader"),
        ({"goods": {"fast": FAST.model_copy(update={"low": -1})}}, UsageError, "bad_prices"),
        ({"goods": {"fast": FAST.model_copy(update={"high": 2**50})}}, UsageError, "bad_prices"),
        ({"goods": {"fast": FAST.model_copy(update={"shocks": {-1: (1, 1)}})}}, UsageError, "bad_world"),
        ({"goods": {"fast": FAST.model_copy(update={"rules": {"k": 1}})}}, ConfigurationError, "bad_parameters"),
        ({"buyers": {}}, UsageError, "bad_traders"),
        ({"buyers": 7}, UsageError, "bad_traders"),
        ({"buyers": {"zip": -3}}, UsageError, "bad_traders"),
        ({"buyers": {"no_such_skill": 7}}, UnknownName, "unknown_name"),
        ({"ranked": 1}, UsageError, "bad_goods"),
        ({"days": 0}, UsageError, "bad_number"),
        ({"seed": "one"}, UsageError, "bad_number"),
        ({"budget": -1}, UsageError, "bad_number"),
        ({"world": coase.World(entry={"zip of fast": 1})}, UsageError, "bad_world"),
        ({"world": coase.World(shocks={-1: (1, 1)})}, UsageError, "bad_world"),
        ({"k": 0.5}, ConfigurationError, "bad_parameters"),
    ],
)
def test_what_cannot_be(change: dict[str, Any], error: type[Exception], code: str) -> None:
    """Refused with a sentence and what to do."""
    with pytest.raises(error) as caught:
        coase.simulate_goods(**{**TWO, **change})
    assert caught.value.code == code  # type: ignore[attr-defined]


def test_a_market_without_quotes_is_refused() -> None:
    """Bargaining pairs traders of one good."""
    with pytest.raises(UsageError) as caught:
        coase.simulate_goods("bargaining", **TWO)
    assert caught.value.code == "bad_market"
