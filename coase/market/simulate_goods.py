"""`coase.simulate_goods`: the same buyers choose between several goods, each with its sellers and its market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from coase.market.crowd import Traders, World
from coase.market.goods import Good, goods_of
from coase.market.goods_driver import GoodsDriver
from coase.market.goods_run import GoodsRun
from coase.market.measures import MEASURES, SUMS, measure
from coase.market.rule import check_quotes, market_rule
from coase.market.run import Run
from coase.market.session import Session
from coase.market.simulate import check_numbers, name_of, numbers
from coase.negotiation.draws import session_seed


def simulate_goods(
    market: Any = "double_auction",
    /,
    *,
    goods: Mapping[str, Good | Mapping[str, Any]],
    buyers: Traders,
    ranked: bool = False,
    days: int = 1,
    runs: int = 1,
    seed: int = 0,
    units: int = 1,
    turns: int = 50,
    budget: int | None = None,
    world: World | None = None,
    keep_trades: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
    **rules: Any,
) -> GoodsRun:
    """Let buyers choose between goods, and measure what the markets achieved together.

    Goods are substitutes: a buyer wants `units` a day of whichever, has a value for each, and goes where its value is
    most above the price (`coase.market.goods_driver`). It runs in plain Python, for any trader.

    Args:
        market: name of a market rule to which traders quote, or a `coase.MarketRule`.
        goods: name -> `coase.Good`, or its fields.
        buyers: from names or paths of skills to how many; or pairs.
        ranked: one draw a buyer places it among the values of every good, so that who values one most values all most
            (better and worse goods); False: values of different goods are drawn apart. Listed values stay together.
        days: trading days in a run.
        runs: independent repetitions; run i is that of seed ``coase.session_seed(seed, i)``.
        seed: of everything.
        units: that each trader may trade a day, of all goods together.
        turns: of each trader a day on average.
        budget: what a buyer may spend a day on all goods together; None without limit.
        world: shocks to all goods, arrivals, entry and exit, latency. Sellers are named after their good:
            ``coase.World(entry={"h100/zip": 3})``.
        keep_trades: False keeps the measures only.
        progress: called with how many runs of how many are done.
        **rules: parameters of the market rule for all goods; those of a good go first.

    Raises:
        UnknownName: no such market rule, or no such skill.
        UsageError: goods, counts, schedules or prices that do not fit each other.
        ConfigurationError: wrong parameters of a good, a rule or a skill.
    """
    check_numbers(days=days, runs=runs, turns=turns, units=units, seed=seed)
    chosen, cast = goods_of(goods, buyers, world, ranked)
    ways = [market_rule(market, **{**rules, **good.rules}) for good in chosen]
    for way in ways:
        check_quotes(way)
    steps = cast.everyone.n if ways[0].once else turns * cast.everyone.n
    each = [
        numbers(crowd, way, days, turns, units, good.low, good.high, budget)._replace(steps=steps)
        for good, crowd, way in zip(chosen, cast.markets, ways, strict=True)
    ]
    held = [{name: np.full((runs, days), np.nan) for name in (*MEASURES, *SUMS)} for _ in chosen]
    counts = np.zeros((len(chosen), runs, days, 3), np.int64)
    sessions: list[list[Session]] = [[] for _ in chosen]
    failed: list[list[tuple[int, int, str]]] = [[] for _ in chosen]
    for run in range(runs):
        driver = GoodsDriver(ways, cast, each, session_seed(seed, run))
        ideals = cast.ideals(each[0], driver.limits)
        for g, session in enumerate(driver.run()):
            for name, values in measure(cast.markets[g], each[g], session, ideals[g]).items():
                held[g][name][run] = values
            counts[g, run] = np.column_stack((session.turns, session.refused, session.quotes))
            failed[g] += [(run, trader, sentence) for trader, sentence in session.failed]
            if keep_trades:
                sessions[g].append(session)
        progress(run + 1, runs)
    found = {
        name: Run(
            name_of(ways[g], market), cast.markets[g], each[g], seed, held[g], tuple(sessions[g]), counts[g],
            tuple(failed[g]),
        )
        for g, name in enumerate(cast.names)
    }  # fmt: skip
    totals = {name: np.sum([run.held[name] for run in found.values()], axis=0) for name in SUMS}
    return GoodsRun(name_of(ways[0], market), found, seed, totals)
