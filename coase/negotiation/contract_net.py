"""Contract net (Smith 1980; FIPA 00029): the buyer announces, sellers bid, the buyer awards, the winner confirms.

Bids are seen as they come, so being fast may pay; `sealed_window` is the cure.
"""

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
    Award,
    Bid,
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
class Announce:
    """The buyer's call for bids.

    Args:
        limit: the most that it pays.
    """

    limit: int


class Phase(StrEnum):
    """Where it stands."""

    ANNOUNCING = "announcing"
    BIDDING = "bidding"
    AWARDING = "awarding"
    CONFIRMING = "confirming"
    DONE = "done"
    FAILED = "failed"


class Event(StrEnum):
    """What a move means to the table."""

    ANNOUNCE = "announce"
    ANSWER = "answer"
    LAST_ANSWER = "last answer"
    NO_BIDS = "no bids"
    AWARD = "award"
    CONFIRM = "confirm"
    BACK_OUT = "back out"
    GIVE_UP = "give up"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.ANNOUNCING, Event.ANNOUNCE): Phase.BIDDING,
        (Phase.ANNOUNCING, Event.GIVE_UP): Phase.FAILED,
        (Phase.BIDDING, Event.ANSWER): Phase.BIDDING,
        (Phase.BIDDING, Event.LAST_ANSWER): Phase.AWARDING,
        (Phase.BIDDING, Event.NO_BIDS): Phase.FAILED,
        (Phase.AWARDING, Event.AWARD): Phase.CONFIRMING,
        (Phase.AWARDING, Event.GIVE_UP): Phase.FAILED,
        (Phase.CONFIRMING, Event.CONFIRM): Phase.DONE,
        (Phase.CONFIRMING, Event.BACK_OUT): Phase.AWARDING,  # to another bidder
        (Phase.CONFIRMING, Event.NO_BIDS): Phase.FAILED,
    }
)


class Call(NamedTuple):
    """The state of one call for bids.

    Attributes:
        buyer: who announces.
        missing: sellers that have not answered.
        limit: the most that the buyer pays; -1 before it said so.
        bids: (seller, price) in the order in which they came.
        chosen: the seller awarded, or empty.
        phase: where it stands.
    """

    buyer: str
    missing: tuple[str, ...]
    limit: int = -1
    bids: tuple[tuple[str, int], ...] = ()
    chosen: str = ""
    phase: Phase = Phase.ANNOUNCING

    @property
    def waiting(self) -> tuple[str, ...]:
        """Who may move."""
        if self.phase is Phase.BIDDING:
            return self.missing
        if self.phase is Phase.CONFIRMING:
            return (self.chosen,)
        return () if self.ended else (self.buyer,)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase in (Phase.DONE, Phase.FAILED)


class ContractNet(Mechanism):
    """Announce, bid, award, confirm. A winner that backs out is out, and the buyer may award to another."""

    highest: int = Field(default=LARGEST, ge=0, le=LARGEST, description="no announced limit may be higher")

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Call:
        """One buyer and at least one seller."""
        check_parties(buyers, sellers, (1, 1), (1, MOST_PARTIES))
        return Call(buyers[0], tuple(sellers))

    def submit(self, state: Call, party: str, move: Any, *, us: str | None = None) -> Call:
        """`Announce`, then `Bid` or `Decline`, then `Award` or `Decline`, then `Accept` or `Decline`.

        Raises:
            ProtocolError: `session_ended`, `out_of_turn`, `not_a_move`, `bad_price`, `above_limit`, `no_such_bid`.
        """
        if closes(party, move) and not state.ended:
            return self._closed(state)
        if party not in state.waiting:
            raise not_now(state, party, us, move)
        kind = type(move)
        if state.phase is Phase.ANNOUNCING and kind is Announce:
            limit = check_price(move.limit, party, us)
            if limit > self.highest:
                raise breach(party, us, f"a limit above {self.highest}", "above_limit")
            return state._replace(limit=limit, phase=TABLE[state.phase, Event.ANNOUNCE])
        if state.phase is Phase.BIDDING and kind in (Bid, Decline):
            return self._answered(state, party, move, us)
        if state.phase is Phase.AWARDING and kind is Award:
            if move.to not in dict(state.bids):
                raise breach(party, us, "an award to a party without a bid", "no_such_bid")
            return state._replace(chosen=move.to, phase=TABLE[state.phase, Event.AWARD])
        if state.phase is Phase.CONFIRMING and kind is Accept:
            return state._replace(phase=TABLE[state.phase, Event.CONFIRM])
        if state.phase is Phase.CONFIRMING and kind is Decline:
            return self._backed_out(state)
        if state.phase in (Phase.ANNOUNCING, Phase.AWARDING) and kind is Decline:
            return state._replace(phase=TABLE[state.phase, Event.GIVE_UP])
        raise not_now(state, party, us, move)

    def clear(self, state: Call) -> Clearing:
        """The confirmed award, at the price that was bid."""
        if not state.ended:
            raise not_over()
        if state.phase is Phase.FAILED:
            return Clearing(reason="nobody was awarded" if state.limit >= 0 else "nothing was announced")
        return Clearing((Trade(state.buyer, state.chosen, dict(state.bids)[state.chosen]),), "awarded")

    def _answered(self, state: Call, party: str, move: Any, us: str | None) -> Call:
        bids = state.bids
        if type(move) is Bid:
            if check_price(move.price, party, us) > state.limit:
                raise breach(party, us, f"{party[:40]} bid above the limit", "above_limit", "decline instead")
            bids = (*bids, (party, move.price))
        missing = tuple(name for name in state.missing if name != party)
        event = Event.ANSWER if missing else Event.LAST_ANSWER if bids else Event.NO_BIDS
        return state._replace(missing=missing, bids=bids, phase=TABLE[state.phase, event])

    def _backed_out(self, state: Call) -> Call:
        bids = tuple(bid for bid in state.bids if bid[0] != state.chosen)
        return state._replace(bids=bids, chosen="", phase=TABLE[state.phase, Event.BACK_OUT if bids else Event.NO_BIDS])

    def _closed(self, state: Call) -> Call:
        """Time is up: bidding ends with what is in, a silent winner is out, a silent buyer gives up."""
        if state.phase is Phase.BIDDING:
            event = Event.LAST_ANSWER if state.bids else Event.NO_BIDS
            return state._replace(missing=(), phase=TABLE[state.phase, event])
        if state.phase is Phase.CONFIRMING:
            return self._backed_out(state)
        return state._replace(phase=TABLE[state.phase, Event.GIVE_UP])
