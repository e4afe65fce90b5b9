"""First-price sealed auction: the best bid wins and is paid, or pays, what it said (Vickrey 1961).

Bidders gain by shading: with n costs from U[0, 1] and a buyer who pays up to 1, the equilibrium asks c + (1 - c) / n.
"""

from __future__ import annotations

from coase.market.sealed_auction import SealedAuction


class FirstPrice(SealedAuction):
    """The winner's own price."""

    def price(self, own: int, rival: int) -> int:
        """As bid."""
        return own
