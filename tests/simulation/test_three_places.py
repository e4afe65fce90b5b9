"""One skill file in a study, in a tournament and in a live session behaves the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import coase
from coase.agent.bargaining import Bargain, Outcome
from coase.agent.message import Message
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.moves import Party
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem
from coase.negotiation.tournament.scenario import Scenario

TOP, VALUE, COST, STEPS = 99, 89, 10, 40
DOMAIN = coase.Domain(price=range(TOP + 1))
LIMITS = (TOP - VALUE) / TOP, COST / TOP
OTHER = "conceder"

SKILL = '''
"""Watches what they give, and gives half of it back, but not before a tenth of the time."""

from typing import Any, NamedTuple

import coase


class State(NamedTuple):
    given: float


class Haggler(coase.Negotiator):
    """Gives half of what it is given."""

    share: float = 0.5

    def start(self, problem: Any) -> State:
        return State(0.0)

    def ask(self, state: State, now: Any) -> tuple[State, float]:
        if now.t < 0.1:
            return state, 1.0
        return state, 1.0 - self.share * now.t ** 0.5
'''
STUDY = '''
"""What my haggler pays."""

from pathlib import Path

import coase


class MyStudy(coase.Study):
    """One pair, one meeting."""

    question = "What does my haggler pay?"
    method = "One buyer and one seller bargain once, in the bargaining market."

    def cells(self):
        return [{"pair": 1}]

    def measure(self, cell, seed):
        skill = str(Path(__file__).with_name("my_haggler.py"))
        run = coase.simulate(
            "bargaining", traders=[(skill, 1), ("OTHER", 1)], demand=[VALUE], supply=[COST], low=0, high=TOP,
            deadline=STEPS, meetings=1, seed=seed,
        )
        assert not run.failed
        return [{"price": trade["price"], "step": trade["rested"]} for trade in run.trades()]

    def show(self, rows):
        return coase.Shown([f"It pays {rows[0]['price']}."])
'''


@pytest.fixture
def haggler(tmp_path: Path) -> Path:
    """The file."""
    file = tmp_path / "my_haggler.py"
    file.write_text(SKILL)
    return file


def in_a_study(skill: Path) -> tuple[int, int]:
    """(price, step) in a study of one's own that names the file."""
    text = STUDY
    for name, value in {"OTHER": OTHER, "VALUE": VALUE, "COST": COST, "TOP": TOP, "STEPS": STEPS}.items():
        text = text.replace(name, str(value))
    file = skill.with_name("my_study.py")
    file.write_text(text)
    (row,) = coase.run_study(coase.study(str(file))).rows
    return row["price"], row["step"]


def in_a_tournament(skill: Path) -> tuple[int, int]:
    """(price, step) of the negotiation in which it buys from the other, in a process of its own."""
    prices = [price / TOP for price in range(TOP + 1)]
    buys: Any = [1 - price for price in prices]
    scene = Scenario("three places", DOMAIN, (buys, prices), LIMITS, STEPS)  # type: ignore[arg-type]
    found = coase.tournament([str(skill), OTHER], scene, repeats=1)
    (row,) = (row for row in found.rows if (row.buyer, row.seller) == (0, 1))
    assert row.end == "agreed"
    return round(row.gains[1] * TOP), row.step


async def live(skill: Path) -> tuple[int, int]:
    """(price, step) between two agents' bargaining sessions, over the messages that go over the wire."""
    queues: dict[Party, asyncio.Queue[Message]] = {"buyer": asyncio.Queue(), "seller": asyncio.Queue()}

    def party(role: Party, other: Party, what: str, limit: float) -> Bargain:
        player = Player(coase.skill(what), Problem.of(DOMAIN, role, deadline=STEPS, reservation=limit, seed=3))

        async def send(message: Message) -> None:
            queues[other].put_nowait(type(message).model_validate_json(message.model_dump_json()))

        return Bargain("deal", role, AlternatingOffers(DOMAIN, STEPS), player, send, queues[role].get)

    sides = party("buyer", "seller", str(skill), LIMITS[0]), party("seller", "buyer", OTHER, LIMITS[1])
    ended: list[Outcome] = await asyncio.gather(*(side.run() for side in sides))
    assert ended[0].agreement is not None
    assert ended[0].agreement == ended[1].agreement
    return int(ended[0].agreement["price"]), ended[0].step


async def test_one_file_in_three_places(haggler: Path) -> None:
    """The same price in the same step: in a study, in a tournament, and live."""
    studied = in_a_study(haggler)
    assert studied == in_a_tournament(haggler) == await live(haggler)
    assert COST < studied[0] < VALUE
    assert 1 < studied[1] < STEPS
