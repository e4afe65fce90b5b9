"""Bids that nobody sees before all are in: the transition table shared by every auction of one round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from coase.negotiation.draws import mix
from coase.negotiation.mechanism import Bid, Decline, check_price, closes, not_now


class Phase(StrEnum):
    """Where an auction stands."""

    COLLECTING = "collecting"
    CLOSED = "closed"


class Event(StrEnum):
    """What a move means to the table."""

    BID = "bid"
    LAST_BID = "last bid"
    DECLINE = "decline"
    LAST_DECLINE = "last decline"
    CLOSE = "close"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.COLLECTING, Event.BID): Phase.COLLECTING,
        (Phase.COLLECTING, Event.DECLINE): Phase.COLLECTING,
        (Phase.COLLECTING, Event.LAST_BID): Phase.CLOSED,
        (Phase.COLLECTING, Event.LAST_DECLINE): Phase.CLOSED,
        (Phase.COLLECTING, Event.CLOSE): Phase.CLOSED,
    }
)


class Bids(NamedTuple):
    """The state of an auction of one round.

    Attributes:
        buyers: names.
        sellers: names.
        missing: those who may bid and have not answered, as the keys of a mapping that is never changed.
        bids: the limits named so far, by party.
        phase: whether bids are still taken.
    """

    buyers: tuple[str, ...]
    sellers: tuple[str, ...]
    missing: Mapping[str, None]
    bids: Mapping[str, int]
    phase: Phase = Phase.COLLECTING

    @property
    def waiting(self) -> tuple[str, ...]:
        """Who has not answered."""
        return tuple(self.missing) if self.phase is Phase.COLLECTING else ()

    @property
    def ended(self) -> bool:
        """Whether bidding is over."""
        return self.phase is Phase.CLOSED


def collecting(buyers: Sequence[str], sellers: Sequence[str], bidders: Sequence[str]) -> Bids:
    """The state before the first bid."""
    missing = MappingProxyType(dict.fromkeys(bidders))
    return Bids(tuple(buyers), tuple(sellers), missing, MappingProxyType({}))


def collect(state: Bids, party: str, move: Any, us: str | None) -> Bids:
    """The state after a move: one bid or a refusal from each bidder, or the clock closes.

    Raises:
        ProtocolError: `session_ended`, `out_of_turn`, `not_a_move` or `bad_price`.
    """
    if closes(party, move) and not state.ended:
        return state._replace(phase=TABLE[state.phase, Event.CLOSE])
    if state.ended or party not in state.missing or type(move) not in (Bid, Decline):
        raise not_now(state, party, us, move)
    last = len(state.missing) == 1
    missing = MappingProxyType({name: None for name in state.missing if name != party})
    if type(move) is Bid:
        bids = MappingProxyType({**state.bids, party: check_price(move.price, party, us)})
        phase = TABLE[state.phase, Event.LAST_BID if last else Event.BID]
        return state._replace(missing=missing, bids=bids, phase=phase)
    return state._replace(missing=missing, phase=TABLE[state.phase, Event.LAST_DECLINE if last else Event.DECLINE])


def shuffled(names: Sequence[str], seed: int) -> list[str]:
    """The names in an order drawn from the seed; where each stands does not depend on how they are listed."""
    ordered = sorted(names)
    draws = {name: mix(mix(seed & (2**64 - 1)) + place & (2**64 - 1)) for place, name in enumerate(ordered)}
    return sorted(ordered, key=lambda name: draws[name])
