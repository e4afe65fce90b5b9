"""Bargaining by messages: both parties run the same transition table, each with its own skill.

The table is the mechanism's (`coase.negotiation.alternating`), so a live session, a tournament and a simulation end in
the same way. A move that the table does not allow is the counterparty's fault, and ends the talk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from coase.agent.message import Message
from coase.agent.messages import AcceptOffer, Propose, Refuse, WalkAway
from coase.errors import RemoteProtocolError, TermsError
from coase.negotiation.alternating import AlternatingOffers, Session
from coase.negotiation.moves import Accept, Action, Party, Walk
from coase.negotiation.moves import Propose as Offer
from coase.negotiation.player import Player
from coase.negotiation.trace import Trace, Turn

ANSWERS = (Propose, AcceptOffer, WalkAway, Refuse)
MAX_REASON = 300
MAX_STALE = 64  # moves of earlier steps: a transport may deliver twice, but nobody may talk forever


@dataclass(frozen=True)
class Outcome:
    """How bargaining ended: the outcome agreed on or None, the step, the reason, and every move."""

    agreement: dict[str, Any] | None
    step: int
    reason: str
    trace: Trace


class Bargain:
    """One party's side of a live session.

    Args:
        deal: the deal's name, for messages.
        role: our side.
        rules: the transition table and its deadline.
        player: our skill at the table.
        send: sends a message to the counterparty.
        receive: the counterparty's next message.
    """

    def __init__(
        self,
        deal: str,
        role: Party,
        rules: AlternatingOffers,
        player: Player,
        send: Callable[[Message], Awaitable[object]],
        receive: Callable[[], Awaitable[Message]],
    ) -> None:
        self.deal, self.rules, self.player = deal, rules, player
        self.role: Party = role
        self._send, self._receive = send, receive
        self._stale = 0
        self._heard = ""

    async def run(self) -> Outcome:
        """Bargain until the mechanism ends it.

        Raises:
            RemoteProtocolError: the counterparty made a move that the table does not allow, or refused to go on.
            TimeoutError: it fell silent.
        """
        session, turns = self.rules.start(), []
        while (party := session.turn) is not None:
            move = await self._ours(session) if party == self.role else await self._theirs(session, party)
            turns.append(Turn(session.step, party, move, self.player.answers if party == self.role else ()))
            session = self.rules.apply(session, party, move, us=self.role)
        agreement = None if session.agreement is None else self.rules.domain.outcome(session.agreement)
        trace = Trace(self.rules.domain, self.rules.deadline, tuple(turns))
        return Outcome(agreement, session.step, session.reason or "", trace)

    async def _ours(self, session: Session) -> Action:
        move = await self.player.amove(session.offer, heard=self._heard)
        if isinstance(move, Offer):
            outcome = self.rules.domain.outcome(move.outcome)
            await self._send(Propose(deal=self.deal, step=session.step, outcome=outcome, text=move.text))
        elif isinstance(move, Accept):
            await self._send(AcceptOffer(deal=self.deal, step=session.step))
        else:
            await self._send(WalkAway(deal=self.deal, code="walked", reason=move.reason[:MAX_REASON]))
        return move

    async def _theirs(self, session: Session, party: Party) -> Action:
        message = await self._receive()
        while isinstance(message, (Propose, AcceptOffer)) and message.step < session.step and self._stale < MAX_STALE:
            self._stale += 1
            message = await self._receive()
        if isinstance(message, Refuse):
            raise RemoteProtocolError(message.reason or message.code, code=message.code)
        if isinstance(message, WalkAway):
            return Walk(message.reason or message.code)
        if not isinstance(message, (Propose, AcceptOffer)) or message.step != session.step:
            raise RemoteProtocolError(f"not a move for step {session.step}", code="wrong_step")
        if isinstance(message, AcceptOffer):
            move: Action = Accept()
        else:
            try:
                move = Offer(self.rules.domain.number(message.outcome), message.text)
            except TermsError as error:
                raise RemoteProtocolError(error.message, code="unknown_outcome") from error
            self._heard = message.text
        return move
