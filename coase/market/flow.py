"""Recorded order flow, and its replay through any rule: mechanisms compared on identical orders.

A flow is what traders ordered in one run, with their limits. It is recorded from a run in plain Python, kept as a file
(`coase.market.flow_file`), and replayed: traders no longer react, so what differs between two rules is due to the rules
alone. In sealed markets the last order of a trader on a day counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coase.errors import UsageError
from coase.market import flow_file
from coase.market.crowd import CALM, MOST_TRADERS, Crowd, Traders, World
from coase.market.driver import Driver
from coase.market.flow_file import MOST_LIMITS, MOST_ORDERS, bad_flow
from coase.market.measures import MEASURES, SUMS, measure
from coase.market.rule import HOUSE, Fill, MarketOrder, MarketRule, check_quotes, market_rule
from coase.market.run import Run
from coase.market.schedule import MOST_PRICE, Schedule
from coase.market.session import COLUMNS, Rules, Session
from coase.market.simulate import prepared
from coase.negotiation.draws import session_seed


class FlowOrder(NamedTuple):
    """An order of a trader, and when it came: `day` from 0, `step` from 1."""

    day: int
    step: int
    trader: int
    price: int
    quantity: int


class Flow(NamedTuple):
    """One run's orders.

    Args:
        low: the lowest price allowed.
        high: the highest.
        units: that each trader may trade a day.
        steps: turns of a day at most.
        limits: of the traders, a row a day; even traders buy, odd ones sell.
        orders: in the order in which they came.
    """

    low: int
    high: int
    units: int
    steps: int
    limits: tuple[tuple[int, ...], ...]
    orders: tuple[FlowOrder, ...]

    def save(self, path: str | Path) -> Path:
        """Write Parquet where the name ends in .parquet, else JSON lines; whole or not at all.

        Raises:
            MissingExtra: Parquet without pyarrow.
            ConfigurationError: not a flow, or the disk or the folder does not take it.
        """
        checked(self)  # so that what is written can be read
        head = {name: getattr(self, name) for name in ("low", "high", "units", "steps")}
        return flow_file.write(flow_file.Parts(head, self.limits, list(self.orders)), path)

    @classmethod
    def load(cls, path: str | Path) -> Flow:
        """Read and check a file of either kind.

        Raises:
            MissingExtra: Parquet without pyarrow.
            ConfigurationError: no such file, too large, or not a flow; the sentence says which order is wrong.
        """
        head, limits, rows = flow_file.read(path)
        try:
            orders = tuple(FlowOrder(*row) for row in rows)
            flow = cls(head["low"], head["high"], head["units"], head["steps"], limits, orders)
        except (TypeError, KeyError) as error:
            raise bad_flow(f"{path} is no order flow: {type(error).__name__}: {str(error)[:100]}") from error
        return checked(flow)


def checked(flow: Flow) -> Flow:
    """The flow, if all its numbers are possible; `ConfigurationError` (`bad_flow`) if not."""
    numbers = (flow.low, flow.high, flow.units, flow.steps)
    if any(type(n) is not int for n in numbers) or not 0 <= flow.low <= flow.high <= MOST_PRICE:
        raise bad_flow(f"prices from {flow.low!r} to {flow.high!r}")
    if not 1 <= flow.units <= MOST_PRICE or not 1 <= flow.steps <= MOST_PRICE:
        raise bad_flow(f"{flow.units} units and {flow.steps} turns a day")
    n = len(flow.limits[0]) if flow.limits else 0
    if not 2 <= n <= MOST_TRADERS or any(len(row) != n for row in flow.limits):
        raise bad_flow("limits are a row a day, one for each of at least two traders")
    if n * len(flow.limits) > MOST_LIMITS:
        raise bad_flow(f"more than {MOST_LIMITS:,} limits")
    if any(type(v) is not int or not 0 <= v <= MOST_PRICE for row in flow.limits for v in row):
        raise bad_flow("a limit is no price")
    if len(flow.orders) > MOST_ORDERS:
        raise bad_flow(f"more than {MOST_ORDERS:,} orders")
    before = (0, 1)
    for number, order in enumerate(flow.orders):
        if any(type(v) is not int for v in order):
            raise bad_flow(f"order {number} is not in whole numbers")
        day, step, trader, price, quantity = order
        if not (before <= (day, step) and day < len(flow.limits) and 1 <= step <= flow.steps):
            raise bad_flow(f"order {number} comes on day {day} in turn {step}, which is not after the one before")
        if not 0 <= trader < n:
            raise bad_flow(f"order {number} is by trader {trader}, who is unknown")
        if not flow.low <= price <= flow.high or not 1 <= quantity <= flow.units:
            raise bad_flow(f"order {number} is for {quantity} at {price}, outside the rules")
        before = day, step
    return flow


def record(
    market: Any = "double_auction",
    /,
    *,
    traders: Traders,
    demand: Schedule,
    supply: Schedule,
    runs: int = 1,
    seed: int = 0,
    world: World | None = None,
    **rest: Any,
) -> list[Flow]:
    """Let traders trade as `coase.simulate` does, and keep what they order: a flow a run.

    Further arguments, and errors, are those of `coase.simulate`. A market without orders (bargaining) is refused.
    """
    rule, who, numbers = prepared(market, traders, demand, supply, world, runs=runs, seed=seed, **rest)
    check_quotes(rule)
    return [_recorded(rule, who, numbers, session_seed(seed, index)) for index in range(runs)]


def replay(flows: Flow | Sequence[Flow], market: Any = "double_auction", /, **rules: Any) -> Run:
    """What a market rule makes of recorded orders.

    An order replaces the earlier one of its trader; what exceeds the units that are left is cut.

    Args:
        flows: one, or several of one shape: a run each.
        market: name of a market rule, or a `coase.MarketRule`.
        **rules: its parameters.
    """
    rule = market_rule(market, **rules)
    given = [checked(flow) for flow in ([flows] if isinstance(flows, Flow) else flows)]
    if not given or len({(f.low, f.high, f.units, len(f.limits), len(f.limits[0])) for f in given}) > 1:
        raise UsageError("no flows, or of different shapes", hint="of one recording", code="bad_flow")
    first = given[0]
    n, days = len(first.limits[0]), len(first.limits)
    who = Crowd(("recorded",), (), (n,), first.limits[0][0::2], first.limits[0][1::2], CALM)
    numbers = rule.rules(Rules(days, first.steps, first.units, first.low, first.high))
    sessions = tuple(_replayed(rule, flow) for flow in given)
    held = {name: np.full((len(given), days), np.nan) for name in (*MEASURES, *SUMS)}
    for index, session in enumerate(sessions):
        for name, values in measure(who, numbers, session).items():
            held[name][index] = values
    counts = np.array([np.column_stack((s.turns, s.refused, s.quotes)) for s in sessions])
    name = market if isinstance(market, str) else type(rule).__name__
    return Run(name, who, numbers, 0, held, sessions, counts)


def _recorded(rule: MarketRule, who: Crowd, numbers: Rules, seed: int) -> Flow:
    listener: Any = _Listener(rule)
    driver = Driver(listener, who, numbers, seed)
    listener.driver = driver
    session = driver.run()
    rows = [session.limits[min(day, len(session.limits) - 1)] for day in range(numbers.days)]
    limits = tuple(tuple(int(v) for v in row) for row in rows)
    return Flow(numbers.low, numbers.high, numbers.units, numbers.steps, limits, tuple(listener.orders))


class _Listener:
    """A rule that writes down what it is told."""

    def __init__(self, rule: MarketRule) -> None:
        self._rule = rule
        self.orders: list[FlowOrder] = []
        self.driver: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)

    def submit(self, state: Any, order: MarketOrder) -> Any:
        """Write it down and pass it on."""
        day, step = self.driver.day, self.driver.placed[order.trader]
        self.orders.append(FlowOrder(day, step, order.trader, order.price, order.quantity))
        return self._rule.submit(state, order)


def _replayed(rule: MarketRule, flow: Flow) -> Session:
    n, days = len(flow.limits[0]), len(flow.limits)
    by_day: list[list[FlowOrder]] = [[] for _ in range(days)]
    for order in flow.orders:
        by_day[order.day].append(order)
    trades: list[tuple[int, ...]] = []
    counts = np.zeros((days, 3), np.int64)
    for day, orders in enumerate(by_day):
        if rule.once:
            orders = sorted({order.trader: order for order in orders}.values(), key=lambda order: order.step)
        left, placed = [flow.units] * n, [0] * n
        state = rule.init(flow.low, flow.high)
        step = 0
        for _, step, trader, price, quantity in orders:
            counts[day, 0] += 1
            if not left[trader]:
                continue
            side = 1 if trader % 2 == 0 else -1
            counts[day, 2] += 1
            placed[trader] = step
            state = rule.withdraw(state, trader)
            state, fills = rule.submit(state, MarketOrder(trader, side, price, min(quantity, left[trader])))
            _settle(fills, (day, step, side), left, placed, trades)
        _settle(rule.clear(state)[1], (day, step, 0), left, placed, trades)
    table = np.array(trades, np.int64).reshape(-1, len(COLUMNS))
    turns, refused, quotes = counts.T.copy()
    return Session(table, np.array(flow.limits, np.int64), turns, refused, quotes)


def _settle(
    fills: list[Fill], when: tuple[int, int, int], left: list[int], placed: list[int], trades: list[tuple[int, ...]]
) -> None:
    day, step, side = when
    for buyer, seller, paid, received, size in fills:
        parties = [who for who in (buyer, seller) if who != HOUSE]
        for who in parties:
            left[who] -= size
        rested = step - min(placed[who] for who in parties)
        trades.append((day, step, buyer, seller, paid, received, size, side, rested))
