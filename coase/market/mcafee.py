"""McAfee's double auction (1992): truthful for single units, never a loss for the auctioneer, at most one trade lost.

With k units whose bids meet asks, let p = (b(k+1) + s(k+1)) / 2 of the best units that do not trade. Where s(k) <= p <=
b(k), all k trade at p. Otherwise k - 1 trade, buyers pay b(k) and sellers get s(k), and the auctioneer keeps the
difference. Where there is no next pair, the last trade is lost. p is rounded down to a tick; it does not depend on
those who trade, so truthfulness stays. With several units a trader, an order can set the price of its own first units:
truthful no longer.
"""

from __future__ import annotations

from coase.market.crossing import Crossing, at, at_one_price
from coase.market.rule import Fill
from coase.market.sealed import Sealed


class McAfee(Sealed):
    """Trade all units at the next pair's price, or all but one at the last pair's limits."""

    def settle(self, found: Crossing) -> list[Fill]:
        """Of the marginal pair and the next one."""
        k = found.units
        bid, ask = at(found.bids, k - 1), at(found.asks, k - 1)
        next_bid, next_ask = at(found.bids, k), at(found.asks, k)
        assert bid is not None
        assert ask is not None
        if next_bid is not None and next_ask is not None:
            price = (next_bid + next_ask) // 2
            if ask <= price <= bid:
                return at_one_price(found, k, price, price)
        return at_one_price(found, k - 1, bid, ask)
