"""Buys for its owner, within a mandate. What to buy is said to it: see `coase.Want`."""

from __future__ import annotations

import coase


class Buyer(coase.BuyerAgent):
    """A buyer without wishes of its own; its parameters are the owner's limits and how it bargains."""
