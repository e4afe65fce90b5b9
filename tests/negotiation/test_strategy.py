"""Skills under every market rule: coase/negotiation/strategy.py."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

import coase
from coase import loading
from coase.errors import ProtocolError, UsageError
from coase.negotiation.contract_net import Announce, Call
from coase.negotiation.mechanism import SHIPPED, Award, Bid, Clearing, Decline
from coase.negotiation.moves import PARTIES, Party
from coase.negotiation.posted_price import Post, Shop
from coase.negotiation.sealed_bids import Bids
from coase.negotiation.sealed_window import Commit, Reveal, Window, commitment
from coase.negotiation.stacked import Round

PRICES = coase.Domain(price=range(10, 111, 5))
ROUNDS = {"alternating_offers": 12}  # the others have one
LIMITS: Mapping[Party, tuple[int, ...]] = MappingProxyType({"buyer": (20, 60, 105), "seller": (25, 60, 110)})
NEEDS: Mapping[str, dict[str, Any]] = MappingProxyType({"from_negmas": {"negotiator": "AspirationNegotiator"}})


def negotiators() -> list[str]:
    """All that ship and bargain, but the one that needs a language model."""
    kinds = ((name, loading.find("skills", name)) for name in loading.names("skills"))
    return [name for name, kind in kinds if issubclass(kind, coase.Negotiator) and name != "llm"]


class Hostile:
    """Moves that fit where things stand, at any price: far too high, far too low, or what was just refused."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.sealed = draw, (0, "")

    def __call__(self, state: Any, name: str) -> Any:
        draw, price = self.draw, self.draw.choice([0, 1, 10, 15, 20, 24, 26, 59, 61, 100, 106, 110, 111, 10**20])
        match state:
            case Round():
                return draw.choice([coase.Propose(draw.randrange(PRICES.size))] * 4 + [coase.Accept()])
            case Bids():
                return Bid(price)
            case Call():
                moves: dict[str, list[Any]] = {
                    "announcing": [Announce(price)],
                    "bidding": [Bid(min(price, max(state.limit, 0))), Decline()],
                    "awarding": [Award(draw.choice(state.bids)[0])] if state.bids else [Decline()],
                    "confirming": [coase.Accept(), coase.Accept(), Decline()],
                }
                return draw.choice(moves[str(state.phase)])
            case Window():
                if state.phase == "sealing":
                    self.sealed = price, str(draw.random())
                    return Commit(commitment(name, *self.sealed))
                if state.phase == "opening":
                    return Reveal(self.sealed[0] + draw.choice([0, 0, 0, 1]), self.sealed[1])
                return Award(draw.choice(state.opened)[0])
            case Shop():
                return Post(price, draw.choice([1, 3])) if state.phase == "posting" else coase.Accept()
        raise AssertionError(state)


def held(rule: str, skill: Any, party: Party, limit: int, seed: int) -> tuple[Clearing | None, coase.Problem]:
    """A skill among hostile others; None where one of those broke the rules, which ends it without a deal."""
    span = 100
    reservation = (110 - limit) / span if party == "buyer" else (limit - 10) / span
    problem = coase.Problem.of(PRICES, party, deadline=ROUNDS.get(rule, 1), reservation=reservation, seed=seed)
    draw = random.Random(seed)
    mine, others = "me", ["x"] if rule == "alternating_offers" else ["x", "y"]
    buyers, sellers = ([mine], others) if party == "buyer" else (others[:1], [mine, *others[1:]])
    if rule == "posted_price" and party == "seller":
        buyers, sellers = others, [mine]
    elif rule == "posted_price":
        buyers, sellers = [mine, "y"], ["x"]
    parameters: dict[str, Any] = {}
    if rule in ("first_price", "second_price"):
        parameters = {"reserve": limit if party == "buyer" else 200}
    elif rule == "alternating_offers":
        parameters = {"domain": PRICES, "deadline": ROUNDS[rule]}
    strategies = {name: Hostile(draw) for name in (*buyers, *sellers)} | {mine: coase.SkillStrategy(skill, problem)}
    rules = coase.mechanism(rule, **parameters)

    def watched(state: Any, name: str) -> Any:
        move = strategies[name](state, name)
        if name == mine:
            rules.submit(state, name, move)  # its own moves always obey the rule
        return move

    try:
        return coase.hold(rules, dict.fromkeys(strategies, watched), buyers, sellers, seed=seed), problem
    except ProtocolError:
        return None, problem


