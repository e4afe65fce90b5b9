"""The best assignment of buyers to goods: against every assignment there is, and against one good alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coase.market.measures import competitive
from coase.market.substitutes import Optimum, optimum

Numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4)


def every_assignment(values: list[list[int]], costs: list[list[int]]) -> int:
    """The most surplus, by trying all."""
    best = 0
    goods = len(costs)
    for choice in itertools.product(range(-1, goods), repeat=len(values)):
        counts = [choice.count(g) for g in range(goods)]
        if any(n > len(cost) for n, cost in zip(counts, costs, strict=True)):
            continue
        spent = sum(sum(sorted(cost)[:n]) for n, cost in zip(counts, costs, strict=True))
        best = max(best, sum(values[i][g] for i, g in enumerate(choice) if g >= 0) - spent)
    return best


def supported(values: list[list[int]], costs: list[list[int]], prices: tuple[float, ...], found: Optimum) -> bool:
    """Whether at these prices every buyer's and every seller's best choice adds up to the optimum."""
    payoffs = sum(max(0, *(v - p for v, p in zip(own, prices, strict=True))) for own in values)
    payoffs += sum(max(0, p - c) for p, cost in zip(prices, costs, strict=True) for c in cost)
    return math.isclose(payoffs, sum(found.gains), abs_tol=1e-9)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_most_there_is(data: st.DataObject) -> None:
    """Surplus equals that of the best of all assignments; lowest and highest prices support it, one tick more not."""
    goods = data.draw(st.integers(1, 3))
    costs = data.draw(st.lists(Numbers, min_size=goods, max_size=goods))
    values = data.draw(st.lists(st.lists(st.integers(0, 30), min_size=goods, max_size=goods), min_size=1, max_size=4))
    found = optimum(values, costs)
    assert sum(found.gains) == every_assignment(values, costs)
    assert all(n <= len(cost) for n, cost in zip(found.units, costs, strict=True))
    for prices, step in ((found.low, -1), (found.high, 1)):
        assert supported(values, costs, prices, found)
        for g in range(goods):
            moved = (*prices[:g], prices[g] + step, *prices[g + 1 :])
            if moved[g] >= 0:
                assert not supported(values, costs, moved, found)
    assert all(low <= high for low, high in zip(found.low, found.high, strict=True))


@settings(max_examples=100, deadline=None)
@given(Numbers, Numbers)
def test_one_good_is_the_usual_market(demand: list[int], supply: list[int]) -> None:
    """Units, gains and prices are those of demand and supply."""
    found = optimum([[v] for v in demand], [supply])
    units, gains, low, high = competitive(demand, supply)
    assert (found.units, found.gains) == ((units,), (gains,))
    assert (found.low, found.high) == ((low,), (high,))


def test_a_cheap_good_takes_buyers_from_a_dear_one() -> None:
    """Three buyers; the better good has one cheap unit and one dear one: two take the worse good."""
    found = optimum([[100, 80], [90, 75], [60, 55]], [[40, 70], [10, 20, 30]])
    assert found.units == (1, 2)
    assert sum(found.gains) == (100 - 40) + (75 - 10) + (55 - 20)
    assert found.low[0] - found.low[1] >= 90 - 75  # who buys the worse good would not rather have the better
    assert found.high[0] - found.high[1] <= 100 - 80


def test_goods_and_buyers_that_are_not_there() -> None:
    """A good without sellers has no price; without buyers nothing is traded."""
    found = optimum([[9, 9]], [[], [3]])
    assert found.units == (0, 1)
    assert math.isnan(found.low[0])
    assert (found.low[1], found.high[1]) == (3, 9)
    empty = optimum(np.zeros((0, 2), np.int64), [[4], [5]])
    assert empty.units == (0, 0)
    assert empty.high == (4, 5)
