"""The escrow against a plain Python model: random actions by random parties, in any order, at any time.

About 500 actions in `make test`, 10,000 where COASE_PROVE is set (`make prove`).
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.money import DOLLAR, split
from coase.settlement.defaults import Rules
from coase.settlement.escrow import EscrowClient
from coase.terms.agreement import Agreement
from coase.testing.chain import DeployedChain, memory_chain

START = 1_000 * DOLLAR
PEOPLE = [Identity.from_seed("escrow model", name) for name in ("buyer", "seller", "arbiter", "treasury")]
BUYER, SELLER, ARBITER, TREASURY = range(4)
LATE, ACCEPT, REVIEW, RULING, FEE = 60, 20, 10, 15, 137
PRICES = (1, 3, 10_001, 500, 700)  # the last two are a bundle: two milestones
BONDS = (0, 5, 777, 0, 50)
WORD = "77" * 32
OWNERS = {"open": BUYER, "offer": BUYER, "deliver": SELLER, "release": BUYER, "dispute": BUYER, "rule": ARBITER}
ALLOWED = {
    "accept": ("offered",),
    "deliver": ("funded",),
    "release": ("delivered", "disputed"),
    "claim": ("delivered",),
    "refund": ("offered", "funded", "delivered", "disputed"),
    "dispute": ("delivered",),
    "rule": ("disputed",),
    "settle_unruled": ("disputed",),
    "settle": ("funded", "delivered", "disputed"),
}
ACTIONS = ("open", "offer", "open_bundle", *ALLOWED, "wait")
# What fails is shown as it is: each example takes a chain of its own, and shrinking takes minutes.
QUICKLY = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)
EXAMPLES = 160 if os.environ.get("COASE_PROVE") else 8

steps = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 4), st.integers(0, 3), st.integers(0, 10_000))


@dataclass
class Deal:
    price: int
    bond: int
    accept_by: int
    deliver_by: int
    leg: bool = False
    previous: Deal | None = None
    status: str = "none"
    at: int = 0


@dataclass
class Model:
    """What the escrow should do, in a few lines: it returns the name of the error, or nothing and moves the money."""

    deals: list[Deal]
    broken: bool = False
    money: list[int] = field(default_factory=lambda: [START] * 4)

    def act(self, action: str, deal: Deal, who: int, points: int, now: int) -> str:
        if action == "open_bundle":
            return self._bundle(who, now)
        refusal = self._refusal(action, deal, who, now)
        if refusal:
            return refusal
        if action in ("open", "offer"):
            self.money[BUYER] -= deal.price
            deal.status = {"open": "funded", "offer": "offered"}[action]
        elif action == "accept":
            deal.status = "funded"
        elif action in ("deliver", "dispute"):
            deal.status, deal.at = {"deliver": "delivered", "dispute": "disputed"}[action], now
            self.money[BUYER] -= deal.bond if action == "dispute" else 0
        else:
            if action == "refund" and not self._complete(deal) and deal.status in ("offered", "funded"):
                self.broken = True
            shares = {"release": 10_000, "claim": 10_000, "refund": 0, "settle_unruled": 5_000}
            self._pay(deal, shares.get(action, points))
        return ""

    def _pay(self, deal: Deal, points: int) -> None:
        held = deal.bond if deal.status == "disputed" else 0
        of_price, of_bond = split(deal.price, points)[0], split(held, points)[0]
        fee = split(of_price, FEE)[0]
        self.money[TREASURY] += fee
        self.money[SELLER] += of_price + of_bond - fee
        self.money[BUYER] += deal.price + held - of_price - of_bond
        deal.status = "settled" if of_price + of_bond else "refunded"

    def _bundle(self, who: int, now: int) -> str:
        legs = [deal for deal in self.deals if deal.leg]
        if legs[0].status != "none":
            return "Escrow_AlreadyOpen"
        if who != BUYER:
            return "Escrow_WrongParty"
        if now > legs[0].accept_by:
            return "Escrow_TooLate"
        self.money[BUYER] -= sum(leg.price for leg in legs)
        legs[0].status, legs[1].status = "funded", "offered"  # one is signed, the other is to be accepted
        return ""

    def _complete(self, deal: Deal) -> bool:
        return not deal.leg or (not self.broken and self.deals[-1].status not in ("none", "offered"))

    def _refusal(self, action: str, deal: Deal, who: int, now: int) -> str:
        if OWNERS.get(action, who) != who or (action == "settle" and who not in (BUYER, SELLER)):
            return "Escrow_WrongParty"
        if action in ("open", "offer"):
            if deal.leg:
                return "Escrow_BadAgreement"
            if now > deal.deliver_by:
                return "Escrow_TooLate"
            if deal.status != "none":
                return "Escrow_AlreadyOpen"
            return "Escrow_TooLate" if action == "offer" and now > deal.accept_by else ""
        if deal.status not in ALLOWED[action]:
            return "Escrow_WrongStatus"
        if action == "accept":
            if now > deal.accept_by:
                return "Escrow_TooLate"
            if who != SELLER:
                return "Escrow_NotSignedBy"
            return "Escrow_BundleBroken" if deal.leg and self.broken else ""
        if action == "refund":
            return self._refund_refusal(deal, who, now)
        if action == "settle":
            return "" if self._complete(deal) else "Escrow_BundleIncomplete"
        until = {"deliver": deal.deliver_by, "dispute": deal.at + REVIEW, "rule": deal.at + RULING}.get(action)
        if until is not None and now > until:
            return "Escrow_TooLate"
        if action == "deliver" and not self._complete(deal):
            return "Escrow_BundleIncomplete"
        if action == "deliver" and deal.previous is not None and deal.previous.status != "settled":
            return "Escrow_PreviousOpen"
        after = {"claim": deal.at + REVIEW, "settle_unruled": deal.at + RULING}.get(action)
        return "Escrow_TooEarly" if after is not None and now <= after else ""

    def _refund_refusal(self, deal: Deal, who: int, now: int) -> str:
        if who == SELLER:
            return ""
        if deal.status in ("delivered", "disputed"):
            return "Escrow_WrongParty"
        if deal.previous is not None and deal.previous.status == "refunded":
            return ""
        if not self._complete(deal):
            return "" if self.broken or now > deal.accept_by else "Escrow_TooEarly"
        return "Escrow_TooEarly" if now <= (deal.accept_by if deal.status == "offered" else deal.deliver_by) else ""


async def perform(
    client: EscrowClient, action: str, agreements: list[Agreement], which: int, who: int, points: int, intent: str
) -> str:
    """What the chain says: the name of the error, or nothing."""
    agreement = agreements[which]
    try:
        if action == "open":
            await client.open(intent, agreement, PEOPLE[SELLER].sign(client.digest(agreement)))
        elif action == "open_bundle":
            legs = agreements[3:]
            await client.open_bundle(intent, legs, [PEOPLE[SELLER].sign(client.digest(legs[0])), None])
        elif action in ("deliver", "dispute"):
            await getattr(client, action)(intent, agreement, bytes([7]) * 32)
        elif action == "rule":
            await client.rule(intent, agreement, points)
        elif action == "settle":
            digest = agreement.proposal(points, 2**40 - 1, client.chain_id, client.escrow)
            signature = PEOPLE[SELLER if who == BUYER else BUYER].sign(digest)
            await client.settle(intent, agreement, points, 2**40 - 1, signature)
        else:
            await getattr(client, action)(intent, agreement)
    except TransactionReverted as error:
        return error.reason.partition("(")[0]
    return ""


async def setting(chain: DeployedChain) -> tuple[list[Agreement], Model]:
    """Five agreements, two of them milestones of a bundle, and the model of them."""
    now = await chain.backend.now()
    client = chain.client(PEOPLE[BUYER])
    agreements: list[Agreement] = []
    deals: list[Deal] = []
    for number, (price, bond) in enumerate(zip(PRICES, BONDS, strict=True)):
        leg = number >= 3
        agreements.append(
            Agreement(
                buyer=PEOPLE[BUYER].account,
                seller=PEOPLE[SELLER].account,
                arbiter=PEOPLE[ARBITER].account,
                token=chain.contracts.token,
                price=price,
                bond=bond,
                accept_by=now + ACCEPT,
                deliver_by=now + LATE,
                review_seconds=REVIEW,
                ruling_seconds=RULING,
                terms_hash="00" * 32,
                salt="00" * 32,
                bundle=WORD if leg else "00" * 32,
                previous=client.digest(agreements[3]).hex() if number == 4 else "00" * 32,
            )
        )
        deals.append(Deal(price, bond, now + ACCEPT, now + LATE, leg, deals[3] if number == 4 else None))
    return agreements, Model(deals)


async def compare(chain: DeployedChain, sequence: list[tuple[str, int, int, int]]) -> None:
    """Do the same on the chain and in the model, and compare after each step."""
    clients = [chain.client(person) for person in PEOPLE]
    agreements, model = await setting(chain)
    for number, (action, which, who, points) in enumerate(sequence):
        if action == "wait":
            await chain.backend.wait(points % 20)
            continue
        deal, now = model.deals[which], await chain.backend.now()
        said = await perform(clients[who], action, agreements, which, who, points, f"step {number}")
        assert said == model.act(action, deal, who, points, now), (number, action, who, deal)
        if said:
            continue
        assert (await clients[0].status(agreements[which])).status == deal.status
        held = await clients[0].balance(chain.contracts.escrow)
        money = [await clients[0].balance(person.account) for person in PEOPLE]
        assert money == model.money
        waiting = [d for d in model.deals if d.status in ("offered", "funded", "delivered", "disputed")]
        assert held == sum(d.price + (d.bond if d.status == "disputed" else 0) for d in waiting)
        assert sum(money) + held == 4 * START


async def run(sequence: list[tuple[str, int, int, int]]) -> None:
    """Compare on a new chain, with a fee."""
    rules = Rules(recipient=PEOPLE[TREASURY].account, fee_basis_points=FEE)
    async with memory_chain([person.account for person in PEOPLE], rules=rules) as chain:
        await compare(chain, sequence)


@given(st.lists(steps, min_size=20, max_size=60))
@settings(QUICKLY, max_examples=EXAMPLES)
def test_any_order_of_any_actions_does_what_the_model_says(sequence: list[tuple[str, int, int, int]]) -> None:
    """Each action succeeds or fails by the same name as in the model, and no unit is ever lost or made."""
    asyncio.run(run(sequence))


OPENED = [
    *(("open", n, BUYER, 0) for n in range(3)),
    *(("deliver", n, SELLER, 0) for n in range(3)),
    ("open_bundle", 3, BUYER, 0),
]


@given(st.lists(steps, min_size=10, max_size=40))
@settings(QUICKLY, max_examples=EXAMPLES)
def test_any_order_of_any_actions_after_three_deliveries(sequence: list[tuple[str, int, int, int]]) -> None:
    """The same from three delivered deals and a bundle on, so that disputes and rulings are reached often."""
    asyncio.run(run([*OPENED, *sequence]))
