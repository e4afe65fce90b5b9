"""What a market achieved, by run and day, from its trades and the limits of its traders.

===========  ==========================================================================================================
efficiency   realised surplus over the possible surplus of the day, the auctioneer's revenue included
revenue      the auctioneer's share of the possible surplus; stock that it trades counts at the equilibrium price
buyers       the buyers' share of what traders realised
alpha        Smith (1962): 100 x standard deviation of prices around the equilibrium price / equilibrium price
dispersion   standard deviation of prices around their mean, in ticks
price        mean price, in ticks
equilibrium  the middle of the interval of competitive prices, in ticks
volume       units bought by traders over units traded in equilibrium
utilisation  units sold by traders over units on sale
gini         Gini coefficient of the traders' profits; 0 where all are equal
wait         mean turns from the start of the day to a trade
rested       mean turns that the order which was there first had waited
===========  ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from coase.market.crowd import Crowd
from coase.market.rule import HOUSE
from coase.market.session import Ints, Rules, Session

Floats = np.ndarray[Any, np.dtype[np.float64]]
SUMS = ("gained", "possible", "kept", "to_buyers")
MEASURES = (
    "efficiency", "revenue", "buyers", "alpha", "dispersion", "price", "equilibrium", "volume", "utilisation", "gini",
    "wait", "rested",
)  # fmt: skip


def competitive(values: Any, costs: Any) -> tuple[int, int, float, float]:
    """(units traded, possible surplus, lowest and highest competitive price) where each trader has one unit.

    Values and costs are in any order. Without a gain from trade no unit is traded and the prices are those between
    which nobody would trade.
    """
    down, up = np.sort(np.asarray(values))[::-1], np.sort(np.asarray(costs))
    m = min(len(down), len(up))
    traded = int(np.count_nonzero(down[:m] >= up[:m]))
    gains = int((down[:traded] - up[:traded]).sum())
    above = [float(v) for v in (down[traded - 1 : traded], up[traded : traded + 1]) for v in v]
    below = [float(v) for v in (up[traded - 1 : traded], down[traded : traded + 1]) for v in v]
    if not traded:
        above, below = [float(up[0])], [float(down[0])]
    return traded, gains, max(below), min(above)


def gini(profits: Any) -> float:
    """The Gini coefficient of numbers that are not negative (losses count as nothing); 0 where nobody has any."""
    held = np.sort(np.maximum(profits, 0))
    total = held.sum()
    if not total:
        return 0.0
    n = len(held)
    return float((2 * np.arange(1, n + 1) - n - 1) @ held / (n * total))


class Ideal(NamedTuple):
    """What one unit of each trader could achieve on a day.

    Args:
        units: traded in equilibrium.
        gains: the possible surplus, in ticks.
        low: the lowest competitive price; not a number where nobody could trade.
        high: the highest.
        sellers: who are there.
    """

    units: int
    gains: int
    low: float
    high: float
    sellers: int


def ideals(crowd: Crowd, rules: Rules, limits: Ints) -> list[Ideal]:
    """For each day, what those could achieve who are there."""
    found: list[Ideal] = []
    buys = crowd.sides > 0
    inside = crowd.windows(0, rules) if crowd.world.entry or crowd.world.exit else np.zeros((0, 0), np.int64)
    for day in range(rules.days):
        if day >= len(limits) and not len(inside):
            found.append(found[-1])
            continue
        worth = limits[min(day, len(limits) - 1)]
        here = np.isin(np.arange(crowd.n), inside[2 * day]) if len(inside) else np.ones(crowd.n, np.bool_)
        demand, supply = worth[buys & here], worth[~buys & here]
        best = competitive(demand, supply) if len(demand) and len(supply) else (0, 0, np.nan, np.nan)
        found.append(Ideal(*best, len(supply)))
    return found


def measure(crowd: Crowd, rules: Rules, session: Session, ideal: Sequence[Ideal] | None = None) -> dict[str, Floats]:
    """Measures and sums of one run: name -> a number a day; not a number where nothing traded.

    Args:
        crowd: who traded.
        rules: the numbers of the run.
        session: the run.
        ideal: for each day, where it is not that of this market alone.
    """
    found = {name: np.full(rules.days, np.nan) for name in (*MEASURES, *SUMS)}
    table = session.trades
    starts = np.searchsorted(table[:, 0], np.arange(rules.days + 1))
    for day, best in enumerate(ideals(crowd, rules, session.limits) if ideal is None else ideal):
        day_trades = table[starts[day] : starts[day + 1]]
        worth = session.limits[min(day, len(session.limits) - 1)]
        middle = (best.low + best.high) / 2
        on_sale = best.sellers * rules.units
        _day(found, day, day_trades, worth, (best.units * rules.units, best.gains * rules.units, middle, on_sale))
    return found


def _day(found: dict[str, Floats], day: int, trades: Any, worth: Any, ideal: tuple[int, int, float, int]) -> None:
    units, possible, price, on_sale = ideal
    _, step, buyer, seller, paid, got, size, _, rested = trades.T
    gains = (worth[buyer] - paid) * size, (got - worth[seller]) * size
    one_price = np.array_equal(paid, got)
    middle = paid if one_price else (paid + got) / 2
    total = bought = sold = size.sum()
    kept = 0 if one_price else ((paid - got) * size).sum()
    if min(buyer.min(initial=0), seller.min(initial=0)) == HOUSE:
        buys, sells = buyer != HOUSE, seller != HOUSE
        gains, bought, sold = (gains[0] * buys, gains[1] * sells), size[buys].sum(), size[sells].sum()
        buyer, seller = np.where(buys, buyer, 0), np.where(sells, seller, 0)
        kept += ((price - paid) * size)[~buys].sum() + ((got - price) * size)[~sells].sum()
    to_buyers, to_sellers = int(gains[0].sum()), int(gains[1].sum())
    found["gained"][day], found["possible"][day] = to_buyers + to_sellers + kept, possible
    found["kept"][day], found["to_buyers"][day] = kept, to_buyers
    found["equilibrium"][day] = price
    if on_sale:
        found["utilisation"][day] = sold / on_sale
    if possible:
        found["efficiency"][day] = (to_buyers + to_sellers + kept) / possible
        found["revenue"][day] = kept / possible
        found["volume"][day] = bought / units
    profits = np.bincount(buyer, gains[0], len(worth)) + np.bincount(seller, gains[1], len(worth))
    found["gini"][day] = gini(profits)
    if not total:
        return
    mean = (middle * size).sum() / total
    if to_buyers + to_sellers:
        found["buyers"][day] = to_buyers / (to_buyers + to_sellers)
    if price:
        found["alpha"][day] = 100 * np.sqrt((((middle - price) ** 2) * size).sum() / total) / price
    found["dispersion"][day] = np.sqrt((((middle - mean) ** 2) * size).sum() / total)
    found["price"][day], found["wait"][day], found["rested"][day] = mean, step.mean(), rested.mean()
