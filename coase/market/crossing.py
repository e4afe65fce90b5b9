"""Where sealed orders cross: the units that trade when the highest bids meet the lowest asks, and who pays what.

Orders are kept by trader, the last one of each, in the order in which they came; of equal prices the earlier is first.
A unit is counted, not listed, so that an order for 2**40 units costs no more than one for a single unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from coase.market.rule import Fill, MarketOrder

Orders = dict[int, MarketOrder]  # trader -> its order


class Terms(NamedTuple):
    """So many units of one trader, at what it pays or gets for each."""

    trader: int
    price: int
    quantity: int


class Crossing(NamedTuple):
    """Bids and asks, the best first, and how many units of them trade.

    Args:
        bids: the highest first.
        asks: the lowest first.
        units: as many as bids meet asks, unit by unit.
    """

    bids: list[MarketOrder]
    asks: list[MarketOrder]
    units: int

    @property
    def low(self) -> int:
        """The lowest price at which just these units trade; they must be one at least."""
        rejected = at(self.bids, self.units)
        accepted = _known(at(self.asks, self.units - 1))
        return accepted if rejected is None else max(accepted, rejected)

    @property
    def high(self) -> int:
        """The highest such price."""
        rejected = at(self.asks, self.units)
        accepted = _known(at(self.bids, self.units - 1))
        return accepted if rejected is None else min(accepted, rejected)


def crossing(orders: Iterable[MarketOrder]) -> Crossing:
    """Sort the orders and count the units that trade."""
    held = list(orders)
    bids = sorted((o for o in held if o.side > 0), key=lambda order: -order.price)
    asks = sorted((o for o in held if o.side < 0), key=lambda order: order.price)
    units = 0
    buying, selling = iter(bids), iter(asks)
    bid, ask = next(buying, None), next(selling, None)
    wanted, offered = bid.quantity if bid else 0, ask.quantity if ask else 0
    while bid and ask and bid.price >= ask.price:
        size = min(wanted, offered)
        units, wanted, offered = units + size, wanted - size, offered - size
        if not wanted:
            bid = next(buying, None)
            wanted = bid.quantity if bid else 0
        if not offered:
            ask = next(selling, None)
            offered = ask.quantity if ask else 0
    return Crossing(bids, asks, units)


def at(side: list[MarketOrder], unit: int) -> int | None:
    """The price of a unit, counted from 0, the best first; None beyond the last."""
    for order in side:
        if unit < order.quantity:
            return order.price
        unit -= order.quantity
    return None


def taken(side: list[MarketOrder], units: int) -> Iterator[MarketOrder]:
    """The orders of the first units, the last of them cut to what is left."""
    for order in side:
        if not units:
            return
        size = min(order.quantity, units)
        units -= size
        yield order._replace(quantity=size)


def at_one_price(found: Crossing, units: int, paid: int, received: int) -> list[Fill]:
    """The best units trade, all at one price for buyers and one for sellers."""
    return paired(
        [Terms(o.trader, paid, o.quantity) for o in taken(found.bids, units)],
        [Terms(o.trader, received, o.quantity) for o in taken(found.asks, units)],
    )


def paired(bought: Iterable[Terms], sold: Iterable[Terms]) -> list[Fill]:
    """Fills of as many units as both sides have, in their order."""
    fills: list[Fill] = []
    buying, selling = iter(bought), iter(sold)
    one, other = next(buying, None), next(selling, None)
    while one and other:
        size = min(one.quantity, other.quantity)
        fills.append(Fill(one.trader, other.trader, one.price, other.price, size))
        one = one._replace(quantity=one.quantity - size) if one.quantity > size else next(buying, None)
        other = other._replace(quantity=other.quantity - size) if other.quantity > size else next(selling, None)
    return fills


def _known(price: int | None) -> int:
    if price is None:
        raise ValueError("no unit trades")
    return price
