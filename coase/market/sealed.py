"""A market of sealed orders: one from each trader, seen by nobody, cleared together at the end of the day."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from coase.market.crossing import Crossing, Orders, crossing
from coase.market.rule import Fill, MarketOrder, MarketRule


class SealedOrders(MarketRule):
    """Collects orders; what they come to is for `clear` of the rule itself."""

    once: ClassVar[bool] = True

    def init(self, low: int, high: int) -> Orders:
        """No orders."""
        return {}

    def submit(self, state: Orders, order: MarketOrder) -> tuple[Orders, list[Fill]]:
        """Keep it, the last of a trader."""
        state.pop(order.trader, None)
        state[order.trader] = order
        return state, []

    def withdraw(self, state: Orders, trader: int) -> Orders:
        """Without this trader's order."""
        state.pop(trader, None)
        return state


class Sealed(SealedOrders):
    """Bids against asks; what crosses is for `settle`, the one method that a rule of this kind writes."""

    def clear(self, state: Orders) -> tuple[Orders, list[Fill]]:
        """Settle, if anything trades."""
        found = crossing(state.values())
        return {}, self.settle(found) if found.units else []

    @abstractmethod
    def settle(self, found: Crossing) -> list[Fill]:
        """The fills, where at least one unit trades."""
