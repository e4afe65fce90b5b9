"""k-double auction: sealed bids and asks, one price (Chatterjee and Samuelson 1983; Rustichini, Satterthwaite and
Williams 1994).

With m units bid for, the price lies between s(m) and s(m + 1) of all limits in ascending order: s(m) + k (s(m+1) -
s(m)); with one buyer and one seller k bid + (1 - k) ask. It is rounded down to a tick.
"""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from coase.market.crossing import Crossing, at_one_price
from coase.market.rule import Fill
from coase.market.sealed import Sealed

FINEST = 1_000_000  # k is taken to a millionth


class KDoubleAuction(Sealed):
    """All units whose bids meet asks trade at one price between the marginal limits."""

    k: float = Field(default=0.5, ge=0, le=1, description="1: the highest clearing price, 0: the lowest")

    def settle(self, found: Crossing) -> list[Fill]:
        """At the price between."""
        share = Fraction(self.k).limit_denominator(FINEST)
        price = found.low + (found.high - found.low) * share.numerator // share.denominator
        return at_one_price(found, found.units, price, price)
