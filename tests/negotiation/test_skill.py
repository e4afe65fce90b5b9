"""The ladder: coase/negotiation/skill.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import coase
from coase.negotiation.skill import Seat

DOMAIN = coase.Domain(price=range(100))


class ByTarget(coase.Negotiator):
    """The lowest rung."""

    def target(self, t: Any) -> Any:
        """Concede evenly."""
        return 1 - t


class ByAsk(coase.Negotiator):
    """The second rung."""

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """Concede evenly."""
        return state, 1 - now.t


class ByBid(coase.Negotiator):
    """The third rung."""

    def bid(self, state: Any, now: coase.Now) -> tuple[Any, int, int]:
        """Concede evenly."""
        rank = now.rank_for(1 - now.t)
        return state, rank, rank


class ByStep(coase.Negotiator):
    """The fourth rung."""

    def start(self, problem: coase.Problem) -> tuple[coase.Problem, int]:
        """The problem, and how many moves were made."""
        return problem, 0

    def step(self, state: Any, offer: int | None) -> tuple[Any, coase.Move]:
        """Concede evenly."""
        problem, made = state
        rank = problem.rank_for(1 - (made + 1) / (problem.deadline + 1))
        state = problem, made + 1
        if offer is not None and problem.rank_of[offer] <= rank:
            return state, coase.Accept()
        return state, coase.Propose(problem.ranked[rank])


@given(
    st.sampled_from([ByAsk(), ByBid(), ByStep()]),
    st.integers(1, 60),
    st.floats(0, 0.6),
    st.floats(0, 0.6),
    st.booleans(),
)
def test_the_rungs_of_one_strategy_move_alike(
    skill: coase.Negotiator, deadline: int, first: float, second: float, swapped: bool
) -> None:
    """Linear concession written on any rung makes the same moves on either side."""
    other = coase.skill("boulware")
    limits = first, second
    results = [
        coase.negotiate(other, mine, DOMAIN, deadline=deadline, reservation=limits)
        if swapped
        else coase.negotiate(mine, other, DOMAIN, deadline=deadline, reservation=limits)
        for mine in (skill, ByTarget())
    ]
    assert results[0] == results[1]


def test_a_negative_rank_leaves_the_table() -> None:
    """`bid` may walk, but takes an offer that it accepts first."""

    class Ultimatum(coase.Negotiator):
        """One demand."""

        def bid(self, state: Any, now: coase.Now) -> tuple[Any, int, int]:
            """Ask for 70%, once."""
            rank = now.rank_for(0.7)
            return state, rank, rank if now.step == 1 else -1

    class Taker(coase.Negotiator):
        """Take anything, offer nothing."""

        def bid(self, state: Any, now: coase.Now) -> tuple[Any, int, int]:
            """Every rank will do."""
            return state, 99, -1

    assert coase.negotiate(coase.Negotiator(), Ultimatum(), DOMAIN).reason == "walked: the skill leaves"
    assert coase.negotiate(coase.Negotiator(), Taker(), DOMAIN).agreement == {"price": 0}


def test_ranks_below_the_reservation_are_lifted_to_it() -> None:
    """A skill that would accept and propose anything stops at its reservation."""

    class Careless(coase.Negotiator):
        """Everything is fine."""

        def bid(self, state: Any, now: coase.Now) -> tuple[Any, int, int]:
            """The worst rank of all."""
            return state, 10**9, 10**9

    result = coase.negotiate(Careless(), coase.Negotiator(), DOMAIN, reservation=(0.5, 0))
    assert (result.reason, {o for _, o in result.trace.offers("buyer")}) == ("deadline", {49})


def test_a_step_can_build_on_the_ladder() -> None:
    """Overriding `step` alone, `super().step` plays the rungs; inside a wrapper, `begin` opens the inner skill."""

    class Polite(ByTarget):
        """Walk in step 3."""

        def step(self, state: Seat, offer: int | None) -> tuple[Any, coase.Move]:
            """As the ladder, then leave."""
            after, move = super().step(state, offer)
            return after, coase.Walk("goodbye") if state.done == 2 else move

    class Wrapper(coase.Negotiator):
        """Hand everything on."""

        inner: coase.Negotiator

        def start(self, problem: coase.Problem) -> Any:
            """The inner skill's first state."""
            return self.inner.begin(problem)

        def step(self, state: Any, offer: int | None) -> tuple[Any, coase.Move]:
            """The inner skill's move."""
            return self.inner.step(state, offer)

    result = coase.negotiate(Polite(), coase.Negotiator(), DOMAIN)
    assert (result.reason, result.step) == ("walked: goodbye", 3)
    pair = [coase.negotiate(s, coase.skill("conceder"), DOMAIN) for s in (Wrapper(inner=ByTarget()), ByTarget())]
    assert pair[0] == pair[1]


def test_skills_are_frozen_and_know_their_parameters() -> None:
    """A parameter cannot be changed, misspelt or of another type."""
    skill = coase.skill("boulware")
    with pytest.raises(ValidationError):
        skill.beta = 1.0
    with pytest.raises(ValidationError):
        type(skill)(betta=1.0)
    with pytest.raises(ValidationError):
        type(skill)(beta="firm")
    assert skill == type(skill)(beta=0.25)
    assert hash(skill) == hash(type(skill)(beta=0.25))
