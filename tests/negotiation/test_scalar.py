"""The loops of coase/negotiation/scalar.py against the table and its guards, move for move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase.negotiation import session
from coase.negotiation.scalar import on_ladder
from coase.terms.domain import Domain

NAMES = ("boulware", "linear", "conceder", "micro", "tit_for_tat", "noise")
DOMAIN = Domain(a=range(5), b=range(3))


class Odd(coase.Negotiator):
    """Returns whatever it is told to, as floor and as rank."""

    floor: Any = 0
    rank: Any = 0

    def bid(self, state: Any, now: coase.Now) -> tuple[Any, Any, Any]:
        """The same every time, but for what raises."""
        return state, self.floor, self.rank


class Raises(coase.Negotiator):
    """Breaks in the step given; 0 is before the first."""

    at: int = 1

    def start(self, problem: coase.Problem) -> Any:
        """The first chance."""
        return 1 / self.at

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """The others."""
        return state, 1 / (now.step - self.at)


class Liar:
    """Claims to be any rank."""

    def __lt__(self, other: Any) -> bool:
        return False

    __gt__ = __lt__

    def __ge__(self, other: Any) -> bool:
        return True

    def __le__(self, other: Any) -> bool:
        return True

    def __index__(self) -> int:
        return -1


def both(monkeypatch: pytest.MonkeyPatch, buyer: Any, seller: Any, **arguments: Any) -> tuple[Any, Any]:
    """The session by the loops, and by the table."""
    assert on_ladder(buyer)
    assert on_ladder(seller)
    fast = coase.negotiate(buyer, seller, DOMAIN, **arguments)
    with monkeypatch.context() as patch:
        patch.setattr(session, "on_ladder", lambda skill: False)
        slow = coase.negotiate(buyer, seller, DOMAIN, **arguments)
    return fast, slow


@settings(max_examples=150, deadline=None)
@given(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), st.integers(1, 40), st.integers(0, 2**32))
def test_the_same_moves(names: tuple[str, str], deadline: int, seed: int) -> None:
    """Turn for turn, over utilities with ties, reservations that nothing meets among them."""
    rng = np.random.default_rng(seed)
    tables = tuple(rng.integers(0, 11, DOMAIN.size) / 10 for _ in range(2))
    limits = tuple(rng.choice([0.0, 0.3, 0.7, 1.2], 2).tolist())
    with pytest.MonkeyPatch.context() as patch:
        pair = [coase.skill(name) for name in names]
        fast, slow = both(patch, *pair, deadline=deadline, reservation=limits, utilities=tables, seed=seed)
    assert fast.trace == slow.trace
    assert fast.trace.session() == fast.trace.end == slow.trace.end
    assert fast.to_json() == slow.to_json()


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    "bad",
    [
        *(Odd(floor=floor, rank=0) for floor in (99, -1, float("nan"), float("inf"), None, "x")),
        *(Odd(rank=rank) for rank in (99, -1, float("nan"), 1.5, None, "x", np.int64(2), True)),
        *(Raises(at=at) for at in (0, 1, 2, 5)),
    ],
    ids=repr,
)
def test_what_an_author_may_return(bad: coase.Negotiator, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nonsense ends the session as the guards of `Player` would, in the same words."""
    pair = [coase.skill("linear"), coase.skill("linear")]
    pair[side] = bad
    tables = (np.arange(15) / 14, 1 - np.arange(15) / 14)
    fast, slow = both(monkeypatch, *pair, deadline=6, reservation=(0.4, 0.4), utilities=tables)
    assert fast.to_json() == slow.to_json()


@pytest.mark.parametrize("side", [0, 1])
def test_a_rank_that_lies_gets_nothing(side: int) -> None:
    """A rank whose comparisons lie cannot reach an outcome below the reservation."""
    pair = [coase.skill("linear"), coase.skill("linear")]
    pair[side] = Odd(floor=Liar(), rank=Liar())
    tables = (np.arange(15) / 14, 1 - np.arange(15) / 14)
    result = coase.negotiate(pair[0], pair[1], DOMAIN, reservation=(0.4, 0.4), utilities=tables)
    assert result.utilities[side] >= 0.4 - 1e-9
    assert result.reason.startswith("failed") or result.agreement is not None
