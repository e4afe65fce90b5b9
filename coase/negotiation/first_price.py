"""First-price sealed-bid reverse auction: the seller that asks least sells, at what it asked (Vickrey 1961)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from coase.negotiation.mechanism import LARGEST, MOST_PARTIES, Clearing, Mechanism, Trade, check_parties, not_over
from coase.negotiation.sealed_bids import Bids, collect, collecting, shuffled


class FirstPrice(Mechanism):
    """One buyer; the lowest ask wins and is paid as asked. Equals win by a draw.

    Sellers gain by asking more than their cost: with n costs drawn from U[0, 1], the equilibrium asks
    c + (1 - c) / n.
    """

    reserve: int = Field(default=LARGEST, ge=0, le=LARGEST, description="the most that the buyer pays")
    seed: int = Field(default=0, description="of draws between equal asks")

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Bids:
        """One buyer and at least one seller; the sellers bid."""
        check_parties(buyers, sellers, (1, 1), (1, MOST_PARTIES))
        return collecting(buyers, sellers, sellers)

    def submit(self, state: Bids, party: str, move: Any, *, us: str | None = None) -> Bids:
        """One `Bid` or `Decline` from each seller."""
        return collect(state, party, move, us)

    def clear(self, state: Bids) -> Clearing:
        """The lowest ask within the reserve."""
        if not state.ended:
            raise not_over()
        asks = [(state.bids[name], name) for name in shuffled(state.sellers, self.seed) if name in state.bids]
        price, winner = min(asks, key=lambda ask: ask[0], default=(LARGEST + 1, ""))
        if price > self.reserve:
            return Clearing(reason="no ask within the reserve")
        return Clearing((Trade(state.buyers[0], winner, price),), "sold")
