"""The continuous double auction: an order trades at once where it crosses, at the price of the order that was there."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from coase.market.book import OrderBook
from coase.market.crowd import Crowd
from coase.market.rule import Fill, MarketOrder, MarketRule
from coase.market.session import Rules, Session


class State(NamedTuple):
    """The book, and the live order of each trader."""

    book: OrderBook
    live: dict[int, int]


class DoubleAuction(MarketRule):
    """Price-time priority, one live order a trader; a new quote replaces the old one.

    With `clear_book` a trade empties the book (Gode and Sunder 1993); with `improve` a quote must beat the best of its
    side (the rule of New York's exchange, as in Smith's and in Gjerstad and Dickhaut's experiments).
    """

    clear_book: bool = Field(default=False, description="a trade empties the book")
    improve: bool = Field(default=False, description="a quote must be better than the best of its side")
    compiled: bool = Field(default=True, description="use machine code where numba and the traders allow")

    def init(self, low: int, high: int) -> State:
        """An empty book."""
        return State(OrderBook(), {})

    def submit(self, state: State, order: MarketOrder) -> tuple[State, list[Fill]]:
        """Trade against what rests, then rest."""
        book, live = state
        if self.improve:
            best = book.best_bid if order.side > 0 else book.best_ask
            if best is not None and order.side * (order.price - best) <= 0:
                return state, []
        placed = book.place(order.side, order.price, order.quantity, order.trader, once=self.clear_book)
        if placed.resting:
            live[order.trader] = placed.order_id
        fills = [Fill(t.buyer, t.seller, t.price, t.price, t.quantity) for t in placed.trades]
        if fills and self.clear_book:
            book.clear()
            live.clear()
        return state, fills

    def withdraw(self, state: State, trader: int) -> State:
        """Cancel the trader's live order."""
        order_id = state.live.pop(trader, None)
        if order_id is not None:
            state.book.discard(order_id)
        return state

    def best(self, state: State) -> tuple[int, int]:
        """Of the book."""
        bid, ask = state.book.best_bid, state.book.best_ask
        return -1 if bid is None else bid, -1 if ask is None else ask

    def rules(self, rules: Rules) -> Rules:
        """With the rules of this book."""
        return rules._replace(clear_book=self.clear_book, improve=self.improve)

    def fast(self, crowd: Crowd, rules: Rules, seed: int) -> Session | None:
        """By machine code, where `coase.market.kernel` can."""
        if not self.compiled:
            return None
        from coase.market import kernel

        return kernel.run(crowd, rules, seed)
