"""Alternating offers (Rubinstein 1982; the two-party form of SAOP, Aydoğan et al. 2017) as a pure transition table.

A step is one round: each party moves once, the buyer first. Steps count from 1. The session ends when a party accepts
what is on the table, when one walks, or after the seller's move of the last step. The table alone decides this: a
party that goes on talking afterwards breaks the protocol. Live parties and `negotiate` run exactly this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from coase.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, TermsError
from coase.negotiation.moves import LONGEST_TEXT, PARTIES, Accept, Move, Party, Propose, Walk
from coase.negotiation.problem import check_deadline
from coase.negotiation.utility import Integers
from coase.terms.domain import Domain

LONGEST_REASON = 500  # characters of a reason to walk


class Phase(StrEnum):
    """Where a session stands."""

    BUYER_OPENS = "buyer opens"
    SELLER_RESPONDS = "seller responds"
    BUYER_RESPONDS = "buyer responds"
    AGREED = "agreed"
    WALKED = "walked"
    EXPIRED = "expired"


class Event(StrEnum):
    """What a move means to the table."""

    PROPOSE = "propose"
    LAST_PROPOSE = "last propose"  # by the seller, in the last step: nobody is left to answer
    ACCEPT = "accept"
    WALK = "walk"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.BUYER_OPENS, Event.PROPOSE): Phase.SELLER_RESPONDS,
        (Phase.BUYER_OPENS, Event.WALK): Phase.WALKED,
        (Phase.SELLER_RESPONDS, Event.PROPOSE): Phase.BUYER_RESPONDS,
        (Phase.SELLER_RESPONDS, Event.LAST_PROPOSE): Phase.EXPIRED,
        (Phase.SELLER_RESPONDS, Event.ACCEPT): Phase.AGREED,
        (Phase.SELLER_RESPONDS, Event.WALK): Phase.WALKED,
        (Phase.BUYER_RESPONDS, Event.PROPOSE): Phase.SELLER_RESPONDS,
        (Phase.BUYER_RESPONDS, Event.ACCEPT): Phase.AGREED,
        (Phase.BUYER_RESPONDS, Event.WALK): Phase.WALKED,
    }
)

TURN: Mapping[Phase, Party] = MappingProxyType(
    {Phase.BUYER_OPENS: "buyer", Phase.SELLER_RESPONDS: "seller", Phase.BUYER_RESPONDS: "buyer"}
)


class Session(NamedTuple):
    """The state of one session.

    Attributes:
        phase: where it stands.
        step: the round that is on, or in which it ended; from 1.
        offer: the number of the outcome on the table, or None.
        left: who walked, if anyone did.
        why: the walk's own reason.
        failed: the walk was a failure rather than a choice.
    """

    phase: Phase = Phase.BUYER_OPENS
    step: int = 1
    offer: int | None = None
    left: Party | None = None
    why: str = ""
    failed: bool = False

    @classmethod
    def of_offers(cls, offers: Sequence[int] | Integers, closing: Accept | Walk | None, deadline: int) -> Session:
        """The end of a session: by its proposals in turn, the buyer's first, and what ended it (None: the deadline).
        It is what the table comes to; the caller vouches that they are allowed moves.
        """
        made = len(offers)
        offer = int(offers[-1]) if made else None
        if type(closing) is Accept:
            return cls(Phase.AGREED, 1 + made // 2, offer)
        if type(closing) is Walk:
            return cls(Phase.WALKED, 1 + made // 2, offer, PARTIES[made % 2], closing.reason, closing.failed)
        return cls(Phase.EXPIRED, deadline, offer)

    @property
    def turn(self) -> Party | None:
        """Who moves next; None at the end."""
        return TURN.get(self.phase)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase not in TURN

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


class AlternatingOffers:
    """The rules of one session.

    Args:
        domain: what is bargained over.
        deadline: the last step, 1 to a million.
    """

    __slots__ = ("deadline", "domain")

    def __init__(self, domain: Domain, deadline: int = 100) -> None:
        self.domain = domain
        self.deadline = check_deadline(deadline)

    def start(self) -> Session:
        """The session before the first move."""
        return Session()

    def apply(self, state: Session, party: Party | None, move: Move, *, us: Party | None = None) -> Session:
        """The session after a move.

        Args:
            state: the session before it.
            party: who moves.
            move: what it does; an `Ask` is for the driver, and not allowed here.
            us: the party on whose side this runs; its mistakes are our bugs, the other's are breaches.

        Raises:
            LocalProtocolError: the move is not allowed, and `us` made it (or `us` is None).
            RemoteProtocolError: the move is not allowed, and the counterparty made it. The codes of both:
                `session_ended`, `past_deadline`, `out_of_turn`, `nothing_to_accept`, `unknown_outcome`,
                `reason_too_long`, `text_too_long`, `not_a_move`.
        """
        kind = LocalProtocolError if us is None or us == party else RemoteProtocolError
        phase = state.phase
        if phase not in TURN:
            raise _over(kind, state, party)
        if party != TURN[phase]:
            raise kind(f"the {party} moved in the {TURN[phase]}'s turn", hint="wait for an answer", code="out_of_turn")
        if type(move) is Propose:
            event = Event.PROPOSE
            if phase is Phase.SELLER_RESPONDS and state.step >= self.deadline:
                event = Event.LAST_PROPOSE
            return self._proposed(state, TABLE[phase, event], move, kind)
        if type(move) is Accept:
            if (phase, Event.ACCEPT) not in TABLE:
                raise kind(f"the {party} accepted, and nothing is on the table", code="nothing_to_accept")
            return state._replace(phase=TABLE[phase, Event.ACCEPT])
        if type(move) is Walk:
            if not isinstance(move.reason, str) or len(move.reason) > LONGEST_REASON:
                raise kind(f"the {party}'s reason to walk is not {LONGEST_REASON} characters", code="reason_too_long")
            left = TURN[phase]
            return Session(TABLE[phase, Event.WALK], state.step, state.offer, left, move.reason, bool(move.failed))
        raise kind(f"the {party} made a move of type {type(move).__name__}", code="not_a_move")

    def _proposed(self, state: Session, after: Phase, move: Propose, kind: type[ProtocolError]) -> Session:
        outcome = move.outcome
        if move.text and (not isinstance(move.text, str) or len(move.text) > LONGEST_TEXT):
            raise kind(f"what was said beside an offer is not {LONGEST_TEXT} characters", code="text_too_long")
        if type(outcome) is not int or not 0 <= outcome < self.domain.size or self.domain.excluded:
            try:
                outcome = self.domain.check(outcome)
            except TermsError as error:
                raise kind(f"proposed {error.message}", hint="stay in the domain", code="unknown_outcome") from error
        return Session(after, state.step + (after is Phase.BUYER_RESPONDS), outcome)


def _over(kind: type[ProtocolError], state: Session, party: Party | None) -> ProtocolError:
    if state.phase is Phase.EXPIRED:
        return kind(f"the {party} moved after the deadline, step {state.step}", code="past_deadline")
    return kind(f"the {party} moved after the end ({state.reason})", code="session_ended")
