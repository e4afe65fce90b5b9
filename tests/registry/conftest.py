"""What the registry tests share: a clock to set, and listings made with few words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coase.identity import Identity
from coase.registry.registry import Registry
from coase.terms.listing import Listing

NOW = 1_700_000_000
FIELDS = {
    "key": "main",
    "sequence": 1,
    "kind": "compute",
    "title": "Training steps",
    "price": 5000,
    "lowest": 4000,
    "issued": NOW,
    "expires": NOW + 86_400,
}


class Clock:
    """The time, as a test wants it."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """Seconds; `time` may be set."""
    return Clock()


@pytest.fixture(scope="session")
def seller() -> Identity:
    """An agent that offers something."""
    return Identity.from_seed("registry tests", "seller")


@pytest.fixture(scope="session")
def stranger() -> Identity:
    """Another agent."""
    return Identity.from_seed("registry tests", "stranger")


@pytest.fixture(scope="session")
def offer(seller: Identity) -> Callable[..., Listing]:
    """Signs a listing; every field may be given, and `by` whom it is."""

    def make(*, by: Identity = seller, **fields: Any) -> Listing:
        return Listing.signed(by, **FIELDS | fields)

    return make


@pytest.fixture
def registry(clock: Clock) -> Iterator[Registry]:
    """A registry in memory."""
    found = Registry(None, clock)
    yield found
    found.close()
