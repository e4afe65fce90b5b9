"""k-double auction: all bids and asks at once, one price for all (Chatterjee and Samuelson 1983; for many parties
Rustichini, Satterthwaite and Williams 1994).

With m buyers the price lies between s(m) and s(m + 1) of all limits in ascending order: p = s(m) + k (s(m+1) - s(m)).
With one buyer and one seller this is k bid + (1 - k) ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pydantic import Field

from coase.negotiation.mechanism import MOST_PARTIES, Clearing, Mechanism, Trade, check_parties, not_over
from coase.negotiation.sealed_bids import Bids, collect, collecting, shuffled

FINEST = 1_000_000  # k is taken to a millionth


class KDoubleAuction(Mechanism):
    """Every party names a limit; units go from the lowest asks to the highest bids, all at one price."""

    k: float = Field(default=0.5, ge=0, le=1, description="1: the highest clearing price, 0: the lowest")
    seed: int = Field(default=0, description="of draws between equal limits")

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Bids:
        """At least one of each; all bid."""
        check_parties(buyers, sellers, (1, MOST_PARTIES), (1, MOST_PARTIES))
        return collecting(buyers, sellers, (*buyers, *sellers))

    def submit(self, state: Bids, party: str, move: Any, *, us: str | None = None) -> Bids:
        """One `Bid` or `Decline` from each party."""
        return collect(state, party, move, us)

    def clear(self, state: Bids) -> Clearing:
        """As many trades as bids meet asks, at the price between; rounded down to a base unit."""
        if not state.ended:
            raise not_over()
        order = [name for name in shuffled((*state.buyers, *state.sellers), self.seed) if name in state.bids]
        buys, sells = set(state.buyers), set(state.sellers)
        bids = sorted((n for n in order if n in buys), key=lambda name: -state.bids[name])
        asks = sorted((n for n in order if n in sells), key=lambda name: state.bids[name])
        pairs = [(b, a) for b, a in zip(bids, asks, strict=False) if state.bids[b] >= state.bids[a]]
        if not pairs:
            return Clearing(reason="no bid meets an ask")
        limits = sorted(state.bids.values())
        low, high = limits[len(bids) - 1], limits[len(bids)]
        share = Fraction(self.k).limit_denominator(FINEST)
        price = low + (high - low) * share.numerator // share.denominator
        return Clearing(tuple(Trade(buyer, seller, price) for buyer, seller in pairs), "cleared")
