"""`coase.simulate`: a crowd of traders under a market rule, many times."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from coase.errors import ConfigurationError, UsageError
from coase.market import driver
from coase.market.crowd import Crowd, Traders, World, crowd
from coase.market.measures import MEASURES, SUMS, measure
from coase.market.rule import MarketRule, market_rule
from coase.market.run import Run
from coase.market.schedule import Schedule
from coase.market.session import Rules, Session
from coase.negotiation.draws import session_seed

MOST = {"days": 100_000, "runs": 10_000_000, "turns": 1_000_000_000, "units": 2**40, "workers": 1024}


def simulate(
    market: Any = "double_auction",
    /,
    *,
    traders: Traders,
    demand: Schedule,
    supply: Schedule,
    days: int = 1,
    runs: int = 1,
    seed: int = 0,
    units: int = 1,
    turns: int = 50,
    low: int = 0,
    high: int | None = None,
    budget: int | None = None,
    world: World | None = None,
    workers: int = 1,
    keep_trades: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
    **rules: Any,
) -> Run:
    """Let traders trade, and measure what the market achieved.

    The same arguments give the same trades, compiled or not, for any number of workers. Run i is the run of seed
    ``coase.session_seed(seed, i)``.

    Args:
        market: name of a market rule, or a `coase.MarketRule`.
        traders: from names or paths of skills to how many, ``{"zip": 22}``; or pairs, ``[(my_trader, 22)]``. They
            alternate sides, the first buys.
        demand: what a unit is worth to each buyer, in ticks; or ``coase.Uniform(low, high)``, drawn anew in each run.
        supply: what a unit costs each seller.
        days: trading days in a run; traders remember, stocks and the book are new each day.
        runs: independent repetitions.
        seed: of everything.
        units: that each trader may trade a day.
        turns: of each trader a day on average; a day ends earlier when one side is done.
        low: the lowest price allowed.
        high: the highest; None for twice the highest limit.
        budget: what a buyer may spend a day; None without limit.
        world: shocks, arrivals, entry and exit, latency: `coase.World`.
        workers: threads; they help where the run is compiled.
        keep_trades: False keeps the measures only, of many and large runs.
        progress: called with how many runs of how many are done.
        **rules: parameters of the market rule, such as ``k=0.5``.

    Raises:
        UnknownName: no such market rule, or no such skill.
        UsageError: counts, schedules or prices that do not fit each other.
        ConfigurationError: wrong parameters of a rule or a skill.
    """
    rule, who, numbers = prepared(
        market, traders, demand, supply, world, days=days, runs=runs, seed=seed, units=units, turns=turns, low=low,
        high=high, budget=budget, workers=workers, **rules,
    )  # fmt: skip
    seeds = [session_seed(seed, index) for index in range(runs)]

    def one(index: int) -> tuple[Session, dict[str, Any]]:
        try:
            session = rule.fast(who, numbers, seeds[index]) or driver.run(rule, who, numbers, seeds[index])
        except MemoryError as error:
            raise ConfigurationError(
                f"no memory for {who.n:,} traders", hint="fewer of them", code="no_memory"
            ) from error
        measures = measure(who, numbers, session)
        kept = session.trades if keep_trades else session.trades[:0]
        return session._replace(trades=kept.copy()), measures  # a copy, so that the room of the run is given back

    held = {name: np.full((runs, days), np.nan) for name in (*MEASURES, *SUMS)}
    counts = np.zeros((runs, days, 3), np.int64)
    sessions: list[Session] = []
    failed: list[tuple[int, int, str]] = []
    machine = 0
    for index, (session, found) in enumerate(_each(one, runs, workers)):
        for name, values in found.items():
            held[name][index] = values
        machine += session.compiled
        counts[index] = np.column_stack((session.turns, session.refused, session.quotes))
        failed += [(index, trader, sentence) for trader, sentence in session.failed]
        if keep_trades:
            sessions.append(session)
        progress(index + 1, runs)
    return Run(name_of(rule, market), who, numbers, seed, held, tuple(sessions), counts, tuple(failed), machine)


def prepared(
    market: Any,
    traders: Traders,
    demand: Schedule,
    supply: Schedule,
    world: World | None,
    *,
    days: int = 1,
    runs: int = 1,
    seed: int = 0,
    units: int = 1,
    turns: int = 50,
    low: int = 0,
    high: int | None = None,
    budget: int | None = None,
    workers: int = 1,
    **rules: Any,
) -> tuple[MarketRule, Crowd, Rules]:
    """The rule, the crowd and the numbers of a run, all checked; arguments and errors as for `simulate`."""
    rule = market_rule(market, **rules)
    who = crowd(traders, demand, supply, world, rule.takes)
    check_numbers(days=days, runs=runs, turns=turns, units=units, workers=workers, seed=seed)
    return rule, who, numbers(who, rule, days, turns, units, low, high, budget)


def check_numbers(*, seed: int, **counts: int) -> None:
    """Refuse a seed or a count that cannot be."""
    for name, value in counts.items():
        if type(value) is not int or not 1 <= value <= MOST[name]:
            raise UsageError(f"{name}={value!r}", hint=f"a whole number from 1 to {MOST[name]:,}", code="bad_number")
    if type(seed) is not int or not -(2**63) <= seed < 2**64:
        raise UsageError(f"seed={seed!r}", hint="a whole number of 64 bits", code="bad_number")


def _each(one: Callable[[int], Any], runs: int, workers: int) -> Any:
    if workers == 1 or runs == 1:
        yield from map(one, range(runs))
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, runs, 64 * workers):  # so that not all results wait in memory
            yield from pool.map(one, range(start, min(runs, start + 64 * workers)))


def numbers(
    who: Crowd, rule: MarketRule, days: int, turns: int, units: int, low: int, high: int | None, budget: int | None
) -> Rules:
    """The numbers of a run, checked; arguments as for `simulate`."""
    highest = max(max(who.demand), max(who.supply)) + max((0, *(max(s) for s in who.world.shocks.values())))
    top = 2 * highest if high is None else high
    if any(type(v) is not int for v in (low, top)) or not 0 <= low <= top < 2**40:
        raise UsageError(
            f"prices from {low!r} to {top!r}", hint="whole ticks: 0 <= low <= high < 2**40", code="bad_prices"
        )
    if budget is not None and (type(budget) is not int or not 0 <= budget < 2**60):
        raise UsageError(f"budget={budget!r}", hint="whole ticks, or None", code="bad_number")
    steps = who.n if rule.once else turns * who.n
    return rule.rules(Rules(days, steps, units, low, top, budget=-1 if budget is None else budget))


def name_of(rule: MarketRule, market: Any) -> str:
    """The name under which a rule was asked for."""
    return market if isinstance(market, str) else type(rule).__name__
