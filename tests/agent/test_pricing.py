"""From a price to a bargaining problem."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from coase.agent import pricing
from coase.identity import Identity
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.moves import Accept, Propose
from coase.negotiation.player import Player
from coase.terms.listing import Listing

SELLER = Identity.from_seed("pricing tests", "seller")
PRICES = st.integers(1, 10**6) | st.integers(1, 2**62 - 1)
SKILLS = st.sampled_from(["boulware", "conceder", "linear", "tit_for_tat"])


def _listing(price: int) -> Listing:
    fields: dict[str, Any] = {"key": "main", "sequence": 1, "kind": "model", "title": "t", "issued": 0, "expires": 1}
    return Listing.signed(SELLER, **fields, **pricing.listed(price))


def _agent(skill: str) -> Any:
    return SimpleNamespace(negotiator=skill, negotiator_parameters={})


@given(PRICES)
@example(1)
@example(2**62 - 1)
def test_the_grid_ends_at_the_list_price(price: int) -> None:
    """Whatever the price: whole ticks, from about a quarter of it, in at most about `STEPS` steps, all above zero."""
    fields = pricing.listed(price)
    assert fields["price"] == price
    assert 0 < fields["lowest"] <= price
    steps, rest = divmod(price - fields["lowest"], fields["tick"])
    assert rest == 0
    assert steps <= pricing.STEPS
    assert fields["lowest"] - fields["tick"] < max(1, price // pricing.LOWEST) <= fields["lowest"]


@settings(deadline=None)
@given(PRICES)
def test_both_parties_derive_the_same_grid(price: int) -> None:
    """What was listed travels as JSON, and gives the same domain over there."""
    here = _listing(price)
    there = Listing.parse(here.model_dump_json())
    one, other = pricing.grid(here), pricing.grid(there)
    assert one == other
    assert one.outcome(one.size - 1) == {"price": price}
    assert one.outcome(0) == {"price": here.lowest}


def _talk(rules: AlternatingOffers, buyer: Player, seller: Player) -> int | None:
    session = rules.start()
    while session.turn is not None:
        player = buyer if session.turn == "buyer" else seller
        session = rules.apply(session, session.turn, player.move(session.offer), us=session.turn)
    return None if session.agreement is None else int(rules.domain.outcome(session.agreement)["price"])


@settings(deadline=None, max_examples=150)
@given(PRICES, st.data(), SKILLS, SKILLS, st.integers(1, 12))
def test_no_agreed_price_is_beyond_a_limit(price: int, data: st.DataObject, one: str, other: str, steps: int) -> None:
    """Neither party ever agrees to a base unit more or less than its limit, on the grid or between its ticks."""
    listing = _listing(price)
    near = st.integers(max(0, listing.lowest - 2 * listing.tick), price)
    most, least = data.draw(near | st.integers(0, price)), data.draw(near | st.integers(1, price))
    buyer = pricing.player(_agent(one), listing, "buyer", limit=most, deadline=steps, mark="m")
    seller = pricing.player(_agent(other), listing, "seller", limit=least, deadline=steps, mark="m")
    agreed = _talk(pricing.rules(listing, steps), buyer, seller)
    assert agreed is None or least <= agreed <= most


@settings(deadline=None, max_examples=150)
@given(PRICES, st.data(), st.sampled_from(["buyer", "seller"]))
def test_exactly_the_prices_within_the_limit_are_acceptable(price: int, data: st.DataObject, party: Any) -> None:
    """The reservation utility lets in the prices that integers let in, and no other."""
    listing = _listing(price)
    limit = data.draw(st.integers(max(0, listing.lowest - 2), price) | st.integers(0, price))
    player = pricing.player(_agent("linear"), listing, party, limit=limit, deadline=5, mark="m")
    domain = pricing.grid(listing)
    for number in range(domain.size):
        at = int(domain.outcome(number)["price"])
        inside = at <= limit if party == "buyer" else at >= limit
        if domain.size > 1 or not inside:
            assert player.problem.acceptable(number) == inside


def test_the_first_offer_is_a_price_of_the_grid() -> None:
    """A seller's quote is what its skill would ask for first; the list price when it would leave."""
    listing = _listing(4_000_000)
    seller = pricing.player(_agent("boulware"), listing, "seller", limit=2_000_000, deadline=20, mark="m")
    assert pricing.first_offer(seller, listing) == 4_000_000
    nobody = pricing.player(_agent("boulware"), listing, "seller", limit=5_000_000, deadline=20, mark="m")
    assert pricing.first_offer(nobody, listing) == 4_000_000
    assert not isinstance(nobody.move(None), (Propose, Accept))
