"""Live bargaining ends as `coase.negotiate` and `coase.negotiate_many` do: coase/agent/bargaining.py."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import numpy as np
import pytest

import coase
from coase import loading
from coase.agent.bargaining import Bargain, Outcome
from coase.agent.message import Message
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.moves import PARTIES, Party
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem

SESSIONS = 1_000  # in all
SKILLS = tuple(
    name
    for name in loading.names("skills")
    if issubclass(kind := loading.find("skills", name), coase.Negotiator) and not kind.foreign and name != "llm"
)
PAIRS = list(itertools.product(SKILLS, SKILLS))
EACH = -(-SESSIONS // len(PAIRS))


async def live(
    skills: tuple[Any, Any], domain: coase.Domain, tables: tuple[Any, Any], floors: Any, deadline: int, seed: int
) -> Outcome:
    """Two sides that know each other by messages alone, as they go over the wire."""
    queues: dict[Party, asyncio.Queue[str]] = {party: asyncio.Queue() for party in PARTIES}

    def side(place: int) -> Bargain:
        role: Party = PARTIES[place]
        problem = Problem.of(
            domain, role, deadline=deadline, reservation=float(floors[place]), utility=tables[place], seed=seed
        )

        async def send(message: Message) -> None:
            queues[PARTIES[1 - place]].put_nowait(f"{type(message).__name__} {message.model_dump_json()}")

        async def receive() -> Message:
            name, _, text = (await queues[role].get()).partition(" ")
            return KINDS[name].model_validate_json(text)

        return Bargain("deal", role, AlternatingOffers(domain, deadline), Player(skills[place], problem), send, receive)

    first, second = await asyncio.gather(*(side(place).run() for place in (0, 1)))
    assert (first.agreement, first.step, first.trace) == (second.agreement, second.step, second.trace)
    return first


def kinds() -> dict[str, type[Message]]:
    """Messages by name."""
    from coase.agent.bargaining import ANSWERS

    return {kind.__name__: kind for kind in ANSWERS}


KINDS = kinds()


@pytest.mark.parametrize("first", SKILLS)
async def test_a_thousand_live_sessions(first: str) -> None:
    """Own reservations, deadlines, utilities and seeds in each: the agreement and the step of the batch."""
    for place, (buyer, seller) in enumerate(pair for pair in PAIRS if pair[0] == first):
        draw = np.random.default_rng([7, SKILLS.index(first), place])
        domain = coase.Domain(price=range(12), speed=["slow", "fast"]).without(price=11, speed="slow")
        skills = coase.skill(buyer), coase.skill(seller)
        tables = draw.uniform(0, 1, (EACH, domain.size)), draw.uniform(0, 1, (EACH, domain.size))
        floors, deadlines = draw.uniform(0, 0.6, (2, EACH)), draw.integers(1, 25, EACH)
        many = coase.negotiate_many(
            *skills, domain, n=EACH, deadline=deadlines, reservation=(floors[0], floors[1]), utilities=tables, seed=5
        )  # fmt: skip
        for i in range(EACH):
            seed = coase.session_seed(5, i)
            mine = tables[0][i], tables[1][i]
            got = await live(skills, domain, mine, floors[:, i], int(deadlines[i]), seed)
            number = -1 if got.agreement is None else domain.number(got.agreement)
            assert (number, got.step) == (many.outcome[i], many.last_step[i]), (buyer, seller, i)
            alone = coase.negotiate(
                *skills, domain, deadline=int(deadlines[i]), reservation=(floors[0][i], floors[1][i]),
                utilities=mine, seed=seed,
            )  # fmt: skip
            assert (alone.agreement, alone.step, alone.trace) == (got.agreement, got.step, got.trace)
