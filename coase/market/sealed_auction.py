"""What first and second price auctions share: each of one side calls an auction in turn, the other side bids in all.

In a reverse auction buyers call, with their bids as reserves, and the lowest ask wins; in a forward auction sellers
call, and the highest bid wins. Orders are sealed and hold for the whole day. The callers' order is that of arrival,
which is random; with one caller this is the auction of the textbook.
"""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from coase.market.crossing import Orders
from coase.market.rule import Fill
from coase.market.sealed import SealedOrders


class SealedAuction(SealedOrders):
    """Sealed orders, one auction a unit called for; `price` is the one method that an auction writes."""

    reverse: bool = Field(default=True, description="buyers call and sellers bid; False: the other way round")

    def clear(self, state: Orders) -> tuple[Orders, list[Fill]]:
        """One auction after the other."""
        calls = 1 if self.reverse else -1
        callers = [o for o in state.values() if o.side == calls]
        bids = sorted((o for o in state.values() if o.side != calls), key=lambda o: calls * o.price)
        fills: list[Fill] = []
        best = 0  # bids before this one are used up
        for caller in callers:
            wanted = caller.quantity
            while wanted and best < len(bids) and calls * (caller.price - bids[best].price) >= 0:
                winner = bids[best]
                size = min(wanted, winner.quantity)
                rival = bids[best + 1].price if best + 1 < len(bids) else caller.price
                price = self.price(winner.price, rival if calls * (caller.price - rival) >= 0 else caller.price)
                buyer, seller = (caller, winner) if self.reverse else (winner, caller)
                fills.append(Fill(buyer.trader, seller.trader, price, price, size))
                wanted -= size
                bids[best] = winner._replace(quantity=winner.quantity - size)
                best += not bids[best].quantity
        return {}, fills

    @abstractmethod
    def price(self, own: int, rival: int) -> int:
        """What a unit costs, from the winner's own bid and the next one, or the reserve if that is stricter."""
