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

SHA256 = "8123b03e066f30b9c69814e5c35ff7b2bce984826eb7ddba15fa4f9204b948cb"
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
