"""Posted price: the seller names a price and a number of units; buyers take one each, as they come, or leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import Field

from coase.negotiation.mechanism import (
    LARGEST,
    MOST_PARTIES,
    Clearing,
    Decline,
    Mechanism,
    Trade,
    breach,
    check_parties,
    check_price,
    closes,
    not_now,
    not_over,
)
from coase.negotiation.moves import Accept


@dataclass(frozen=True, slots=True)
class Post:
    """The seller's price for each of so many units."""

    price: int
    units: int = 1


class Phase(StrEnum):
    """Where it stands."""

    POSTING = "posting"
    SELLING = "selling"
    CLOSED = "closed"


class Event(StrEnum):
    """What a move means to the table."""

    POST = "post"
    ANSWER = "answer"
    LAST_ANSWER = "last answer"
    SOLD_OUT = "sold out"
    CLOSE = "close"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.POSTING, Event.POST): Phase.SELLING,
        (Phase.POSTING, Event.CLOSE): Phase.CLOSED,
        (Phase.SELLING, Event.ANSWER): Phase.SELLING,
        (Phase.SELLING, Event.LAST_ANSWER): Phase.CLOSED,
        (Phase.SELLING, Event.SOLD_OUT): Phase.CLOSED,
        (Phase.SELLING, Event.CLOSE): Phase.CLOSED,
    }
)


class Shop(NamedTuple):
    """The state of one offer.

    Attributes:
        seller: who posts.
        missing: buyers that have not answered.
        price: of a unit; -1 before it is posted.
        left: units not sold.
        takers: buyers that took one, in order.
        phase: where it stands.
    """

    seller: str
    missing: tuple[str, ...]
    price: int = -1
    left: int = 0
    takers: tuple[str, ...] = ()
    phase: Phase = Phase.POSTING

    @property
    def waiting(self) -> tuple[str, ...]:
        """Who may move."""
        return () if self.ended else (self.seller,) if self.phase is Phase.POSTING else self.missing

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase is Phase.CLOSED


class PostedPrice(Mechanism):
    """Take it or leave it. With values from U[0, 1] on both sides, a price of 1/2 realises 75% of the possible gain."""

    price: int | None = Field(
        default=None, ge=0, le=LARGEST, description="set by the rule; the seller then posts it or declines"
    )

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Shop:
        """One seller and at least one buyer."""
        check_parties(buyers, sellers, (1, MOST_PARTIES), (1, 1))
        return Shop(sellers[0], tuple(buyers))

    def submit(self, state: Shop, party: str, move: Any, *, us: str | None = None) -> Shop:
        """The seller's `Post` or `Decline`, then `Accept` or `Decline` from each buyer.

        Raises:
            ProtocolError: `session_ended`, `out_of_turn`, `not_a_move`, `bad_price`, `bad_units`, `wrong_price`.
        """
        if closes(party, move) and not state.ended:
            return state._replace(phase=TABLE[state.phase, Event.CLOSE])
        if party not in state.waiting:
            raise not_now(state, party, us, move)
        if state.phase is Phase.POSTING:
            return self._posted(state, party, move, us)
        if type(move) not in (Accept, Decline):
            raise not_now(state, party, us, move)
        missing = tuple(name for name in state.missing if name != party)
        takers, left = (*state.takers, party) if type(move) is Accept else state.takers, state.left
        left -= type(move) is Accept
        event = Event.SOLD_OUT if not left else Event.ANSWER if missing else Event.LAST_ANSWER
        return state._replace(missing=missing, takers=takers, left=left, phase=TABLE[state.phase, event])

    def clear(self, state: Shop) -> Clearing:
        """A trade for each taker, at the posted price."""
        if not state.ended:
            raise not_over()
        trades = tuple(Trade(buyer, state.seller, state.price) for buyer in state.takers)
        return Clearing(trades, "sold" if trades else "nobody took it" if state.price >= 0 else "nothing was posted")

    def _posted(self, state: Shop, party: str, move: Any, us: str | None) -> Shop:
        if type(move) is Decline:
            return state._replace(phase=TABLE[state.phase, Event.CLOSE])
        if type(move) is not Post:
            raise not_now(state, party, us, move)
        price = check_price(move.price, party, us)
        if self.price is not None and price != self.price:
            raise breach(party, us, f"the price is set to {self.price}", "wrong_price")
        if type(move.units) is not int or not 1 <= move.units <= LARGEST:
            raise breach(party, us, "a number of units that is none", "bad_units", "1 or more")
        return state._replace(price=price, left=move.units, phase=TABLE[state.phase, Event.POST])
