"""What the tests of markets share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import coase

World = Callable[[str], dict[str, Any]]


@pytest.fixture
def machine(need: Callable[[str], Any]) -> None:
    """Needs numba."""
    need("numba")


@pytest.fixture(
    params=["plain", "several units", "a trade empties the book", "quotes must improve", "all that can happen around"]
)
def world(request: pytest.FixtureRequest) -> World:
    """Every rule of the book, and all that happens around traders, "zip" and "zi_c" among them; takes who is late."""
    around = {"arrivals": True, "redraw": True, "shocks": {2: (50, 50)}, "entry": {"zip": 1}, "exit": {"zi_c": 2}}
    worlds: dict[str, World] = {
        "plain": lambda late: {},
        "several units": lambda late: {"units": 3},
        "a trade empties the book": lambda late: {"clear_book": True, "units": 2},
        "quotes must improve": lambda late: {"improve": True},
        "all that can happen around": lambda late: {
            "units": 2, "budget": 400, "world": coase.World(**around, latency={late: 7}),
        },
    }  # fmt: skip
    return worlds[request.param]
