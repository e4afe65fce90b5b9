"""Vickrey-Clarke-Groves double auction: everybody pays what its presence costs the others.

The efficient units trade. Without a buyer of q of the K units, each of them would have gone to the next bid or have
been left with a seller: it pays max(r(j), s(K - q + j)) for j = 1..q, where r are the best bids of others that do not
trade and s the accepted asks. Sellers mirror this. Truth is a dominant strategy, with many units of one value as well;
the auctioneer pays the difference, so its revenue is zero at best (Myerson and Satterthwaite 1983).
"""

from __future__ import annotations

from collections.abc import Iterator

from coase.market.crossing import Crossing, Terms, paired, taken
from coase.market.rule import Fill, MarketOrder
from coase.market.sealed import Sealed


class Vcg(Sealed):
    """Efficient and truthful, at the auctioneer's expense."""

    def settle(self, found: Crossing) -> list[Fill]:
        """Each unit at what it costs the others."""
        return paired(_terms(found.bids, found.asks, found.units), _terms(found.asks, found.bids, found.units))


def _terms(mine: list[MarketOrder], theirs: list[MarketOrder], units: int) -> Iterator[Terms]:
    """What the traders of a side that trade pay (or get) for each of their units."""
    accepted = list(taken(theirs, units))
    rejected = list(_beyond(mine, units))
    sign = mine[0].side
    for order in taken(mine, units):
        others = (o for o in rejected if o.trader != order.trader)
        for next_best, displaced, size in _together(others, _last(accepted, order.quantity)):
            worst = displaced if next_best is None else max(sign * next_best, sign * displaced) * sign
            yield Terms(order.trader, worst, size)


def _beyond(side: list[MarketOrder], units: int) -> Iterator[MarketOrder]:
    """What is left of a side after its first units."""
    for order in side:
        gone = min(order.quantity, units)
        units -= gone
        if order.quantity > gone:
            yield order._replace(quantity=order.quantity - gone)


def _last(side: list[MarketOrder], units: int) -> list[MarketOrder]:
    """The last units of a side, in its order."""
    return list(taken(side[::-1], units))[::-1]


def _together(first: Iterator[MarketOrder], second: list[MarketOrder]) -> Iterator[tuple[int | None, int, int]]:
    """Runs of units with one price on each side: the first side may end early (None), the second has all."""
    one = next(first, None)
    for order in second:
        wanted = order.quantity
        while wanted:
            size = wanted if one is None else min(wanted, one.quantity)
            yield None if one is None else one.price, order.price, size
            wanted -= size
            if one is not None:
                one = one._replace(quantity=one.quantity - size) if one.quantity > size else next(first, None)
