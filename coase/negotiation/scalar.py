"""The loops of one session between two skills on the ladder: what `AlternatingOffers` and `Player` come to, without
an object a move.

Two plans know all their offers in advance: their session is a search for the first that the other accepts. Others move
one after the other. `tests/negotiation/test_scalar.py` holds both against the table, move for move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from coase.negotiation.guards import ACCEPTS_TOO_LITTLE, PROPOSES_TOO_LITTLE, failed
from coase.negotiation.moves import ACCEPT, Accept, Walk
from coase.negotiation.plan import plan_of
from coase.negotiation.problem import Now, Problem
from coase.negotiation.skill import Negotiator, leaves
from coase.negotiation.utility import Integers

TAKES, LEAVES, OVERREACHES, UNDERCUTS = -1, -2, -3, -4  # what a mover gives besides the number of an outcome
ENDS: dict[int, Accept | Walk] = {TAKES: ACCEPT, OVERREACHES: ACCEPTS_TOO_LITTLE, UNDERCUTS: PROPOSES_TOO_LITTLE}

Mover = Callable[[int, int], int]  # (step, offer or -1) -> outcome, or one of those


class Played(NamedTuple):
    """A session that is over: proposals in turn, the buyer's first, and what ended it (None: the deadline)."""

    offers: list[int] | Integers
    end: Accept | Walk | None


def on_ladder(skill: Negotiator) -> bool:
    """Whether a skill moves by the ladder's own `step`."""
    kind = type(skill)
    return isinstance(skill, Negotiator) and kind.step is Negotiator.step and kind.begin is Negotiator.begin


def play(skills: tuple[Negotiator, Negotiator], problems: tuple[Problem, Problem]) -> Played:
    """A session of two skills on the ladder, the buyer first."""
    buyer, seller = plan_of(skills[0], problems[0]), plan_of(skills[1], problems[1])
    if buyer is not None and seller is not None:
        return _of_plans(problems, buyer, seller)
    return _of_movers(skills, problems)


def _of_plans(problems: tuple[Problem, Problem], buyer: Integers, seller: Integers) -> Played:
    for turn, problem in enumerate(problems):
        if not problem.count:  # nothing is worth the reservation: it leaves in its first turn
            opening = problems[0].ranking.order.ranked[buyer[:turn]]
            return Played(opening, Walk(leaves(problem)))
    one, two = problems[0].ranking, problems[1].ranking
    firsts, seconds = one.order.ranked.take(buyer), two.order.ranked.take(seller)
    # worth at least what is at the own rank: then no more outcomes are better than stand above that
    takes = np.empty(2 * len(buyer), np.bool_)  # whether each turn's party takes what is on the table instead
    takes[0] = False
    np.greater_equal(two.rounded.take(firsts), two.rounded.take(seconds), out=takes[1::2])
    np.greater_equal(one.rounded.take(seconds[:-1]), one.rounded.take(firsts[1:]), out=takes[2::2])
    end = int(takes.argmax())
    offers = np.empty(end or 2 * len(buyer), np.int64)
    offers[0::2], offers[1::2] = firsts[: len(offers) + 1 >> 1], seconds[: len(offers) >> 1]
    return Played(offers, ACCEPT if end else None)


def _of_movers(skills: tuple[Negotiator, Negotiator], problems: tuple[Problem, Problem]) -> Played:
    offers: list[int] = []
    offer, last = -1, problems[0].deadline
    try:
        buyer = _mover(skills[0], problems[0])
        offer = buyer(1, -1)
        if offer < 0:
            return Played(offers, _end(offer, problems[0]))
        offers.append(offer)
        seller = _mover(skills[1], problems[1])
        move, waiting = seller, buyer
        step = 1
        while True:
            offer = move(step, offer)
            if offer < 0:
                return Played(offers, _end(offer, problems[len(offers) & 1]))
            offers.append(offer)
            if not len(offers) & 1:
                step += 1
                if step > last:
                    return Played(offers, None)
            move, waiting = waiting, move
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an author's code may raise anything; only this session ends
        return Played(offers, failed("the skill raised", error))


def _end(sign: int, problem: Problem) -> Accept | Walk:
    if sign == LEAVES:
        return Walk(leaves(problem))
    return ENDS[sign]


def _mover(skill: Negotiator, problem: Problem) -> Mover:
    """The ladder as a function; what an author's code returns is bounded and guarded as `Player` does."""
    seat = skill.begin(problem)
    ranked, rank_of, count = problem.ranked, problem.rank_of, problem.count
    if seat.plan is not None:
        plan = seat.plan

        def planned(step: int, offer: int) -> int:
            rank = plan[step - 1]
            if offer >= 0 and rank_of[offer] <= rank:
                return TAKES
            return ranked[rank] if rank >= 0 else LEAVES

        return planned

    own, bid, last = seat.own, skill.bid, count - 1

    def reacting(step: int, offer: int) -> int:
        nonlocal own
        own, floor, rank = bid(own, Now(problem, step, offer))
        floor, rank = min(floor, last), min(rank, last)
        if offer >= 0 and rank_of[offer] <= floor:
            return TAKES if rank_of[offer] < count else OVERREACHES
        if rank < 0:
            return LEAVES
        outcome = ranked[rank]
        return outcome if rank_of[outcome] < count else UNDERCUTS

    return reacting
