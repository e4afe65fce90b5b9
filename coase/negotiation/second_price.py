"""Second-price sealed-bid reverse auction (Vickrey 1961): the lowest ask wins and is paid the second lowest.

What a seller is paid does not depend on what it asks, only whether it sells does: to ask one's cost is a dominant
strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from coase.negotiation.mechanism import LARGEST, MOST_PARTIES, Clearing, Mechanism, Trade, check_parties, not_over
from coase.negotiation.sealed_bids import Bids, collect, collecting, shuffled


class SecondPrice(Mechanism):
    """One buyer with a reserve; the lowest ask wins and is paid the second lowest, or the reserve if that is less."""

    reserve: int = Field(ge=0, le=LARGEST, description="the most that the buyer pays; paid when nobody else bids less")
    seed: int = Field(default=0, description="of draws between equal asks")

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Bids:
        """One buyer and at least one seller; the sellers bid."""
        check_parties(buyers, sellers, (1, 1), (1, MOST_PARTIES))
        return collecting(buyers, sellers, sellers)

    def submit(self, state: Bids, party: str, move: Any, *, us: str | None = None) -> Bids:
        """One `Bid` or `Decline` from each seller."""
        return collect(state, party, move, us)

    def clear(self, state: Bids) -> Clearing:
        """The lowest ask within the reserve, at the lowest of the others' asks and the reserve."""
        if not state.ended:
            raise not_over()
        within = [n for n in shuffled(state.sellers, self.seed) if n in state.bids and state.bids[n] <= self.reserve]
        bidders = sorted(within, key=lambda name: state.bids[name])
        if not bidders:
            return Clearing(reason="no ask within the reserve")
        price = state.bids[bidders[1]] if len(bidders) > 1 else self.reserve
        return Clearing((Trade(state.buyers[0], bidders[0], price),), "sold")
