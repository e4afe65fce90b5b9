"""The one class that an author of a bargaining skill writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from coase.negotiation.moves import ACCEPT, Action, Ask, Move, Propose, Walk
from coase.negotiation.plan import plan_of
from coase.negotiation.problem import Now, Problem
from coase.negotiation.skill_array import SkillArray


class Seat(NamedTuple):
    """The state of a skill that moves by the ladder: `own` is what its author's methods hand on."""

    problem: Problem
    plan: list[int] | None
    done: int
    own: Any


class Negotiator(BaseModel):
    """A bargaining strategy: frozen parameters and pure functions. Override one rung of the ladder.

    ========  =============================================================================================
    `target`  the share of my utility range that I still ask for at relative time t: 1 my best, 0 no deal's worth
    `ask`     the same, reacting to what I see
    `bid`     the worst rank that I accept, and the rank that I propose
    `step`    any move at all (a language model, a person)
    ========  =============================================================================================

    The fields of the model are its parameters. Nothing here can accept or propose what is worth less than the
    reservation: the ladder bounds ranks, and `Player` guards `step`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    content_kind: ClassVar[str] = "skills"  # how coase.loading recognises a skill in a file
    foreign: ClassVar[bool] = False  # runs code that did not ship with it: in tournaments it gets a process of its own
    arrays: ClassVar[bool] = False  # my `ask` or `bid` takes columns of sessions as well as numbers (torch, numpy)

    @classmethod
    def array_of(cls, parameters: Mapping[str, Any]) -> SkillArray:
        """Skills of this class with a value a session where a parameter is an array; `coase.skill` calls it."""
        return SkillArray.of(cls, parameters)

    def target(self, t: Any) -> Any:
        """The share asked for at relative time t, 0 < t < 1. Written so that arrays work, it runs batched."""
        return 1.0

    def start(self, problem: Problem) -> Any:
        """My state before the first turn: a NamedTuple of numbers and arrays, or whatever `step` wants."""
        return ()

    def ask(self, state: Any, now: Now) -> tuple[Any, Any]:
        """My next state and the share asked for now."""
        return state, self.target(now.t)

    def bid(self, state: Any, now: Now) -> tuple[Any, Any, Any]:
        """My next state, the worst rank that I accept, and the rank that I propose otherwise; below 0: I leave."""
        state, share = self.ask(state, now)
        rank = now.rank_for(share)
        return state, rank, rank

    def step(self, state: Any, offer: int | None) -> tuple[Any, Move]:
        """My next state and my move, given the outcome on the table. As it stands, it plays the rungs above.

        Who overrides it usually overrides `start` too: the first state is what `start` returns.
        """
        seat: Seat = state
        problem = seat.problem
        own = seat.own
        if seat.plan is not None:
            floor = rank = seat.plan[seat.done]
        else:
            own, floor, rank = self.bid(own, Now(problem, seat.done + 1, -1 if offer is None else offer))
            last = problem.count - 1
            floor, rank = min(floor, last), min(rank, last)
        return Seat(problem, seat.plan, seat.done + 1, own), choose(problem, offer, floor, rank)

    def answer(self, state: Any, reply: Any) -> tuple[Any, Move]:
        """My next state and my move, given the answer to my last `Ask`."""
        raise NotImplementedError(f"{type(self).__name__} asks and has no method `answer`")

    def driver(self) -> Callable[[Ask], Any] | None:
        """Who answers my questions where the runtime has nobody: a function of an `Ask`, or None."""
        return None

    def begin(self, problem: Problem) -> Any:
        """The first state as `step` takes it; wrappers call it on the skill inside. Not to be overridden."""
        kind = type(self)
        if kind.step is not Negotiator.step and kind.start is not Negotiator.start:
            return self.start(problem)
        plan = plan_of(self, problem)
        return Seat(problem, None, 0, self.start(problem)) if plan is None else Seat(problem, plan.tolist(), 0, ())


def choose(problem: Problem, offer: int | None, floor: int, rank: int) -> Action:
    """The move of a party that accepts ranks down to `floor` and otherwise proposes `rank`."""
    if offer is not None and problem.rank_of[offer] <= floor:
        return ACCEPT
    if rank < 0:
        return Walk(leaves(problem))
    move = problem.moves.get(rank)
    if move is None:
        move = problem.moves[rank] = Propose(problem.ranked[rank])
    return move


def leaves(problem: Problem) -> str:
    """Why a party on the ladder walks."""
    return "the skill leaves" if problem.count else "nothing is worth the reservation"
