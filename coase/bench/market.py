"""Quotes a second in a continuous double auction: compiled and plain, beside bourse and the published ZIP algorithm.

ZI-C traders with limits of 1 to 200 ticks and endless units: each turn one of them withdraws its order and quotes anew.
bourse's traders do the same, by its own interfaces: all at once by arrays, or one by one from a Python loop.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from coase.bench import cores
from coase.bench.row import Row, rate, versus
from coase.bench.zip_by_objects import session
from coase.errors import MissingExtra
from coase.market.schedule import Uniform
from coase.market.simulate import simulate
from coase.market.trader import Quote, Trader, View

LIMITS = Uniform(1, 200)


def rows() -> Iterator[Row]:
    """All cases."""
    try:
        import bourse  # type: ignore[import-untyped] # noqa: F401

        peer = f"bourse {version('bourse')}"
    except ImportError as error:
        raise MissingExtra("the bench of the market", "dev") from error
    for traders in (100, 1000):
        ours, theirs, ratio = versus(market("zi_c", traders, 1_000_000), by_arrays(traders, 200_000))
        yield Row(f"ZI-C, {traders:,} traders, compiled", "quotes/s", ours, theirs, f"{peer}, numpy environment",
                  target=5.0, measured=ratio)  # fmt: skip
    ours, theirs, ratio = versus(market("zi_c", 100_000, 2_000_000), market("zi_c", 100, 2_000_000))
    yield Row("ZI-C, 100,000 traders, compiled", "quotes/s", ours, theirs, "the same with 100 traders",
              target=0.75, measured=ratio)  # fmt: skip
    ours, theirs, ratio = versus(market("zi_c", 1000, 4_000_000, workers=2), market("zi_c", 1000, 4_000_000))
    yield Row("ZI-C, 1,000 traders, two cores", "quotes/s", ours, theirs, "one core", target=1.8, measured=ratio)
    yield cores.row()
    ours, theirs, ratio = versus(market("zip", 1000, 100_000), (lambda: session(1000, 300, 1), 300))
    yield Row("ZIP, 1,000 traders, compiled", "quotes/s", ours, theirs, "published algorithm, objects", target=100.0,
              measured=ratio)  # fmt: skip
    ours, theirs, ratio = versus(by_objects(1000, 50_000), by_loop(1000, 50_000))
    yield Row("Python-object traders, 1,000", "quotes/s", ours, theirs, f"{peer}, Python loop", target=1.0,
              measured=ratio)  # fmt: skip
    yield Row(
        "ZI-C, 1,000,000 traders, 10 turns each", "quotes/s", rate(market("zi_c", 10**6, 10**7)[0], 10**7, runs=1)
    )


def market(name: str, traders: int, quotes: int, *, workers: int = 1) -> tuple[Callable[[], object], float]:
    """Our work and its size."""
    made: dict[str, Any] = {
        "traders": {name: traders}, "demand": LIMITS, "supply": LIMITS, "low": 1, "high": 200, "units": 2**40,
        "runs": workers, "turns": max(1, quotes // workers // traders), "keep_trades": False, "workers": workers,
    }  # fmt: skip

    def work() -> None:
        if simulate("double_auction", **made).compiled != workers:
            raise MissingExtra("the bench of the compiled market", "fast")  # a slow path would be measured in its place

    return work, traders * made["turns"] * workers


class Noise(Trader):
    """A trader of objects and strings, which cannot be compiled."""

    def start(self, side: int, limit: int, key: int) -> dict[str, Any]:
        """What it remembers, and a generator of its own."""
        return {"side": "buy" if side > 0 else "sell", "draw": random.Random(key)}  # noqa: S311

    def quote(self, state: dict[str, Any], view: View) -> tuple[Any, Quote | None]:
        """Anything that is no loss."""
        span = (view.low, view.limit) if state["side"] == "buy" else (view.limit, view.high)
        return state, Quote(span[0] + int(state["draw"].random() * (span[1] - span[0] + 1)))


def by_objects(traders: int, quotes: int) -> tuple[Callable[[], object], float]:
    """Python objects in our market."""
    turns = quotes // traders
    made: dict[str, Any] = {"demand": LIMITS, "supply": LIMITS, "low": 1, "high": 200, "units": 2**40, "turns": turns}
    return lambda: simulate("double_auction", traders=[(Noise(), traders)], **made), traders * turns


def by_loop(traders: int, quotes: int) -> tuple[Callable[[], object], float]:
    """Python objects around bourse's book: a turn each, withdraw and quote."""

    def work() -> None:
        from bourse.core import StepEnv  # type: ignore[import-untyped]

        env = StepEnv(1, 0, 1, 1000)
        draw = random.Random(1)  # noqa: S311
        objects, crowd, live = Noise(), [], [-1] * traders
        for who in range(traders):
            side, limit = 1 if who % 2 == 0 else -1, draw.randint(1, 200)
            crowd.append((objects.start(side, limit, who), limit, side > 0))
        for _ in range(quotes // traders):
            bid, ask = env.bid_ask
            for who, (state, limit, buys) in enumerate(crowd):
                view = View(0, 0, 1, 1, limit, 1, bid, ask, -1, 1, 200, -1, -1, 0, 0, None)
                _, quote = objects.quote(state, view)
                if live[who] >= 0:
                    env.cancel_order(live[who])
                live[who] = env.place_order(buys, 1, who, price=quote.price)  # type: ignore[union-attr]
            env.step()

    return work, quotes // traders * traders


def by_arrays(traders: int, quotes: int) -> tuple[Callable[[], object], float]:
    """bourse's numpy environment: all traders at once, their earlier orders withdrawn."""

    def work() -> None:
        from bourse.core import StepEnvNumpy

        env = StepEnvNumpy(1, 0, 1, 1000)
        draw = np.random.default_rng(1)
        buys = np.arange(traders) % 2 == 0
        limits = draw.integers(1, 201, traders)
        low, high = np.where(buys, 1, limits), np.where(buys, limits, 200)
        ones, names = np.ones(traders, np.uint32), np.arange(traders, dtype=np.uint32)
        live = None
        for _ in range(quotes // traders):
            prices = draw.integers(low, high + 1).astype(np.uint32)
            if live is not None:
                env.submit_cancellations(live)
            live = env.submit_limit_orders((buys, ones, names, prices))
            env.step()

    return work, quotes // traders * traders
