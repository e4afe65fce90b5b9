"""The best that buyers and sellers of several goods can do, where a buyer takes one unit of whichever good.

The assignment game of Shapley and Shubik (1972): the most surplus, by successive longest paths in whole numbers, and
the competitive prices, which form a lattice with a lowest and a highest price of each good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

_NONE = -(2**60)  # worse than any gain


class Optimum(NamedTuple):
    """What should be traded; all of them a number a good.

    Args:
        units: traded.
        gains: values less costs of what is traded. Where several optima are equal, the parts are those of one of them.
        low: the lowest competitive price; not a number for a good without sellers.
        high: the highest competitive price.
    """

    units: tuple[int, ...]
    gains: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def optimum(values: Any, costs: Sequence[Any]) -> Optimum:
    """The most that can be gained, and the prices that go with it.

    Args:
        values: whole numbers, buyers x goods: what one unit of each is worth; a buyer takes one unit of one good.
        costs: for each good, what a unit costs each of its sellers, who have one each.
    """
    worth = np.asarray(values, np.int64).reshape(-1, len(costs))
    ladders = [np.sort(np.asarray(cost, np.int64)) for cost in costs]
    holds = np.full(len(worth), -1)
    sold = [0] * len(ladders)
    while _augment(worth, ladders, holds, sold):
        pass
    gains = [int(worth[holds == g, g].sum() - ladders[g][: sold[g]].sum()) for g in range(len(ladders))]
    low, high = _prices(worth, ladders, holds, sold)
    return Optimum(tuple(sold), tuple(gains), low, high)


def _augment(worth: Any, ladders: list[Any], holds: Any, sold: list[int]) -> bool:
    """Let one more buyer trade where that loses nothing, by the longest path from a buyer to a seller."""
    goods = range(len(ladders))
    free = holds < 0
    if not free.any():
        return False
    entrant = np.where(free[:, None], worth, _NONE).argmax(axis=0)
    length = [int(worth[entrant[g], g]) for g in goods]
    before = [-1] * len(ladders)  # the good from which a buyer moves over
    swap, mover = _swaps(worth, holds, len(ladders))
    for _ in goods[1:]:
        for g in goods:
            for h in goods:
                if length[g] + swap[g][h] > length[h]:
                    length[h], before[h] = length[g] + swap[g][h], g
    spare = [-int(ladders[g][sold[g]]) if sold[g] < len(ladders[g]) else _NONE for g in goods]
    last = max(goods, key=lambda g: length[g] + spare[g])
    if length[last] + spare[last] < 0:
        return False
    sold[last] += 1
    while before[last] >= 0:
        holds[mover[before[last]][last]] = last
        last = before[last]
    holds[entrant[last]] = last
    return True


def _swaps(worth: Any, holds: Any, goods: int) -> tuple[list[list[int]], list[list[int]]]:
    """[g][h]: the most that a buyer who holds g gains by h instead, and which buyer."""
    gain, who = [[_NONE] * goods for _ in range(goods)], [[-1] * goods for _ in range(goods)]
    for g in range(goods):
        (those,) = np.nonzero(holds == g)
        if len(those):
            more = worth[those] - worth[those, g][:, None]
            best = more.argmax(axis=0)
            gain[g], who[g] = more[best, np.arange(goods)].tolist(), those[best].tolist()
    return gain, who


def _prices(worth: Any, ladders: list[Any], holds: Any, sold: list[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The lowest and the highest prices at which nobody wants anything else."""
    goods = range(len(ladders))
    if not len(worth):
        worth, holds = np.zeros((1, len(ladders)), np.int64), np.full(1, -1)
    outside = np.where((holds < 0)[:, None], worth, 0).max(axis=0).tolist()
    low = [max([0.0, outside[g], *ladders[g][: sold[g]][-1:].tolist()]) for g in goods]
    high = [min([*ladders[g][sold[g] :][:1].tolist(), *worth[holds == g, g].tolist(), float(-_NONE)]) for g in goods]
    swap, _ = _swaps(worth, holds, len(ladders))
    for _ in goods[1:]:
        for g in goods:
            for h in goods:
                low[h] = max(low[h], low[g] + swap[g][h])
                high[g] = min(high[g], high[h] - swap[g][h])
    for g in goods:
        if not len(ladders[g]):
            low[g] = high[g] = float("nan")
    return tuple(low), tuple(high)
