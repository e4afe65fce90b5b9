"""Second-price sealed auction: the best bid wins, at the price of the next (Vickrey 1961).

What the winner is paid does not depend on what it said: for bidders with one unit, in an auction of one caller, truth
is a dominant strategy. Where several call in turn, a bidder may gain by waiting for a later auction, and it is not.
"""

from __future__ import annotations

from coase.market.sealed_auction import SealedAuction


class SecondPrice(SealedAuction):
    """The next bid's price, or the caller's reserve."""

    def price(self, own: int, rival: int) -> int:
        """As the next one bid."""
        return rival
