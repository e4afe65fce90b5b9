"""One skill file in a study, in a tournament and in a live market behaves the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coase
from coase.agent import marketplace
from coase.agent.pricing import draws_of
from coase.money import DOLLAR
from coase.negotiation.draws import FIRST, GOLDEN, MASK, PARTY, SECOND, mix, party_key, session_seed
from coase.negotiation.moves import PARTIES, Party
from coase.negotiation.tournament.scenario import Scenario

LOW, HIGH = 33, 132  # base units: the grid of a listing at 132 has these 100 prices
VALUE, COST, STEPS, SEED = 120, 45, 40, 7
SPAN = HIGH - LOW
LIMITS = (HIGH - VALUE) / SPAN, (COST - LOW) / SPAN
DOMAIN = coase.Domain(price=range(LOW, HIGH + 1))
OTHER = "conceder"
RUNS = 20

SKILL = '''
"""Waits, then asks for less with time and with what it is offered, and by chance for less than that."""

from typing import Any, NamedTuple

import coase


class State(NamedTuple):
    best: float


class Haggler(coase.Negotiator):
    """Remembers the best offer."""

    share: float = 0.5

    def start(self, problem: Any) -> State:
        return State(0.0)

    def ask(self, state: State, now: Any) -> tuple[State, float]:
        best = max(state.best, now.worth)
        if now.t < 0.1:
            return State(best), 1.0
        return State(best), 1.0 - self.share * now.t**0.5 - 0.3 * best * now.t - 0.2 * now.uniform()
'''
STUDY = f'''
"""What my haggler makes of it."""

from pathlib import Path

import coase


class MyStudy(coase.Study):
    """One buyer and one seller bargain once a run, in the bargaining market; the haggler in the first place or not."""

    question = "Where does my haggler agree?"
    method = "The market is made anew with each of several seeds."
    place: int = 0
    draws: int = 0
    runs: int = 1

    def cells(self):
        return [{{"draws": self.draws}}]

    def measure(self, cell, seed):
        traders = [(str(Path(__file__).with_name("my_haggler.py")), 1), ("{OTHER}", 1)]
        run = coase.simulate(
            "bargaining", traders=traders[:: 1 - 2 * self.place], demand=[{VALUE}], supply=[{COST}], low={LOW},
            high={HIGH}, deadline={STEPS}, meetings=1, runs=self.runs, seed=cell["draws"],
        )
        assert not run.failed
        return [{{"price": trade["price"], "step": trade["rested"]}} for trade in run.trades()]

    def show(self, rows):
        return coase.Shown([f"At {{rows[0]['price']}}."])
'''


def unmix(number: int) -> int:
    """The state whose SplitMix64 output this is: `coase.negotiation.draws.mix` the other way."""
    for shift, factor in ((31, SECOND), (27, FIRST), (30, 1)):
        number ^= number >> shift ^ number >> 2 * shift
        number = number * pow(factor, -1, 1 << 64) & MASK
    return (number - GOLDEN) & MASK


def seed_before(session: int, number: int) -> int:
    """The seed whose session `number` has the seed `session`."""
    return unmix((unmix(session) - number) & MASK)


def party_before(key: int, party: int) -> int:
    """The seed of which `party_key` makes this key."""
    return unmix((unmix(key) - party) & MASK) ^ PARTY


def in_a_study(skill: Path, place: int, draws: int) -> tuple[int, int]:
    """(price, step) in a study of one's own that names the file."""
    file = skill.with_name("my_study.py")
    file.write_text(STUDY)
    pair = party_before(party_before(draws, 0), 1)  # the first meeting's, and in it the buyer's
    first = seed_before(pair, 0)
    (row,) = coase.run_study(coase.study(str(file), place=place, draws=first)).rows
    many = coase.run_study(coase.study(str(file), place=place, draws=first, runs=RUNS)).rows
    assert many[0] == row
    assert len({(one["price"], one["step"]) for one in many}) > RUNS // 4  # its draws do matter
    return row["price"], row["step"]


def in_a_tournament(skill: Path, place: int, draws: int) -> tuple[int, int]:
    """(price, step) of the negotiation that it begins, or the other does; it plays in a process of its own."""
    prices = [price / SPAN for price in range(SPAN + 1)]
    buys: Any = [1 - price for price in prices]
    scene = Scenario("three places", DOMAIN, (buys, prices), LIMITS, STEPS)  # type: ignore[arg-type]
    pair = (0, 1) if place == 0 else (1, 0)
    seed = seed_before(seed_before(draws, 2 * pair[0] + pair[1]), 0)
    found = coase.tournament([str(skill), OTHER], scene, repeats=1, seed=seed)
    (row,) = (row for row in found.rows if (row.buyer, row.seller) == pair)
    assert row.end == "agreed"
    return LOW + round(row.gains[1] * SPAN), row.step


async def in_a_market(skill: Path, market: coase.Marketplace, place: int) -> tuple[int, int, int]:
    """(price, step, seed of its draws) of a deal that was signed, paid for and delivered, between shipped agents."""
    who = [str(skill), OTHER][:: 1 - 2 * place]
    names = [f"{party}-{place}" for party in PARTIES]
    buyer = await market.add("buyer", name=names[0], budget="1.00", negotiator=who[0], deadline=STEPS)
    seller = await market.add(
        "data_provider", name=names[1], list_price=HIGH, floor_price=COST, negotiator=who[1], deadline=STEPS,
        first=10 * place, last=10 * place + 10,
    )  # fmt: skip
    deal = await buyer.buy(coase.Want(kind="dataset", at_most=VALUE), sellers=[seller.listing])
    await market.quiet()
    assert deal.settled
    assert not market.failures
    party: Party = PARTIES[place]
    return deal.price, deal.body["rounds"], draws_of(f"{SEED}/{deal.name}", party)


class Idle:
    """An executor in a market where nobody has work done."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""


async def test_one_file_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buying and selling, with draws of its own, it agrees at the same price in the same step in a study, in a
    tournament, and live, where the money changes hands on the chain.
    """
    monkeypatch.setattr(marketplace, "LocalExecutor", Idle)
    skill = tmp_path / "my_haggler.py"
    skill.write_text(SKILL)
    async with coase.Marketplace.embedded(tmp_path / "home", seed=SEED) as market:
        deals = [await in_a_market(skill, market, place) for place in (0, 1)]
        balances = await market.balances()
    for place, (price, step, draws) in enumerate(deals):
        assert (price, step) == in_a_study(skill, place, draws) == in_a_tournament(skill, place, draws)
        assert 100 * DOLLAR + price == balances[f"seller-{place}"]
        assert COST < price < VALUE
        assert 1 < step < STEPS


def test_seeds_that_lead_to_a_session() -> None:
    """The way back from a session's seed to those of what it is part of is the way there."""
    for number in (0, 1, 2**63 + 11, MASK):
        assert mix(unmix(number)) == number
        assert session_seed(seed_before(number, 3), 3) == number
        assert party_key(party_before(number, 1), 1) == number
