"""From a listing's price to a bargaining problem: the domain both parties derive alike, and each party's own limits.

The domain is the grid of unit prices from a quarter of the list price up to the list price, in `STEPS` ticks or fewer.
A reservation price becomes a reservation utility on it; the limit that counts for money is checked again on integers.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from coase import loading
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.moves import Party, Propose
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem
from coase.negotiation.skill import Negotiator
from coase.terms.domain import Domain
from coase.terms.listing import Listing

STEPS = 200
LOWEST = 4  # the grid begins at the list price over this
NOTHING = 2.0  # a reservation utility above that of every outcome


class Bargainer(Protocol):
    """What an agent's parameters say about bargaining."""

    @property
    def negotiator(self) -> str:
        """The skill, by name or path."""
        ...

    @property
    def negotiator_parameters(self) -> Any:
        """Its parameters."""
        ...


def listed(list_price: int) -> dict[str, int]:
    """The price fields of a listing: the grid ends exactly at the list price."""
    tick = -(-list_price // STEPS)
    steps = (list_price - max(1, list_price // LOWEST)) // tick
    return {"price": list_price, "lowest": list_price - steps * tick, "tick": tick}


def grid(listing: Listing) -> Domain:
    """The unit prices that may be proposed, base units."""
    return Domain(price=range(listing.lowest, listing.price + 1, listing.tick))


def rules(listing: Listing, deadline: int) -> AlternatingOffers:
    """The mechanism for this listing."""
    return AlternatingOffers(grid(listing), deadline)


def player(agent: Bargainer, listing: Listing, party: Party, *, limit: int, deadline: int, mark: str) -> Player:
    """An agent's skill at its side of the table.

    Args:
        agent: whose skill.
        listing: what is sold.
        party: its side.
        limit: its reservation price a unit, base units.
        deadline: steps.
        mark: what the skill's random draws derive from.
    """
    domain = grid(listing)
    skill: Negotiator = loading.skill(agent.negotiator, **dict(agent.negotiator_parameters))
    reservation = _reservation(listing, party, limit)
    seed = draws_of(mark, party)
    return Player(skill, Problem.of(domain, party, deadline=deadline, reservation=reservation, seed=seed))


def draws_of(mark: str, party: Party) -> int:
    """The seed of a party's random draws: `coase.negotiate` with it draws the same."""
    return int.from_bytes(hashlib.sha256(f"{mark}/{party}".encode()).digest()[:6], "big")


def _reservation(listing: Listing, party: Party, limit: int) -> float:
    """The utility of the last price of the grid within the limit: rounding cannot let the next one in."""
    steps = (listing.price - listing.lowest) // listing.tick
    if party == "buyer":
        worst = steps - (limit - listing.lowest) // listing.tick  # ticks below the list price
    else:
        worst = -((listing.lowest - limit) // listing.tick)  # ticks above the lowest price, rounded up
    if worst > steps:
        return NOTHING
    return max(0, worst) / steps if steps else 0.0


def first_offer(player: Player, listing: Listing) -> int:
    """What the skill would ask for at first, base units a unit; the list price when it would make no offer."""
    move = player.move(None)
    return int(player.problem.domain.outcome(move.outcome)["price"]) if isinstance(move, Propose) else listing.price
