"""Who takes part in the demo: prices and skills are drawn from the seed, so that other seeds have other winners."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from coase import money

STEPS = 400
HELD, OWN = 360, 200  # images that never leave the buyer; rows that the model seller trains on
ROWS = 1797
SKILLS = ("boulware", "linear", "conceder", "tit_for_tat")
BUYER_SKILLS = SKILLS[:3]  # two tit-for-tats wait for each other until the deadline
BUYER, CHEAT = "buyer", "gpu-a"
CHEATS = {"no-delivery": "no_show_provider", "tampered-result": "sloppy_provider"}


@dataclass(frozen=True)
class Seat:
    """An agent of the demo."""

    name: str
    what: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """The agents, in the order they join; the buyer last."""

    seed: int
    seats: tuple[Seat, ...]


def scenario(seed: int, fault: str = "") -> Scenario:
    """The demo's market for a seed; a fault puts a cheat in it, who is cheap enough to be chosen."""
    draw = random.Random(f"coase demo {seed}")  # noqa: S311  # a scenario, not a secret
    data = {"shuffle_seed": seed}
    seats = [
        Seat("data-provider", "data_provider", {**data, "first": HELD + OWN, "last": ROWS, **_prices(draw, 500, 800)}),
        Seat("model-seller", "model_seller", {**data, "first": HELD, "last": HELD + OWN, **_prices(draw, 300, 500)}),
    ]
    skills = draw.sample(SKILLS, 3)
    for name, skill, memory, threads in zip(
        ("gpu-a", "gpu-b", "gpu-c"), skills, (2048, 4096, 8192), (1, 2, 2), strict=True
    ):
        prices = {**_prices(draw, 400, 700, STEPS), "negotiator": skill}
        seats.append(Seat(name, "gpu_provider", {**prices, "memory_mib": memory, "threads": threads}))
    seats.append(Seat("validator", "validator", _prices(draw, 40, 80)))
    if fault in CHEATS:
        cheap = {"list_price": money.show(9_000), "floor_price": money.show(5_000), "negotiator": "conceder"}
        seats = [Seat(s.name, CHEATS[fault], {**s.parameters, **cheap}) if s.name == CHEAT else s for s in seats]
    seats.append(Seat(BUYER, "buyer", _buyer(draw, fault)))
    return Scenario(seed, tuple(seats))


def _buyer(draw: random.Random, fault: str) -> dict[str, Any]:
    compute = "1.00" if fault == "overspend" else "8.00"
    return {
        "budget": "25.00",
        "ceilings": {"dataset": "9.00", "model": "6.00", "compute": compute, "validation": "1.00"},
        "negotiator": draw.choice(BUYER_SKILLS),
    }


def _prices(draw: random.Random, low: int, high: int, units: int = 1) -> dict[str, str]:
    """A list price between two amounts in cents for `units` units, and a floor of 55 to 75% of it; a unit, as text."""
    listed = draw.randrange(low, high) * (money.DOLLAR // 100) // units
    floor = listed * draw.randrange(55, 76) // 100
    return {"list_price": money.show(listed), "floor_price": money.show(floor), "negotiator": draw.choice(SKILLS)}
