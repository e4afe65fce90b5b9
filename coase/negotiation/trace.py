"""Every move of a session, as data: it can be stored, sent, and played again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from coase.errors import TermsError
from coase.negotiation.alternating import AlternatingOffers, Session
from coase.negotiation.moves import PARTIES, Accept, Action, Party, Propose, Walk
from coase.negotiation.utility import Integers
from coase.terms.domain import Domain


class Turn(NamedTuple):
    """One move.

    Args:
        step: the round, from 1.
        party: who moved.
        move: what it did.
        answers: what the driver answered to the skill's questions before the move, in order (JSON values).
    """

    step: int
    party: Party
    move: Action
    answers: tuple[Any, ...] = ()

    def to_json(self, domain: Domain) -> dict[str, Any]:
        """The turn as JSON, with an outcome written as {issue: value}."""
        row: dict[str, Any] = {"step": self.step, "party": self.party}
        if isinstance(self.move, Propose):
            row |= {"move": "propose", "outcome": domain.outcome(self.move.outcome)}
            row |= {"text": self.move.text} if self.move.text else {}
        elif isinstance(self.move, Accept):
            row |= {"move": "accept"}
        else:
            row |= {"move": "walk", "reason": self.move.reason, "failed": self.move.failed}
        return row | ({"answers": list(self.answers)} if self.answers else {})


class Trace:
    """A session's rules and its moves in order. It is a sequence of `Turn`, and never changes.

    Args:
        domain: what was bargained over.
        deadline: the last step.
        turns: the moves.
    """

    __slots__ = ("_closing", "_offers", "_turns", "deadline", "domain")

    def __init__(self, domain: Domain, deadline: int, turns: Sequence[Turn] = ()) -> None:
        self.domain, self.deadline = domain, deadline
        self._turns: tuple[Turn, ...] | None = tuple(turns)
        self._offers: Sequence[int] | Integers = ()
        self._closing: Accept | Walk | None = None

    @classmethod
    def of_offers(
        cls, domain: Domain, deadline: int, offers: Sequence[int] | Integers, closing: Accept | Walk | None
    ) -> Trace:
        """A session that is over, by its proposals in turn and what ended it (None: the deadline). Turns are made of
        them when someone looks.
        """
        trace = cls.__new__(cls)
        trace.domain, trace.deadline = domain, deadline
        trace._turns, trace._offers, trace._closing = None, offers, closing
        return trace

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The moves."""
        if self._turns is None:
            moves: list[Action] = [Propose(int(offer)) for offer in self._offers]
            if self._closing is not None:
                moves.append(self._closing)
            self._turns = tuple(Turn(1 + i // 2, PARTIES[i % 2], move) for i, move in enumerate(moves))
        return self._turns

    def session(self) -> Session:
        """Where the session stands after these moves. Each goes through the table, which raises if one is wrong."""
        rules = AlternatingOffers(self.domain, self.deadline)
        state = rules.start()
        for turn in self.turns:
            state = rules.apply(state, turn.party, turn.move)
        return state

    @property
    def end(self) -> Session:
        """`session`, found without the table where the moves came from a loop that plays by it."""
        if self._turns is not None:
            return self.session()
        return Session.of_offers(self._offers, self._closing, self.deadline)

    def offers(self, party: Party) -> list[tuple[int, int]]:
        """A party's proposals as (step, outcome number)."""
        made = ((t.step, t.move) for t in self.turns if t.party == party)
        return [(step, move.outcome) for step, move in made if isinstance(move, Propose)]

    def to_json(self) -> dict[str, Any]:
        """The trace as JSON."""
        return {
            "domain": self.domain.to_json(),
            "deadline": self.deadline,
            "turns": [turn.to_json(self.domain) for turn in self.turns],
        }

    @classmethod
    def from_json(cls, data: object) -> Trace:
        """Read what `to_json` wrote, and play it once through the table. The data may come from anyone.

        A turn is ``{"step", "party", "move": "propose" | "accept" | "walk"}`` with `outcome` for a proposal, and
        `reason` and `failed` for a walk.

        Raises:
            TermsError: it is not a trace.
            ProtocolError: it holds a move that the protocol does not allow.
        """
        if not isinstance(data, dict) or not {"domain", "deadline", "turns"} == data.keys():
            raise TermsError("not a trace: it needs a domain, a deadline and turns", code="bad_trace")
        domain = Domain.from_json(data["domain"])
        rules = AlternatingOffers(domain, data["deadline"])
        rows = data["turns"]
        if not isinstance(rows, list) or len(rows) > 2 * rules.deadline:
            raise TermsError("not a trace: it has more turns than its deadline allows", code="bad_trace")
        state, turns = rules.start(), []
        for row in rows:
            party, move, answers = _read(row, domain)
            turns.append(Turn(state.step, party, move, answers))
            state = rules.apply(state, party, move)
            if row["step"] != turns[-1].step:
                raise TermsError(f"not a trace: a move of step {turns[-1].step} is out of place", code="bad_trace")
        return cls(domain, rules.deadline, tuple(turns))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return (self.domain, self.deadline, self.turns) == (other.domain, other.deadline, other.turns)

    def __hash__(self) -> int:
        return hash((self.domain, self.deadline, self.turns))

    def __repr__(self) -> str:
        return f"Trace({self.domain!r}, {self.deadline!r}, {self.turns!r})"

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __getitem__(self, index: int) -> Turn:
        return self.turns[index]


def _read(row: object, domain: Domain) -> tuple[Party, Action, tuple[Any, ...]]:
    if isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("answers", []), list):
        party, kind, answers = row.get("party"), row.get("move"), tuple(row.get("answers", ()))
        if party == "buyer" or party == "seller":
            text = row.get("text", "")
            if kind == "propose" and isinstance(row.get("outcome"), dict) and isinstance(text, str):
                return party, Propose(domain.number(row["outcome"]), text), answers
            if kind == "accept":
                return party, Accept(), answers
            if kind == "walk" and isinstance(row.get("reason"), str):
                return party, Walk(row["reason"], row.get("failed") is True), answers
    raise TermsError("not a trace: a turn has step, party and a move", code="bad_trace")
