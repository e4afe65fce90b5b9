"""Call market: orders gather over the day, open to all, and are cleared together at one price.

Unlike in a sealed auction every trader sees the best bid and ask of the gathering book, and may replace its order at
each of its turns. The price is the middle of those at which as many units trade as can, rounded down to a tick.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from coase.market.crossing import Orders, at_one_price, crossing
from coase.market.rule import Fill, MarketOrder, MarketRule


class State(NamedTuple):
    """The orders, and the best of them."""

    orders: Orders
    best: tuple[int, int] = (-1, -1)


class CallMarket(MarketRule):
    """One order a trader, replaced as it likes; one uniform price at the end of the day."""

    once: ClassVar[bool] = False

    def init(self, low: int, high: int) -> State:
        """No orders."""
        return State({})

    def submit(self, state: State, order: MarketOrder) -> tuple[State, list[Fill]]:
        """Keep it until the end of the day."""
        state.orders.pop(order.trader, None)
        state.orders[order.trader] = order
        bid, ask = state.best
        if order.side > 0:
            return State(state.orders, (max(bid, order.price), ask)), []
        return State(state.orders, (bid, order.price if ask < 0 else min(ask, order.price))), []

    def withdraw(self, state: State, trader: int) -> State:
        """Without this trader's order."""
        gone = state.orders.pop(trader, None)
        if gone is None or gone.price != state.best[0 if gone.side > 0 else 1]:
            return state
        bids = [o.price for o in state.orders.values() if o.side > 0]
        asks = [o.price for o in state.orders.values() if o.side < 0]
        return State(state.orders, (max(bids, default=-1), min(asks, default=-1)))

    def best(self, state: State) -> tuple[int, int]:
        """The highest bid and the lowest ask; they may cross, as nothing trades before the end."""
        return state.best

    def clear(self, state: State) -> tuple[State, list[Fill]]:
        """At the middle of the clearing prices."""
        found = crossing(state.orders.values())
        if not found.units:
            return State({}), []
        price = (found.low + found.high) // 2
        return State({}), at_one_price(found, found.units, price, price)
