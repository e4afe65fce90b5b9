"""Plays one party's skill, one move at a time, wherever the other party is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Self

from coase.errors import LocalProtocolError, UsageError
from coase.negotiation.guards import ACCEPTS_TOO_LITTLE, LONGEST, PROPOSES_TOO_LITTLE, brief, failed
from coase.negotiation.moves import LONGEST_TEXT, Accept, Action, Ask, Move, Party, Propose, Walk
from coase.negotiation.problem import Problem
from coase.negotiation.skill import Negotiator, Seat, choose
from coase.negotiation.trace import Turn

QUESTIONS = 8  # that a skill may ask before one move

Driver = Callable[[Ask], Any]
AsyncDriver = Callable[[Ask], Awaitable[Any]]


class Player:
    """A skill at its problem, with the guards around it.

    Whatever the skill does, a move comes out: below the reservation nothing is accepted or proposed, and a skill that
    raises, answers nonsense or asks without end leaves the table with ``Walk(reason, failed=True)``.

    Args:
        skill: the strategy.
        problem: its side of the negotiation.

    Attributes:
        party: which side it plays.
        step: how many moves it has made.
        answers: what was answered to its questions before the last move.
    """

    __slots__ = ("_begun", "_driver", "_offer", "_plan", "_state", "answers", "party", "problem", "skill", "step")

    def __init__(self, skill: Negotiator, problem: Problem) -> None:
        if not isinstance(skill, Negotiator):
            raise UsageError(
                f"{skill!r} is not a negotiating skill",
                hint='give an instance of a coase.Negotiator, for example coase.skill("boulware")',
                code="not_a_skill",
            )
        self.skill, self.problem = skill, problem
        self.party: Party = problem.party
        self.step = 0
        self.answers: tuple[Any, ...] = ()
        self._begun = False
        self._driver: Driver | None = None
        self._plan: list[int] | None = None
        self._state: Any = None
        self._offer: int | None = None

    def move(self, offer: int | None, ask: Driver | None = None, heard: str = "") -> Action:
        """The move in the next step.

        Args:
            offer: the number of the outcome that the other party put on the table, or None before any.
            ask: answers the skill's questions; without it, the skill's own driver does, if it has one.
            heard: what the other party said beside its offer.

        Raises:
            LocalProtocolError: called more often than the deadline has steps, or with an offer outside the domain.
        """
        plan = self._plan
        if plan is not None:  # the ladder's own `step` without its detours: a plan's ranks are within the reservation
            self._count(offer)
            rank = plan[self.step - 1]
            return choose(self.problem, offer, rank, rank)
        move = self._first(offer)
        while isinstance(move, Ask):
            answers = ask or self._own_driver()
            if answers is None:
                return Walk("the skill asks a question, and nobody is here to answer", failed=True)
            try:
                reply = answers(replace(move, heard=_shortened(heard)))
            except Exception as error:  # noqa: BLE001  # a model or a person may fail in any way; the skill then leaves
                return failed("no answer came", error)
            move = self._next(reply)
        return self._guarded(move)

    async def amove(self, offer: int | None, ask: AsyncDriver | None = None, heard: str = "") -> Action:
        """`move`, with questions answered by a coroutine function, or by the skill's own driver in a thread."""
        if self._plan is not None:
            return self.move(offer)
        move = self._first(offer)
        while isinstance(move, Ask):
            question = replace(move, heard=_shortened(heard))
            try:
                if ask is not None:
                    reply = await ask(question)
                elif (driver := self._own_driver()) is not None:
                    reply = await asyncio.to_thread(driver, question)
                else:
                    return Walk("the skill asks a question, and nobody is here to answer", failed=True)
            except Exception as error:  # noqa: BLE001  # a model or a person may fail in any way; the skill then leaves
                return failed("no answer came", error)
            move = self._next(reply)
        return self._guarded(move)

    def replay(self, turns: Iterable[Turn]) -> Self:
        """Bring a fresh player to where it stood after these moves of both parties.

        Raises:
            LocalProtocolError: the skill now moves otherwise than it did (`replay_differs`).
        """
        offer: int | None = None
        for turn in turns:
            if turn.party != self.party:
                offer = turn.move.outcome if isinstance(turn.move, Propose) else offer
                continue
            answers = list(reversed(turn.answers))
            move = self.move(offer, lambda _, left=answers: left.pop())  # type: ignore[misc]
            if move != turn.move and not (isinstance(move, Walk) and isinstance(turn.move, Walk) and turn.move.failed):
                raise LocalProtocolError(
                    f"in step {turn.step} the {self.party} made {turn.move} and would now make {move}",
                    hint="the skill, its parameters or its file changed, or it is not a pure function",
                    code="replay_differs",
                )
        return self

    def _own_driver(self) -> Driver | None:
        if self._driver is None:
            self._driver = self.skill.driver()
        return self._driver

    def _count(self, offer: int | None) -> None:
        problem = self.problem
        if self.step >= problem.deadline:
            raise LocalProtocolError(f"the deadline of {problem.deadline} steps is over", code="past_deadline")
        if offer is not None and not 0 <= offer < len(problem.utility):
            raise LocalProtocolError(f"the offer {offer} is not in the domain", code="unknown_outcome")
        self.step += 1

    def _first(self, offer: int | None) -> Move:
        self._count(offer)
        self.answers = ()
        self._offer = offer
        try:
            if not self._begun:
                self._begin()
            self._state, move = self.skill.step(self._state, offer)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # an author's code may raise anything; only this session ends
            return failed("the skill raised", error)
        return move

    def _begin(self) -> None:
        self._state, self._begun = self.skill.begin(self.problem), True
        if isinstance(self._state, Seat) and type(self.skill).step is Negotiator.step:
            self._plan = self._state.plan

    def _next(self, reply: Any) -> Move:
        self.answers = (*self.answers, reply)
        if len(self.answers) > QUESTIONS:
            return Walk(f"the skill asked more than {QUESTIONS} questions before a move", failed=True)
        try:
            self._state, move = self.skill.answer(self._state, reply)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # an author's code may raise anything; only this session ends
            return failed("the skill raised", error)
        return move

    def _guarded(self, move: Move) -> Action:
        if type(move) is Propose:
            return self._guarded_proposal(move)
        if type(move) is Accept:
            if self._offer is None:
                return Walk("the skill accepted, and nothing is on the table", failed=True)
            if not self.problem.acceptable(self._offer):
                return ACCEPTS_TOO_LITTLE
            return move
        if type(move) is Walk and isinstance(move.reason, str):
            return move if len(move.reason) <= LONGEST else Walk(brief(move.reason), bool(move.failed))
        return Walk(brief(f"the skill made no move, but {type(move).__name__}"), failed=True)

    def _guarded_proposal(self, move: Propose) -> Action:
        problem, outcome = self.problem, move.outcome
        if type(outcome) is not int or not 0 <= outcome < len(problem.utility) or problem.domain.excluded:
            try:
                move = Propose(problem.domain.check(outcome), move.text)  # numpy's integers are welcome
            except Exception as error:  # noqa: BLE001  # `outcome` may be any object, whose own methods may raise
                return failed("the skill proposed nonsense:", error)
        if not problem.acceptable(move.outcome):
            return PROPOSES_TOO_LITTLE
        return replace(move, text=_shortened(move.text)) if move.text else move


def _shortened(text: object) -> str:
    return text[:LONGEST_TEXT] if isinstance(text, str) else ""
