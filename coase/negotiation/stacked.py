"""Stacked alternating offers (Aydoğan, Festen, Hindriks and Jonker 2017) for two and more parties.

Parties move in turn, the buyers first; a step is one round in which each moves once. A party takes the offer on the
table or puts another there; an offer that all others have taken, one after the other, is agreed. When one walks, all
have failed. It ends after the last step, or when the `CLOCK` closes it, whichever is first. With two parties it is
`coase.AlternatingOffers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import Field

from coase.errors import TermsError
from coase.negotiation.alternating import LONGEST_REASON
from coase.negotiation.mechanism import (
    Clearing,
    Mechanism,
    Trade,
    breach,
    check_parties,
    closes,
    not_now,
    not_over,
)
from coase.negotiation.moves import Accept, Propose, Walk
from coase.negotiation.problem import LONGEST
from coase.terms.domain import Domain

MOST = 100  # parties at one table


class Phase(StrEnum):
    """Where it stands."""

    OPENING = "opening"  # nothing is on the table
    RESPONDING = "responding"
    AGREED = "agreed"
    WALKED = "walked"
    EXPIRED = "expired"


class Event(StrEnum):
    """What a move means to the table."""

    PROPOSE = "propose"
    ACCEPT = "accept"
    LAST_ACCEPT = "last accept"  # all others have taken it
    LAST_MOVE = "last move"  # of the last step, without agreement
    WALK = "walk"
    CLOSE = "close"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.OPENING, Event.PROPOSE): Phase.RESPONDING,
        (Phase.OPENING, Event.WALK): Phase.WALKED,
        (Phase.OPENING, Event.CLOSE): Phase.EXPIRED,
        (Phase.RESPONDING, Event.PROPOSE): Phase.RESPONDING,
        (Phase.RESPONDING, Event.ACCEPT): Phase.RESPONDING,
        (Phase.RESPONDING, Event.LAST_ACCEPT): Phase.AGREED,
        (Phase.RESPONDING, Event.LAST_MOVE): Phase.EXPIRED,
        (Phase.RESPONDING, Event.WALK): Phase.WALKED,
        (Phase.RESPONDING, Event.CLOSE): Phase.EXPIRED,
    }
)


class Round(NamedTuple):
    """The state of one session.

    Attributes:
        parties: in the order in which they move.
        buyers: how many of them buy.
        moves: made so far.
        step: the round that is on, or in which it ended; from 1.
        offer: the number of the outcome on the table, or None.
        taken: how many have accepted it.
        left: who walked, or empty.
        why: the walk's own reason.
        failed: the walk was a failure rather than a choice.
        phase: where it stands.
    """

    parties: tuple[str, ...]
    buyers: int
    moves: int = 0
    step: int = 1
    offer: int | None = None
    taken: int = 0
    left: str = ""
    why: str = ""
    failed: bool = False
    phase: Phase = Phase.OPENING

    @property
    def waiting(self) -> tuple[str, ...]:
        """Whose turn it is."""
        return () if self.ended else (self.parties[self.moves % len(self.parties)],)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase not in (Phase.OPENING, Phase.RESPONDING)

    @property
    def agreement(self) -> int | None:
        """The number of the outcome agreed on, or None."""
        return self.offer if self.phase is Phase.AGREED else None

    @property
    def reason(self) -> str:
        """``"agreed"``, ``"deadline"``, ``"walked: ..."`` or ``"failed: ..."`` at the end; empty before."""
        if self.phase is Phase.WALKED:
            return f"failed: {self.left}: {self.why}" if self.failed else f"walked: {self.why}"
        return {Phase.AGREED: "agreed", Phase.EXPIRED: "deadline"}.get(self.phase, "")


class StackedOffers(Mechanism):
    """Take the offer or make another; agreed when all have taken it."""

    domain: Domain
    deadline: int = Field(default=100, ge=1, le=LONGEST, description="the last step; drivers may close it by time")

    def init(self, buyers: Sequence[str], sellers: Sequence[str] = ()) -> Round:
        """Two parties or more."""
        check_parties(buyers, sellers, (0, MOST), (max(0, 2 - len(buyers)), MOST))
        return Round((*buyers, *sellers), len(buyers))

    def submit(self, state: Round, party: str, move: Any, *, us: str | None = None) -> Round:
        """`Propose`, `Accept` or `Walk` by the party whose turn it is.

        Raises:
            ProtocolError: `session_ended`, `out_of_turn`, `not_a_move`, `unknown_outcome`, `nothing_to_accept`,
                `reason_too_long`.
        """
        if closes(party, move) and not state.ended:
            return state._replace(phase=TABLE[state.phase, Event.CLOSE])
        if party not in state.waiting:
            raise not_now(state, party, us, move)
        if type(move) is Propose:
            try:
                outcome = self.domain.check(move.outcome)
            except TermsError as error:
                raise breach(party, us, f"proposed {error.message}", "unknown_outcome", "stay in the domain") from error
            return self._moved(state, Event.PROPOSE, outcome, 0)
        if type(move) is Accept:
            if state.offer is None:
                raise breach(party, us, f"{party} accepted, and nothing is on the table", "nothing_to_accept")
            taken = state.taken + 1
            event = Event.LAST_ACCEPT if taken == len(state.parties) - 1 else Event.ACCEPT
            return self._moved(state, event, state.offer, taken)
        if type(move) is Walk:
            if not isinstance(move.reason, str) or len(move.reason) > LONGEST_REASON:
                raise breach(party, us, f"{party}'s reason to walk is too long", "reason_too_long")
            phase = TABLE[state.phase, Event.WALK]
            return state._replace(left=party, why=move.reason, failed=bool(move.failed), phase=phase)
        raise not_now(state, party, us, move)

    def clear(self, state: Round) -> Clearing:
        """The outcome agreed on; between a single buyer and a single seller also the trade, where it has a price."""
        if not state.ended:
            raise not_over()
        agreed, trades = state.agreement, tuple[Trade, ...]()
        if agreed is not None and (state.buyers, len(state.parties)) == (1, 2):
            price = self.domain.outcome(agreed).get("price")
            trades = (Trade(state.parties[0], state.parties[1], price),) if type(price) is int else ()
        return Clearing(trades, state.reason, agreed)

    def _moved(self, state: Round, event: Event, offer: int, taken: int) -> Round:
        moves = state.moves + 1
        phase = TABLE[state.phase, event]
        whole = moves % len(state.parties) == 0
        if whole and state.step >= self.deadline and phase is Phase.RESPONDING:
            phase = TABLE[Phase.RESPONDING, Event.LAST_MOVE]
        step = state.step + (whole and phase is Phase.RESPONDING)
        return state._replace(moves=moves, step=step, offer=offer, taken=taken, phase=phase)
