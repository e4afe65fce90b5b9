"""Whose turn it is: who is there, how often each is drawn, who leaves."""

from __future__ import annotations

from collections import Counter

import coase
from coase.market.crowd import crowd
from coase.market.session import Rules
from coase.market.turns import Turns

RULES = Rules(days=3, steps=4000, units=1, low=0, high=9)


def turns(once: bool = False, world: coase.World | None = None) -> Turns:
    """Of six buyers and sellers, two of them of another kind."""
    who = crowd({"zi_c": 4, "zi_u": 2}, [9, 8, 7], [1, 2, 3], world)
    return Turns(who, RULES._replace(steps=6) if once else RULES, 7, once)


def test_each_is_drawn_about_as_often() -> None:
    """4,000 draws of six: within five standard deviations (24) of the mean."""
    queue = turns()
    assert queue.begin(0) == [0, 1, 2, 3, 4, 5]
    queue.enter(1, [1] * 6)
    found = Counter(queue.drawn(step) for step in range(1, 4001))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert all(abs(count - 4000 / 6) < 5 * 24 for count in found.values())


def test_who_left_is_drawn_no_more() -> None:
    """And whoever has nothing to trade never enters; leaving twice changes nothing."""
    queue = turns()
    queue.begin(1)
    queue.enter(1, [1, 1, 0, 1, 1, 1])
    for who in (0, 5, 0, 2):
        queue.leave(who)
    assert sorted(queue.active) == [1, 3, 4]
    assert {queue.drawn(step) for step in range(1, 200)} == {1, 3, 4}


def test_one_turn_each_is_a_random_order() -> None:
    """A permutation, another one each day; whoever leaves keeps the turn."""
    queue = turns(once=True)
    orders = []
    for day in range(3):
        queue.begin(day)
        queue.enter(1, [1] * 6)
        queue.leave(3)
        orders.append([queue.drawn(step) for step in range(1, 7)])
        assert [queue.over(step) for step in (6, 7)] == [False, True]
    assert all(sorted(order) == [0, 1, 2, 3, 4, 5] for order in orders)
    assert len({*map(tuple, orders)}) > 1


def test_entry_exit_and_arrivals() -> None:
    """A kind enters on its day and is gone on another; with arrivals, not all are there in the first turn."""
    queue = turns(world=coase.World(entry={"zi_u": 1}, exit={"zi_u": 2}))
    assert [len(queue.begin(day)) for day in range(3)] == [4, 6, 4]
    queue = turns(world=coase.World(arrivals=True))
    queue.begin(0)
    queue.enter(1, [1] * 6)
    early = len(queue.active)
    queue.enter(4000, [1] * 6)
    assert early < len(queue.active) == 6
