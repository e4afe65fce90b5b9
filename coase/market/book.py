"""A limit order book on integer ticks, with price-time priority."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Any, Literal, NamedTuple

from coase.errors import UnknownOrder, UsageError

Side = Literal["buy", "sell"]
MOST = 2**53  # of a price or a quantity


class BookTrade(NamedTuple):
    """A trade: at the resting order's price.

    Args:
        price: in ticks.
        quantity: traded.
        buyer: owner of the buying order.
        seller: owner of the selling order.
        resting_id: the order that was in the book.
    """

    price: int
    quantity: int
    buyer: Any
    seller: Any
    resting_id: int


class Placed(NamedTuple):
    """What became of an order.

    Args:
        order_id: by which it is cancelled.
        trades: in the order in which they happened.
        resting: the quantity that is left in the book.
    """

    order_id: int
    trades: list[BookTrade]
    resting: int


class OrderBook:
    """Bids and asks; the better price first, then the earlier order. One owner's orders may trade with each other."""

    def __init__(self) -> None:
        self._next = 1
        self._orders: dict[int, list[Any]] = {}  # id -> [quantity, owner, side (1 buy, -1 sell), price, id]
        self._levels: dict[int, dict[int, deque[list[Any]]]] = {1: {}, -1: {}}  # side -> price -> orders, oldest first
        self._live: dict[int, dict[int, int]] = {1: {}, -1: {}}  # side -> price -> quantity
        self._prices: dict[int, list[int]] = {1: [], -1: []}  # heaps, the best first; may hold prices that are gone

    def submit(self, side: Side, *, price: int | None = None, quantity: int = 1, owner: Any = None) -> Placed:
        """Place an order: it trades against resting orders at their prices, and what is left rests at its own.

        Args:
            side: "buy" or "sell".
            price: in ticks, not negative; None is a market order, of which nothing rests.
            quantity: a positive whole number.
            owner: given back in trades.

        Raises:
            UsageError: not a side, a price or a quantity; the book is as it was.
        """
        if side not in ("buy", "sell"):
            raise UsageError(f"side {side!r}", hint='"buy" or "sell"', code="bad_order")
        for what, value, least in (("price", price, 0), ("quantity", quantity, 1)):
            if (type(value) is not int or not least <= value < MOST) and not (what == "price" and value is None):
                raise UsageError(
                    f"{what} {value!r}", hint=f"a whole number of at least {least}, below 2**53", code="bad_order"
                )
        return self.place(1 if side == "buy" else -1, price, quantity, owner)

    def cancel(self, order_id: int) -> int:
        """Take an order out of the book and return the quantity that was left of it.

        Raises:
            UnknownOrder: no order of this number rests here: it was filled or cancelled, or never was.
        """
        quantity = self.discard(order_id) if isinstance(order_id, int) else 0
        if not quantity:
            raise UnknownOrder(
                f"no order {order_id!r} rests in the book", hint="it was filled, cancelled, or never was"
            )
        return quantity

    def discard(self, order_id: int) -> int:
        """`cancel`, which returns 0 where no order of this number rests here."""
        order = self._orders.pop(order_id, None)
        if order is None:
            return 0
        quantity: int
        quantity, _, side, price, _ = order
        order[0] = 0
        self._shrink(side, price, quantity)
        return quantity

    @property
    def best_bid(self) -> int | None:
        """The highest resting bid, or None."""
        return self._best(1)

    @property
    def best_ask(self) -> int | None:
        """The lowest resting ask, or None."""
        return self._best(-1)

    def depth(self, levels: int | None = None) -> dict[str, list[tuple[int, int]]]:
        """Price and quantity of each level: ``{"bids": [...], "asks": [...]}``, the best first."""
        bids = sorted(self._live[1].items(), reverse=True)
        return {"bids": bids[:levels], "asks": sorted(self._live[-1].items())[:levels]}

    def __len__(self) -> int:
        """Orders that rest."""
        return len(self._orders)

    def clear(self) -> None:
        """Take every order out; numbers go on."""
        self._orders.clear()
        for held in (self._levels, self._live, self._prices):
            for some in held.values():
                some.clear()

    def __contains__(self, order_id: object) -> bool:
        """Whether an order of this number rests here."""
        return order_id in self._orders

    def place(self, sign: int, price: int | None, quantity: int, owner: Any, *, once: bool = False) -> Placed:
        """`submit` for those who have checked: side 1 buys, -1 sells; with `once`, it trades once or rests."""
        order_id = self._next
        self._next = order_id + 1
        trades: list[BookTrade] = []
        levels, live = self._levels[-sign], self._live[-sign]
        while quantity and live:
            best = self._best(-sign)
            if best is None or (price is not None and sign * (price - best) < 0):
                break
            queue = levels[best]
            filled = 0
            while quantity and queue:
                resting = queue[0]
                size = min(resting[0], quantity)
                if size == resting[0]:
                    queue.popleft()
                    if not size:
                        continue  # cancelled
                    del self._orders[resting[4]]
                resting[0] -= size
                quantity -= size
                filled += size
                buyer, seller = (owner, resting[1]) if sign > 0 else (resting[1], owner)
                trades.append(BookTrade(best, size, buyer, seller, resting[4]))
                if once:
                    quantity = 0
            self._shrink(-sign, best, filled)
        if quantity and price is not None:
            self._rest(sign, price, quantity, owner, order_id)
            return Placed(order_id, trades, quantity)
        return Placed(order_id, trades, 0)

    def _rest(self, sign: int, price: int, quantity: int, owner: Any, order_id: int) -> None:
        order = [quantity, owner, sign, price, order_id]
        self._orders[order_id] = order
        live = self._live[sign]
        if price in live:
            live[price] += quantity
            self._levels[sign][price].append(order)
        else:
            live[price] = quantity
            self._levels[sign][price] = deque((order,))
            heappush(self._prices[sign], -sign * price)

    def _shrink(self, sign: int, price: int, quantity: int) -> None:
        live = self._live[sign]
        left = live[price] - quantity
        if left:
            live[price] = left
        else:
            del live[price], self._levels[sign][price]

    def _best(self, sign: int) -> int | None:
        live, prices = self._live[sign], self._prices[sign]
        while prices:
            best = -sign * prices[0]
            if best in live:
                return best
            heappop(prices)
        return None
