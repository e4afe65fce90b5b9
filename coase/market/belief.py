"""The quote that Gjerstad and Dickhaut's (1998) beliefs call for; shared by GD and MGD.

A buyer believes that a bid b is accepted with probability p(b) = [TB(<=b) + A(<=b)] / [TB(<=b) + A(<=b) + RB(>=b)]: TB
accepted bids, A asks, RB rejected bids, as far back as the last `memory` trades. The ratio is taken at each tick, where
the paper joins observed prices by cubic splines. Before anything is heard, it rises evenly over the range of prices.
A seller sees the same in the mirror: a price p counts as low + high - p.
"""

from __future__ import annotations

import numpy as np

from coase.market.trader import View


def best_tick(side: int, view: View, memory: int, bounded: bool) -> int:
    """The price with the largest expected gain; -1 where no price gains.

    Args:
        side: 1 buyer, -1 seller.
        view: what the trader sees.
        memory: trades that are remembered.
        bounded: whether yesterday's trades bound the belief (MGD): what beats the best of them is sure to trade, what
            is worse than the worst of them is sure not to.
    """
    low, span = view.low, view.high - view.low + 1
    turn = view.low + view.high
    start, trades = view.end, 0
    while start > view.first and trades < memory:
        start -= 1
        if view.tape[start, 2]:
            trades += 1
    good, rejected = np.zeros(span, np.int64), np.zeros(span, np.int64)
    refusals = 0
    for i in range(start, view.end):
        price = view.tape[i, 1] if side > 0 else turn - view.tape[i, 1]
        if view.tape[i, 2] or view.tape[i, 0] != side:
            good[price - low] += 1
        else:
            rejected[price - low] += 1
            refusals += 1
    limit = view.limit if side > 0 else turn - view.limit
    mine = view.best_bid if side > 0 else (turn - view.best_ask if view.best_ask >= 0 else -1)
    theirs = view.best_ask if side > 0 else (turn - view.best_bid if view.best_bid >= 0 else -1)
    above = view.yesterday_high if side > 0 else turn - view.yesterday_low
    below = view.yesterday_low if side > 0 else turn - view.yesterday_high
    bounded = bounded and view.yesterday_low >= 0
    accepted, found, most = 0, -1, 0.0
    for price in range(low, min(limit, view.high) + 1):
        accepted += good[price - low]
        known = accepted + refusals
        chance = accepted / known if known > 0 else (price - low + 1) / span
        refusals -= rejected[price - low]
        if theirs >= 0 and price >= theirs:
            chance = 1.0
        elif price <= mine:
            chance = 0.0
        elif bounded and price > above:
            chance = 1.0
        elif bounded and price < below:
            chance = 0.0
        gain = (limit - price) * chance
        if gain > most:
            found, most = price, gain
    if found < 0:
        return -1
    return found if side > 0 else turn - found
