"""The bench of the chain, in small: many agents on anvil, and none of their payments lost or doubled."""

from __future__ import annotations

import os

import pytest

from coase.bench.chain import pay
from coase.errors import ConfigurationError
from coase.identity import Identity
from coase.settlement.anvil import AnvilChain, find_anvil

AGENTS, EACH = 50, 10


async def test_fifty_agents_at_once_lose_and_double_nothing() -> None:
    """Five hundred payments sent concurrently: `pay` raises when one is missing or made twice."""
    try:
        find_anvil()
    except ConfigurationError as error:
        if os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail(error.message)
        pytest.skip(error.message)
    people = [Identity.from_seed("bench test", f"agent {n}") for n in range(AGENTS)]
    async with AnvilChain(alloc={one.account: 10**20 for one in people}) as chain:
        await pay(chain, people, EACH)
        await pay(chain, people[:1], 150)
