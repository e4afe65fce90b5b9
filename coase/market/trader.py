"""The one class that an author of a trading skill writes, and what it sees and says.

Everything is a number: prices are integer ticks, `side` is 1 for a buyer and -1 for a seller (so
`side * (limit - price)` is a gain on either side), and a missing price is -1. Methods that keep to numbers, tuples of
numbers and `math` run compiled as they stand, with the same trades; others run in plain Python, called from the
compiled market unless they listen.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from coase.negotiation.draws import uniform as draw

__all__ = ["BUY", "NONE", "NO_QUOTE", "SELL", "Event", "Quote", "Trader", "View", "draw"]

BUY, SELL = 1, -1
NONE = -1  # instead of a price where there is none
TAPE = 2048  # events that a tape holds; of a full one the newer half stays


class Quote(NamedTuple):
    """A bid or an ask, by the trader's side. A quantity of 0 is no quote."""

    price: int
    quantity: int = 1


NO_QUOTE = Quote(0, 0)


def whole(quote: Any) -> tuple[int, int]:
    """Price and quantity as Python's whole numbers.

    Raises:
        ValueError: it is no quote in whole numbers, with a sentence about its trader.
    """
    if isinstance(quote, Quote) and all(type(value) is int or isinstance(value, np.integer) for value in quote):
        return int(quote.price), int(quote.quantity)
    raise ValueError(f"quoted {str(quote)[:80]}, which is no price and quantity in whole numbers")


def raised(error: Exception) -> str:
    """What is said of a trader that raised."""
    return f"raised {type(error).__name__}: {error}"


class View(NamedTuple):
    """What a trader sees when its turn comes; its own earlier quote has been withdrawn.

    Args:
        time: turns since the run began, this one included; the counter of its draws.
        day: from 0.
        step: turn of the day, from 1.
        steps: turns of a day at most.
        limit: what a unit is worth to it, or costs it, today.
        left: units that it may still trade today.
        best_bid: the highest resting bid.
        best_ask: the lowest resting ask.
        last_price: of the last trade of the run.
        low: the lowest price allowed.
        high: the highest price allowed.
        yesterday_low: the lowest price of yesterday's trades.
        yesterday_high: the highest.
        first: where in the tape the remembered events begin.
        end: where they end.
        tape: remembered events, the oldest first: a row (side of who quoted, price, 1 if it
            traded); the price of a trade where it did.
    """

    time: int
    day: int
    step: int
    steps: int
    limit: int
    left: int
    best_bid: int
    best_ask: int
    last_price: int
    low: int
    high: int
    yesterday_low: int
    yesterday_high: int
    first: int
    end: int
    tape: Any


class Event(NamedTuple):
    """What every trader hears: a quote, whether it traded, or that a day begins.

    Args:
        time: as in `View`.
        side: of who quoted; 0 when a day begins.
        price: quoted.
        traded: 1 if it met a resting order, else 0.
        trade_price: of that trade, or -1.
        mine: 1 if I was the buyer or the seller.
        limit: mine, today.
        left: units that I may still trade today.
        low: the lowest price allowed.
        high: the highest price allowed.
    """

    time: int
    side: int
    price: int
    traded: int
    trade_price: int
    mine: int
    limit: int
    left: int
    low: int
    high: int


class Trader(BaseModel):
    """A trading strategy: frozen parameters and pure functions.

    The fields of the model are its parameters. The market refuses prices outside its range and quantities beyond what
    is left, and counts them; whether a quote keeps to the trader's own limit is the trader's affair.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    content_kind: ClassVar[str] = "skills"  # how coase.loading recognises a skill in a file

    def start(self, side: int, limit: int, key: int) -> Any:
        """My state before the first day: a NamedTuple of numbers, if it is to run compiled.

        Args:
            side: 1 buyer, -1 seller.
            limit: value or cost of a unit, on the first day.
            key: of my draws, 63 bits: ``coase.draw(key, view.time, slot)`` is a number in [0, 1).
        """
        raise NotImplementedError(f"{type(self).__name__} has no method `start`")

    def quote(self, state: Any, view: View) -> tuple[Any, Quote | None]:
        """My next state and my quote; None or `NO_QUOTE` to stay out until my next turn."""
        raise NotImplementedError(f"{type(self).__name__} has no method `quote`")

    def observe(self, state: Any, event: Event) -> Any:
        """My next state, after an event."""
        return state
