"""Posted offer: sellers post prices, buyers come in random order and take the cheapest or leave it (Plott and Smith
1978); or one price for all, set by the rule.

With values from U[0, 1] on both sides, one buyer and one seller, a set price of 1/2 realises 75% of what could be
gained.
"""

from __future__ import annotations

from pydantic import Field

from coase.market.crossing import Orders
from coase.market.rule import Fill
from coase.market.sealed import SealedOrders


class PostedOffer(SealedOrders):
    """Buyers take the cheapest offer within their limit, in the order of their arrival.

    With a set `price`, those sell whose asks it meets, and those buy whose bids meet it, first come first served.
    """

    price: int | None = Field(
        default=None, ge=0, lt=2**40, description="of every trade; None: each seller posts its own"
    )

    def clear(self, state: Orders) -> tuple[Orders, list[Fill]]:
        """Serve one buyer after the other."""
        offers = [o for o in state.values() if o.side < 0]
        if self.price is None:
            offers.sort(key=lambda offer: offer.price)
        else:
            offers = [o._replace(price=self.price) for o in offers if o.price <= self.price]
        fills: list[Fill] = []
        first = 0  # offers before this one are sold
        for buyer in (o for o in state.values() if o.side > 0):
            wanted = buyer.quantity
            while wanted and first < len(offers) and offers[first].price <= buyer.price:
                offer = offers[first]
                size = min(wanted, offer.quantity)
                fills.append(Fill(buyer.trader, offer.trader, offer.price, offer.price, size))
                wanted -= size
                offers[first] = offer._replace(quantity=offer.quantity - size)
                first += not offers[first].quantity
        return {}, fills