def within(rule: str, skill: str, party: Party) -> int:
    """Deals of a skill under a rule; each has been found within its reservation."""
    deals = 0
    wanted = NEEDS.get(skill, {})
    played = coase.skill(skill, **wanted)
    for limit in LIMITS[party]:
        for seed in range(4):
            got, problem = held(rule, played, party, limit, seed)
            if got is None:
                continue
            if got.agreement is not None:
                assert problem.acceptable(got.agreement), (skill, limit, seed)
                deals += 1
            for trade in got.trades:
                if "me" in (trade.buyer, trade.seller):
                    assert trade.price <= limit if party == "buyer" else trade.price >= limit, (skill, limit, seed)
                    deals += 1
    return deals


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("rule", sorted(SHIPPED))
def test_no_skill_goes_below_its_reservation(rule: str, party: Party) -> None:
    """Every shipped negotiator under every rule, among others who bid, post, award and propose at hostile prices."""
    deals = {skill: within(rule, skill, party) for skill in negotiators()}
    assert len(deals) >= 15
    assert sum(deals.values()) >= len(deals)  # it is not safe merely because nothing is ever agreed


def test_a_skill_that_would_go_below_is_stopped() -> None:
    """The same test catches a skill without the guard: the guard is what holds, not the skills' good will."""

    class Greedy(coase.Negotiator):
        """Takes anything."""

        def step(self, state: Any, offer: int | None) -> tuple[Any, coase.Move]:
            return state, coase.Accept() if offer is not None else coase.Propose(PRICES.size - 1)

    for rule in sorted(SHIPPED):
        for seed in range(8):
            got, problem = held(rule, Greedy(), "buyer", 60, seed)
            if got is not None:
                assert got.agreement is None or problem.acceptable(got.agreement)
                assert all(trade.price <= 60 for trade in got.trades if trade.buyer == "me")


def test_two_skills_bargain_as_negotiate_has_it() -> None:
    """Through `hold` and the table for many parties: the agreement of `coase.negotiate`."""
    one, two = coase.skill("boulware"), coase.skill("tit_for_tat")
    alone = coase.negotiate(one, two, PRICES, deadline=40, seed=3)
    seats: dict[str, Any] = {
        p: coase.SkillStrategy(s, coase.Problem.of(PRICES, p, deadline=40, seed=3))
        for p, s in zip(PARTIES, (one, two), strict=True)
    }
    got = coase.hold(coase.mechanism("alternating_offers", domain=PRICES, deadline=40), seats, ["buyer"], ["seller"])
    assert alone.agreement is not None
    assert got.agreement == PRICES.number(alone.agreement)


class Eager(coase.Negotiator):
    """Takes whatever is worth its reservation."""

    def target(self, t: Any) -> Any:
        return 0 * t


def test_a_price_between_two_counts_as_the_worse() -> None:
    """For a buyer the next higher of its prices, for a seller the next lower; beyond the domain nothing is taken."""
    for party, price, takes in (("buyer", 61, True), ("buyer", 66, False), ("seller", 64, True), ("seller", 59, False)):
        side: Party = "buyer" if party == "buyer" else "seller"
        floor = 0.45 if side == "buyer" else 0.5  # 65 and 60
        problem = coase.Problem.of(PRICES, side, deadline=1, reservation=floor)
        assert coase.SkillStrategy(Eager(), problem)._takes(price) is takes


def test_rules_that_it_does_not_know_are_refused() -> None:
    """And a domain with more than a price, where the rule is about a price."""
    seat = coase.SkillStrategy(coase.skill("boulware"), coase.Problem.of(PRICES, "buyer", deadline=1))
    with pytest.raises(UsageError) as refused:
        seat(object(), "me")
    assert refused.value.code == "unknown_rule"
    wide = coase.Domain(price=range(3), speed=["slow", "fast"])
    bidder = coase.SkillStrategy(coase.skill("boulware"), coase.Problem.of(wide, "buyer"))
    start = coase.mechanism("k_double_auction").init(["a"], ["b"])
    with pytest.raises(UsageError) as refused:
        bidder(start, "a")
    assert refused.value.code == "no_price"
