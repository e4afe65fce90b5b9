"""The demo's scenario: whatever the seed, the parties can agree, and the winner is not always the same."""

from __future__ import annotations

from collections import Counter

from coase import loading, money
from coase.agent import pricing
from coase.cli.demo.scenario import STEPS, Seat, scenario
from coase.identity import Identity
from coase.negotiation.session import negotiate
from coase.terms.listing import Listing

SELLER = Identity.from_seed(0, "seller")
KINDS = {"data_provider": "dataset", "model_seller": "model", "gpu_provider": "compute", "validator": "validation"}


def listing(seat: Seat) -> Listing:
    """The price grid that a seller of the demo lists."""
    prices = pricing.listed(money.parse(seat.parameters["list_price"]))
    return Listing.signed(SELLER, key="main", sequence=1, kind="x", title="x", issued=1, expires=9, **prices)


def agreed(seat: Seat, buyer: Seat) -> bool:
    """Whether the buyer's skill and the seller's reach an agreement within both limits."""
    found, own = listing(seat), loading.make(loading.find("agents", seat.what), seat.parameters)
    units = STEPS if seat.what == "gpu_provider" else 1
    span = found.price - found.lowest
    limit = min(found.price, money.parse(buyer.parameters["ceilings"][KINDS[seat.what]]) // units)
    result = negotiate(
        loading.skill(buyer.parameters["negotiator"]),
        loading.skill(own.negotiator),
        pricing.grid(found),
        deadline=20,
        reservation=((found.price - limit) / span, (own.floor_price - found.lowest) / span),
    )
    return result.agreement is not None


def test_every_seed_has_deals_to_make() -> None:
    """In 60 scenarios each seller and the buyer can agree on their own."""
    for seed in range(60):
        *sellers, buyer = scenario(seed).seats
        assert all(agreed(seat, buyer) for seat in sellers), seed


def test_no_provider_is_always_the_cheapest() -> None:
    """Each of the three quotes lowest in some of 60 scenarios."""
    cheapest: Counter[str] = Counter()
    for seed in range(60):
        quotes = {}
        for seat in scenario(seed).seats:
            if seat.what == "gpu_provider":
                own, found = loading.make(loading.find("agents", seat.what), seat.parameters), listing(seat)
                player = pricing.player(own, found, "seller", limit=own.floor_price, deadline=20, mark=str(seed))
                quotes[seat.name] = pricing.first_offer(player, found)
        cheapest[min(quotes, key=lambda name: (quotes[name], name))] += 1
    assert min(cheapest[name] for name in ("gpu-a", "gpu-b", "gpu-c")) >= 10
