"""A trader that learned in `coase.MarketEnvironment`: a small network asks for a share of the range of prices.

`train.py` beside this file wrote the weights and `SHA256`; whatever the network asks for, the quote stays within the
limit (`coase.market.observation.shaded`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import coase
from coase.market.observation import features, shaded
from coase.market.policy import load, shade

SHA256 = "0eff7c59d2e2668821485b0227bc408e18daaac7ab3bc6fb364ad83a04b83daf"
FIRST, SECOND, LAST = load(Path(__file__).parent, SHA256)


class State(NamedTuple):
    """Nothing is remembered but my side; what is to be known is on the tape."""

    side: int


class LearnedTrader(coase.Trader):
    """Ask for what training showed to pay."""

    def start(self, side: int, limit: int, key: int) -> State:
        """My side."""
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """The policy's shade of my limit."""
        asked = shade(features(state.side, view), FIRST, SECOND, LAST)
        return state, shaded(state.side, view, asked)
