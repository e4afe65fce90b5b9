"""Plays the pairs of one scenario: what a worker does, in whatever process."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from coase.negotiation.alternating import AlternatingOffers, Session
from coase.negotiation.draws import party_key, session_seed
from coase.negotiation.moves import PARTIES
from coase.negotiation.preferences import remaining
from coase.negotiation.problem import Problem
from coase.negotiation.scalar import on_ladder
from coase.negotiation.scalar import play as duel
from coase.negotiation.skill import Negotiator
from coase.negotiation.tournament.entry import build
from coase.negotiation.tournament.packs import scenario
from coase.negotiation.tournament.scenario import Scenario
from coase.negotiation.tournament.seats import Aside, Guest, Here, Seat

FAILED = 0.0  # the utility of a party that broke a rule: the worst that a scenario has

GUESTS = 64  # processes of guests at a time; more than one task needs

_guests: dict[str, Guest] = {}  # who was needed last comes last
alone: dict[str, Negotiator] = {}  # skills of classes that no file brought, for runs in this process


def play(task: Mapping[str, Any]) -> list[list[Any]]:
    """Play all pairs of a task; what `coase.parallel` calls.

    Returns:
        Rows [buyer's number, seller's number, utility of the buyer, of the seller, step, end, who failed (0, 1, or
        None), distance from the Nash point or None], in the order of the pairs.
    """
    place = _scenario(task["scenario"])
    seats = [
        {
            number: _seat(task["entries"][number], task["limits"], side)
            for number in {pair[side] for pair in task["pairs"]}
        }
        for side in (0, 1)
    ]
    return [_one(place, seats, pair, task["seed"]) for pair in task["pairs"]]


def close() -> None:
    """End the processes of guests. They also end when this process does."""
    for guest in _guests.values():
        guest.close()
    _guests.clear()


def _scenario(given: Mapping[str, Any]) -> Scenario:
    if "pack" in given:
        return scenario(given["pack"], given["seed"], given["number"])
    return Scenario.from_json(given)


def _seat(one: Mapping[str, Any], limits: Mapping[str, Any], side: int) -> Seat:
    """A seat for one side, since a skill also plays against itself. Processes start when first needed."""
    if one["spec"] is None:
        return Aside(alone[one["label"]])
    if one["shipped"]:
        return Here(_shipped(json.dumps(one["spec"], sort_keys=True)))
    return _guest(one["spec"], limits, side)


@lru_cache(256)
def _shipped(spec: str) -> Negotiator:
    """A skill that ships, found once in a process: skills are frozen, and the file is the one that was hashed."""
    return build(json.loads(spec))


def _guest(spec: Mapping[str, Any], limits: Mapping[str, Any], side: int) -> Guest:
    """A guest that is kept from task to task: it forks for each negotiation, so it remembers nothing."""
    key = json.dumps([spec, limits, side], sort_keys=True)
    found = _guests.pop(key, None) or Guest(spec, limits["seconds"], limits["memory"])
    _guests[key] = found
    for old in list(_guests.values())[:-GUESTS]:  # needed longest ago, so none of this task's
        old.close()  # it starts again when it is needed again
    return found


def _one(place: Scenario, seats: Sequence[Mapping[int, Seat]], pair: Sequence[int], seed: int) -> list[Any]:
    mine = session_seed(seed, pair[2])
    sides = [seats[side][pair[side]] for side in (0, 1)]
    problems = [
        Problem(
            place.rankings[side],
            PARTIES[side],
            place.deadline,
            place.reservation[side],
            party_key(mine, side),
            place.discount[side],
        )
        for side in (0, 1)
    ]
    state = _played(place, sides, problems)
    agreed = state.agreement
    got = [place.reservation[side] if agreed is None else float(place.rankings[side].given[agreed]) for side in (0, 1)]
    got = [worth * remaining(factor, state.step) for worth, factor in zip(got, place.discount, strict=True)]
    failed = PARTIES.index(state.left) if state.failed and state.left else None
    if failed is not None:
        got[failed] = FAILED
    best = place.nash_point
    return [*pair[:2], *got, state.step, state.reason, failed, None if best is None else math.dist(got, best)]


def _played(place: Scenario, sides: Sequence[Seat], problems: Sequence[Problem]) -> Session:
    one, two = sides
    if isinstance(one, Here) and isinstance(two, Here) and on_ladder(one.skill) and on_ladder(two.skill):
        return Session.of_offers(*duel((one.skill, two.skill), (problems[0], problems[1])), place.deadline)
    for seat, problem in zip(sides, problems, strict=True):
        seat.sit(problem)
    rules = AlternatingOffers(place.domain, place.deadline)
    state, turn = rules.start(), 0
    while not state.ended:
        state = rules.apply(state, PARTIES[turn], sides[turn].move(state.offer))
        turn = 1 - turn
    for seat in sides:
        seat.leave()
    return state
