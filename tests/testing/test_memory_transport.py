"""coase.testing.transport. What all transports promise is tried in tests/agent/test_transport.py."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coase.agent.inbox import Limits
from coase.agent.message import Message
from coase.errors import ConfigurationError, Undeliverable
from coase.identity import Identity
from coase.testing.transport import MemoryTransport

ALICE, BOB, CAROL = (Identity.from_seed("memory", name) for name in ("alice", "bob", "carol"))


class Ping(Message):
    n: int


async def ignore(sender: str, message: Message) -> None:
    """A handler that does nothing."""


async def exchange(seed: int, number: int, *, stranger: bool = False, **faults: Any) -> tuple[list[int], int, int]:
    """What Bob hears when Alice sends 0, 1, 2, ...; and how many were lost and doubled."""
    arrived: list[int] = []

    async def listen(sender: str, message: Message) -> None:
        assert isinstance(message, Ping)
        if sender == ALICE.address:
            arrived.append(message.n)

    async with MemoryTransport(seed, **faults) as transport:
        alice = await transport.connect("alice", ALICE, [], ignore)
        bob = await transport.connect("bob", BOB, [Ping], listen)
        carol = await transport.connect("carol", CAROL, [], ignore)
        for n in range(number):
            await alice.send(bob.address, Ping(deal="d", n=n))
            if stranger:
                await carol.send(bob.address, Ping(deal="d", n=n))
        await transport.settle()
        assert not bob.failures
        assert not bob.refused
        return arrived, transport.lost, transport.doubled


async def test_without_faults_everything_arrives_in_order() -> None:
    """The default is a perfect network."""
    assert await exchange(1, 200) == (list(range(200)), 0, 0)


async def test_a_seed_decides_the_faults() -> None:
    """The same seed, the same faults; another seed, others."""
    faults: dict[str, Any] = {"drop": 0.2, "duplicate": 0.2, "reorder": 0.3}
    first = await exchange(1, 200, **faults)
    assert first == await exchange(1, 200, **faults)
    assert first != await exchange(2, 200, **faults)


async def test_an_additional_agent_changes_no_fate() -> None:
    """What is lost and doubled between two agents does not depend on what a third one sends."""
    alone, lost, doubled = await exchange(3, 100, drop=0.3, duplicate=0.3)
    assert (await exchange(3, 100, drop=0.3, duplicate=0.3, stranger=True))[0] == alone
    assert len(alone) == 100 - lost + doubled
    assert min(lost, doubled) > 10


async def test_the_extremes_are_exact() -> None:
    """0 is never and 1 is always."""
    assert (await exchange(1, 50, drop=1.0))[0] == []
    assert Counter((await exchange(1, 50, duplicate=1.0))[0]) == Counter(dict.fromkeys(range(50), 2))
    arrived = (await exchange(1, 50, reorder=1.0))[0]
    assert sorted(arrived) == list(range(50)) != arrived


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_every_copy_is_accounted_for(seed: int, drop: float, duplicate: float, reorder: float) -> None:
    """Nothing arrives that was not sent; what is missing was lost, what is too many was doubled."""
    arrived, lost, doubled = asyncio.run(exchange(seed, 40, drop=drop, duplicate=duplicate, reorder=reorder))
    assert len(arrived) == 40 - lost + doubled
    assert len(set(arrived)) == 40 - lost
    assert set(arrived) <= set(range(40))
    assert max(Counter(arrived).values(), default=0) <= 2


@pytest.mark.parametrize("faults", [{"drop": -0.1}, {"duplicate": 1.1}, {"reorder": float("nan")}])
def test_a_share_is_between_zero_and_one(faults: dict[str, Any]) -> None:
    """Anything else is a mistake in the test."""
    with pytest.raises(ConfigurationError):
        MemoryTransport(**faults)


async def test_nobody_there_is_undeliverable() -> None:
    """Also after the receiver has left."""
    async with MemoryTransport() as transport:
        alice = await transport.connect("alice", ALICE, [Ping], ignore)
        bob = await transport.connect("bob", BOB, [Ping], ignore)
        await alice.send(bob.address, Ping(deal="d", n=1))
        await bob.close()
        with pytest.raises(Undeliverable):
            await alice.send(bob.address, Ping(deal="d", n=2))
        await transport.settle()


async def test_settle_waits_for_conversations() -> None:
    """A chain of replies, also through tasks of the agents' own, has ended when `settle` returns."""
    tasks: list[asyncio.Task[None]] = []
    count = 0

    async with MemoryTransport() as transport:

        async def later(to: str, n: int) -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            await agents[1 - n % 2].send(to, Ping(deal="d", n=n - 1))

        async def handler(sender: str, message: Message) -> None:
            nonlocal count
            assert isinstance(message, Ping)
            count += 1
            if message.n:
                tasks.append(asyncio.create_task(later(sender, message.n)))

        agents: list[Any] = [await transport.connect(n, Identity.from_seed("s", n), [Ping], handler) for n in "ab"]
        await agents[0].send(agents[1].address, Ping(deal="d", n=30))
        await transport.settle()
        assert count == 31
        assert all(task.done() for task in tasks)


async def test_hostile_deliveries_are_refused() -> None:
    """A test may put anything on the road; the endpoint checks as the others do."""
    heard: list[Message] = []

    async def listen(sender: str, message: Message) -> None:
        heard.append(message)

    async with MemoryTransport(limits=Limits(per_sender=1)) as transport:
        bob: Any = await transport.connect("bob", BOB, [Ping], listen)
        bob.deliver("user1x", Ping.digest(), "{}")
        bob.deliver(ALICE.address, "model:x", "{}")
        bob.deliver(ALICE.address, Ping.digest(), "{")
        bob.deliver(ALICE.address, Ping.digest(), "\ud800")
        bob.deliver(CAROL.address, Ping.digest(), '{"deal":"d","n":1}')
        await transport.settle()
        assert bob.refused == {"unsigned_sender": 1, "unknown_message": 1, "malformed": 1, "inbox_full": 1}
        assert heard == [Ping(deal="d", n=1)]
        assert not bob.failures


async def test_an_agent_may_close_itself() -> None:
    """Closing from within a handler does not wait for that handler."""
    async with MemoryTransport() as transport:

        async def handler(sender: str, message: Message) -> None:
            await bob.close()

        bob: Any = await transport.connect("bob", BOB, [Ping], handler)
        await bob.send(bob.address, Ping(deal="d", n=1))
        await transport.settle()
        assert bob._task.done()


def test_it_needs_no_uagents() -> None:
    """Tests of skills and agents with it run in the light core."""
    code = "import sys, coase.testing.transport; print({'uagents', 'uagents_core', 'aiohttp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n"
