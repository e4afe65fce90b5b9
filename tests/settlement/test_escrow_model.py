"""The escrow against a plain Python model: random actions by random parties, in any order, at any time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.money import DOLLAR, split
from coase.settlement.escrow import EscrowClient
from coase.terms.agreement import Agreement
from coase.testing.chain import DeployedChain, memory_chain

START = 1_000 * DOLLAR
PEOPLE = [Identity.from_seed("escrow model", name) for name in ("buyer", "seller", "arbiter", "stranger")]
BUYER, SELLER, ARBITER, _ = range(4)
LATE, REVIEW, RULING = 60, 10, 15
PRICES = (1, 3, 10_001)
ACTIONS = ("open", "deliver", "release", "claim", "refund", "dispute", "rule", "settle_unruled", "wait")

steps = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 3), st.integers(0, 10_000))


@dataclass
class Deal:
    price: int
    deliver_by: int
    status: str = "none"
    at: int = 0


@dataclass
class Model:
    """What the escrow should do, in a few lines: it returns the name of the error, or nothing and moves the money."""

    deals: list[Deal]
    money: list[int] = field(default_factory=lambda: [START] * 4)

    def act(self, action: str, deal: Deal, who: int, points: int, now: int) -> str:
        refusal = self._refusal(action, deal, who, now)
        if refusal:
            return refusal
        if action == "open":
            self.money[BUYER] -= deal.price
            deal.status = "funded"
        elif action in ("deliver", "dispute"):
            deal.status, deal.at = {"deliver": "delivered", "dispute": "disputed"}[action], now
        else:
            to_seller = {
                "release": deal.price,
                "claim": deal.price,
                "refund": 0,
                "rule": split(deal.price, points)[0],
                "settle_unruled": deal.price // 2,
            }[action]
            self.money[SELLER] += to_seller
            self.money[BUYER] += deal.price - to_seller
            deal.status = "settled" if to_seller else "refunded"
        return ""

    def _refusal(self, action: str, deal: Deal, who: int, now: int) -> str:
        owner = {"open": BUYER, "deliver": SELLER, "release": BUYER, "dispute": BUYER, "rule": ARBITER}.get(action)
        if owner not in (None, who):
            return "Escrow_WrongParty"
        if action == "open":
            if now > deal.deliver_by:
                return "Escrow_TooLate"
            return "Escrow_AlreadyOpen" if deal.status != "none" else ""
        allowed = {
            "deliver": ("funded",),
            "release": ("delivered", "disputed"),
            "claim": ("delivered",),
            "refund": ("funded", "delivered", "disputed"),
            "dispute": ("delivered",),
            "rule": ("disputed",),
            "settle_unruled": ("disputed",),
        }[action]
        if deal.status not in allowed:
            return "Escrow_WrongStatus"
        if action == "refund" and who != SELLER:
            if deal.status != "funded":
                return "Escrow_WrongParty"
            return "Escrow_TooEarly" if now <= deal.deliver_by else ""
        until = {"deliver": deal.deliver_by, "dispute": deal.at + REVIEW, "rule": deal.at + RULING}.get(action)
        if until is not None and now > until:
            return "Escrow_TooLate"
        after = {"claim": deal.at + REVIEW, "settle_unruled": deal.at + RULING}.get(action)
        return "Escrow_TooEarly" if after is not None and now <= after else ""


async def perform(client: EscrowClient, action: str, agreement: Agreement, points: int, intent: str) -> str:
    """What the chain says: the name of the error, or nothing."""
    try:
        if action == "open":
            await client.open(intent, agreement, PEOPLE[SELLER].sign(client.digest(agreement)))
        elif action in ("deliver", "dispute"):
            await getattr(client, action)(intent, agreement, bytes([7]) * 32)
        elif action == "rule":
            await client.rule(intent, agreement, points)
        else:
            await getattr(client, action)(intent, agreement)
    except TransactionReverted as error:
        return error.reason.partition("(")[0]
    return ""


async def compare(chain: DeployedChain, sequence: list[tuple[str, int, int, int]]) -> None:
    """Do the same on the chain and in the model, and compare after each step."""
    clients = [chain.client(person) for person in PEOPLE]
    deliver_by = await chain.backend.now() + LATE
    agreements = [
        Agreement(
            buyer=PEOPLE[BUYER].account,
            seller=PEOPLE[SELLER].account,
            arbiter=PEOPLE[ARBITER].account,
            token=chain.contracts.token,
            price=price,
            deliver_by=deliver_by,
            review_seconds=REVIEW,
            ruling_seconds=RULING,
            terms_hash="00" * 32,
            salt="00" * 32,
        )
        for price in PRICES
    ]
    model = Model([Deal(price, deliver_by) for price in PRICES])
    for number, (action, which, who, points) in enumerate(sequence):
        if action == "wait":
            await chain.backend.wait(points % 20)
            continue
        deal, agreement, now = model.deals[which], agreements[which], await chain.backend.now()
        said = await perform(clients[who], action, agreement, points, f"step {number}")
        assert said == model.act(action, deal, who, points, now), (number, action, who, deal)
        if said:
            continue
        assert (await clients[0].status(agreement)).status == deal.status
        held = await clients[0].balance(chain.contracts.escrow)
        money = [await clients[0].balance(person.account) for person in PEOPLE]
        assert money == model.money
        assert held == sum(d.price for d in model.deals if d.status in ("funded", "delivered", "disputed"))
        assert sum(money) + held == 4 * START


async def run(sequence: list[tuple[str, int, int, int]]) -> None:
    """Compare on a new chain."""
    async with memory_chain([person.account for person in PEOPLE]) as chain:
        await compare(chain, sequence)


@given(st.lists(steps, min_size=20, max_size=60))
@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_any_actions_does_what_the_model_says(sequence: list[tuple[str, int, int, int]]) -> None:
    """Each action succeeds or fails by the same name as in the model, and no unit is ever lost or made."""
    asyncio.run(run(sequence))


OPENED = [("open", n, BUYER, 0) for n in range(3)] + [("deliver", n, SELLER, 0) for n in range(3)]


@given(st.lists(steps, min_size=10, max_size=40))
@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_any_actions_after_three_deliveries(sequence: list[tuple[str, int, int, int]]) -> None:
    """The same from three delivered deals on, so that disputes and rulings are reached often."""
    asyncio.run(run([*OPENED, *sequence]))
