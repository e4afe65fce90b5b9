"""Two plans against each other: the alternating-offers table, played on ranks alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coase.negotiation.alternating import Phase, Session
from coase.negotiation.moves import Party
from coase.negotiation.problem import Problem


class Side(NamedTuple):
    """A party whose rank at each step is settled before the first; -1 where nothing is worth its reservation."""

    problem: Problem
    plan: Sequence[int]


def duel(buyer: Side, seller: Side) -> Session:
    """The end of the session of two plans; `AlternatingOffers` comes to the same with `Player` on both sides."""
    mine, theirs = buyer.problem, seller.problem
    if not mine.count:
        return _nothing("buyer", None)
    if not theirs.count:
        return _nothing("seller", mine.ranked[buyer.plan[0]])
    offer = -1
    for step, (first, second) in enumerate(zip(buyer.plan, seller.plan, strict=True), 1):
        if offer >= 0 and mine.rank_of[offer] <= first:
            return Session(Phase.AGREED, step, offer)
        offer = mine.ranked[first]
        if theirs.rank_of[offer] <= second:
            return Session(Phase.AGREED, step, offer)
        offer = theirs.ranked[second]
    return Session(Phase.EXPIRED, mine.deadline, offer)


def _nothing(party: Party, offer: int | None) -> Session:
    return Session(Phase.WALKED, 1, offer, party, "nothing is worth the reservation")
