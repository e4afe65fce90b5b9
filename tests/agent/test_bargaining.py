"""Bargaining by messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from coase.agent import pricing
from coase.agent.bargaining import MAX_STALE, Bargain, Outcome
from coase.agent.message import Message
from coase.agent.messages import AcceptOffer, Propose, Refuse, WalkAway
from coase.errors import RemoteProtocolError
from coase.identity import Identity
from coase.negotiation.moves import Party
from coase.negotiation.session import negotiate
from coase.terms.listing import Listing

LISTING = Listing.signed(
    Identity.from_seed("bargaining tests", "seller"),
    key="main",
    sequence=1,
    kind="model",
    title="t",
    issued=0,
    expires=1,
    **pricing.listed(4_000),
)
STEPS = 10


class Table:
    """One bargain, with what it says and hears in lists."""

    def __init__(self, role: Party, *hears: Message, skill: str = "linear", limit: int | None = None) -> None:
        agent: Any = SimpleNamespace(negotiator=skill, negotiator_parameters={})
        limit = limit if limit is not None else 3_500 if role == "buyer" else 1_500
        player = pricing.player(agent, LISTING, role, limit=limit, deadline=STEPS, mark="m")
        self.said: list[Message] = []
        self.hears = list(hears)
        self.queue: asyncio.Queue[Message] | None = None
        self.other: Table | None = None
        self.bargain = Bargain("d", role, pricing.rules(LISTING, STEPS), player, self._send, self._receive)

    async def _send(self, message: Message) -> None:
        self.said.append(message)
        if self.other is not None and self.other.queue is not None:
            self.other.queue.put_nowait(message)

    async def _receive(self) -> Message:
        if self.queue is not None:
            return await self.queue.get()
        if not self.hears:
            raise TimeoutError
        return self.hears.pop(0)


async def _both(one: str = "linear", other: str = "conceder") -> tuple[Outcome, Outcome, Table, Table]:
    buyer, seller = Table("buyer", skill=one), Table("seller", skill=other)
    buyer.queue, seller.queue = asyncio.Queue(), asyncio.Queue()
    buyer.other, seller.other = seller, buyer
    ended = await asyncio.gather(buyer.bargain.run(), seller.bargain.run())
    return ended[0], ended[1], buyer, seller


@pytest.mark.parametrize("one", ["linear", "boulware", "tit_for_tat"])
@pytest.mark.parametrize("other", ["conceder", "boulware", "linear"])
async def test_both_parties_end_alike_and_as_a_simulation_does(one: str, other: str) -> None:
    """Outcome, step and trace are the same on both sides, and those of `negotiate` over the same problem."""
    bought, sold, buyer, seller = await _both(one, other)
    assert (bought.agreement, bought.step, bought.reason) == (sold.agreement, sold.step, sold.reason)
    alone = negotiate(
        buyer.bargain.player.skill,
        seller.bargain.player.skill,
        pricing.grid(LISTING),
        deadline=STEPS,
        reservation=(buyer.bargain.player.problem.reservation, seller.bargain.player.problem.reservation),
    )
    assert (alone.agreement, alone.step) == (bought.agreement, bought.step)
    if bought.agreement is not None:
        assert 1_500 <= bought.agreement["price"] <= 3_500


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Propose(deal="d", step=2, outcome={"price": 2_000}), "wrong_step"),
        (AcceptOffer(deal="d", step=7), "wrong_step"),
        (Propose(deal="d", step=1, outcome={"price": 4_001}), "unknown_outcome"),  # above the list price
        (Propose(deal="d", step=1, outcome={"price": 1_999}), "unknown_outcome"),  # off the grid
        (Propose(deal="d", step=1, outcome={"price": "4000"}), "unknown_outcome"),
        (Propose(deal="d", step=1, outcome={"price": True}), "unknown_outcome"),
        (Propose(deal="d", step=1, outcome={}), "unknown_outcome"),
        (Propose(deal="d", step=1, outcome={"price": 4_000, "bribe": 1}), "unknown_outcome"),
        (Refuse(deal="d", code="busy", reason="come back later"), "busy"),
    ],
)
async def test_moves_off_the_table(said: Message, code: str) -> None:
    """What the mechanism does not know ends the talk with a code and a sentence."""
    table = Table("seller", said)
    with pytest.raises(RemoteProtocolError) as caught:
        await table.bargain.run()
    assert caught.value.code == code
    assert caught.value.message


async def test_accepting_before_an_offer() -> None:
    """There is nothing on the table in the first move."""
    with pytest.raises(RemoteProtocolError):
        await Table("seller", AcceptOffer(deal="d", step=1)).bargain.run()


async def test_walking_away_is_an_ending() -> None:
    """Leaving is allowed: no agreement, and the reason is kept."""
    outcome = await Table("seller", WalkAway(deal="d", code="bored", reason="too slow")).bargain.run()
    assert outcome.agreement is None
    assert "too slow" in outcome.reason


async def test_a_limit_below_the_grid_leaves_the_table() -> None:
    """A buyer that may pay less than the lowest price says so rather than bargain."""
    table = Table("buyer", limit=10)
    outcome = await table.bargain.run()
    assert outcome.agreement is None
    assert [type(message) for message in table.said] == [WalkAway]


async def test_moves_that_come_twice_count_once() -> None:
    """A transport that doubles everything does not end a talk."""
    buyer, seller = Table("buyer", skill="linear"), Table("seller", skill="conceder")
    plain = (await _both("linear", "conceder"))[0]
    buyer.queue, seller.queue = asyncio.Queue(), asyncio.Queue()

    async def twice(queue: asyncio.Queue[Message], message: Message) -> None:
        queue.put_nowait(message)
        queue.put_nowait(message)

    buyer.bargain._send = lambda message: twice(seller.queue, message)  # type: ignore[arg-type]
    seller.bargain._send = lambda message: twice(buyer.queue, message)  # type: ignore[arg-type]
    bought, sold = await asyncio.gather(buyer.bargain.run(), seller.bargain.run())
    assert bought.agreement == sold.agreement == plain.agreement


async def test_old_moves_are_not_listened_to_forever() -> None:
    """Replaying the past is ignored up to a bound, and ends the talk then."""
    replay = Propose(deal="d", step=1, outcome={"price": LISTING.lowest})
    table = Table("seller", *[replay] * (MAX_STALE + 5))
    with pytest.raises(RemoteProtocolError) as caught:
        await table.bargain.run()
    assert caught.value.code == "wrong_step"
    assert len(table.hears) == 3
