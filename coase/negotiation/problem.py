"""What a skill is given: its problem once, and at each turn what it sees now."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from coase.errors import UsageError
from coase.negotiation.draws import party_key, uniform
from coase.negotiation.moves import PARTIES, Party, Propose
from coase.negotiation.utility import SLACK, Integers, Ranking, Utility, ranking, values_of
from coase.terms.domain import Domain

LONGEST = 1_000_000  # steps


@lru_cache(64)
def times(deadline: int) -> list[float]:
    """Relative time t = s / (deadline + 1) of step s = 1, 2, ...; never 0 and never 1."""
    return [step / (deadline + 1) for step in range(1, deadline + 1)]


def check_deadline(deadline: object) -> int:
    """Return a number of steps from 1 to a million; raise `UsageError` otherwise."""
    if not isinstance(deadline, int) or isinstance(deadline, bool) or not 1 <= deadline <= LONGEST:
        raise UsageError(
            f"deadline {deadline!r}", hint=f"a whole number of steps, 1 to {LONGEST:,}", code="bad_deadline"
        )
    return deadline


class Problem:
    """One party's side of one negotiation.

    Args:
        ranking: what outcomes are worth to it.
        party: "buyer" or "seller"; the buyer moves first.
        deadline: number of steps.
        reservation: the utility of no deal. Outcomes worth less are never accepted or proposed.
        key: of its random draws.
        discount: what a step of waiting leaves of utilities, those of no deal too: 1 where time costs nothing. It never
            changes what is acceptable, but a skill may look at it.

    Attributes:
        count: how many outcomes are worth the reservation or more; they are the ranks 0 to ``count - 1``.
        span: best utility minus the reservation.
    """

    def __init__(
        self,
        ranking: Ranking,
        party: Party,
        deadline: int = 100,
        reservation: float = 0.0,
        key: int = 0,
        discount: float = 1.0,
    ) -> None:
        if not math.isfinite(reservation):
            raise UsageError(f"reservation {reservation!r}", hint="a finite utility", code="bad_reservation")
        self.ranking, self.key, self.discount = ranking, key, discount
        self.party: Party = party
        self.deadline = check_deadline(deadline)
        self.reservation = float(reservation)
        falling = ranking.order.falling
        self.count = int(falling.searchsorted(-(self.reservation - SLACK), "right"))
        self.span = -float(falling[0]) - self.reservation if self.count else 0.0

    @classmethod
    def of(
        cls,
        domain: Domain,
        party: Party,
        *,
        deadline: int = 100,
        reservation: float = 0.0,
        utility: Utility | None = None,
        seed: int = 0,
        discount: float = 1.0,
    ) -> Problem:
        """The problem of a party whose utility is `utility`, or linear in the price."""
        key = party_key(seed, PARTIES.index(party))
        return cls(ranking(domain, party, utility), party, deadline, reservation, key, discount)

    # as lists, made when a skill first asks: two plans never do

    @cached_property
    def utility(self) -> Sequence[float]:
        """Outcome -> utility."""
        return self.ranking.utility

    @cached_property
    def ranked(self) -> Sequence[int]:
        """Rank -> outcome, best first, equals by outcome number."""
        return self.ranking.ranked

    @cached_property
    def falling(self) -> Sequence[float]:
        """Rank -> minus its utility."""
        return self.ranking.falling

    @cached_property
    def rank_of(self) -> Sequence[int]:
        """Outcome -> number of strictly better outcomes."""
        return self.ranking.rank_of

    @cached_property
    def times(self) -> list[float]:
        """Relative time of each step."""
        return times(self.deadline)

    @cached_property
    def moves(self) -> dict[int, Propose]:
        """Proposals by rank, made once each."""
        return {}

    @property
    def domain(self) -> Domain:
        """What is bargained over."""
        return self.ranking.domain

    @property
    def values(self) -> Integers:
        """Row o: the places of outcome o's values, numbered across all issues; to model what the other side likes."""
        return values_of(self.ranking.domain)

    def acceptable(self, outcome: int) -> bool:
        """Whether an outcome is worth the reservation or more."""
        return self.rank_of[outcome] < self.count

    def rank_for(self, share: float) -> int:
        """The lowest rank worth this share of the way from the reservation (0) to the best outcome (1).

        Shares outside 0 to 1 count as 0 or 1, and not-a-number as 1.
        """
        share = 1.0 if share != share or share > 1.0 else share if share > 0.0 else 0.0
        rank = bisect_right(self.falling, -(self.reservation + self.span * share - SLACK), 0, self.count) - 1
        return rank if rank > 0 else 0


class Now:
    """What a skill sees at its turn.

    Attributes:
        problem: its side of the negotiation.
        step: the round, from 1.
        t: relative time, step / (deadline + 1).
        offer: the number of the outcome on the table, or -1.
    """

    __slots__ = ("offer", "problem", "step", "t")

    def __init__(self, problem: Problem, step: int, offer: int) -> None:
        self.problem, self.step, self.t, self.offer = problem, step, problem.times[step - 1], offer

    @property
    def worth(self) -> float:
        """The offer's place between the reservation (0) and the best outcome (1); negative below, 0 without one."""
        problem, offer = self.problem, self.offer
        return (problem.utility[offer] - problem.reservation) / (problem.span or 1.0) if offer >= 0 else 0.0

    @property
    def rank(self) -> int:
        """How many outcomes are better than the offer; all of them when there is none."""
        return self.problem.rank_of[self.offer] if self.offer >= 0 else len(self.problem.utility)

    def rank_for(self, share: float) -> int:
        """`Problem.rank_for`: the lowest rank worth this share."""
        return self.problem.rank_for(share)

    def uniform(self, slot: int = 0) -> float:
        """A random number in [0, 1), the same in every runtime; `slot` numbers the draws of one step."""
        return uniform(self.problem.key, self.step, slot)

    def favourite(self, weights: Any, low: int, high: int) -> int:
        """Of my ranks high..low, the one whose values weigh most (`weights`: one per place of `Problem.values`); among
        equals the best for me.
        """
        values = self.problem.values[self.problem.ranking.order.ranked[high : low + 1]]
        score = weights[values[:, 0]]
        for issue in range(1, values.shape[1]):  # issue by issue: numpy's own sum would round otherwise than a loop
            score = score + weights[values[:, issue]]
        return high + int(np.argmax(score))
