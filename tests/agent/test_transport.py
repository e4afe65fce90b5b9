"""coase.agent.transport: the promises that every transport keeps, tried on all three."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from coase.agent.message import CEILING, MAX_BYTES, Message
from coase.agent.mqtt import MqttTransport
from coase.agent.runtime import InProcessTransport
from coase.agent.transport import Endpoint, Transport
from coase.errors import AddressInUse, TransportError, Undeliverable
from coase.identity import Identity
from coase.testing.transport import MemoryTransport

SECONDS = 10.0
ALICE, BOB, CAROL = (Identity.from_seed("transport", name) for name in ("alice", "bob", "carol"))


class Ping(Message):
    n: int


class Pong(Message):
    n: int


class Note(Message):
    text: str


class Chunk(Message):
    max_bytes: ClassVar[int] = CEILING
    data: str


class Heard:
    """A handler that keeps what it hears."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def __call__(self, sender: str, message: Message) -> None:
        self.messages.put_nowait((sender, message))

    async def next(self) -> tuple[str, Any]:
        return await asyncio.wait_for(self.messages.get(), SECONDS)


@pytest.fixture(params=["in_process", "mqtt", "memory"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """Each transport in turn, open."""
    made: dict[str, Any] = {
        "in_process": InProcessTransport,
        "mqtt": MqttTransport.embedded,
        "memory": MemoryTransport,
    }
    before = asyncio.all_tasks()
    async with made[request.param]() as transport:
        yield transport
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def test_a_request_has_its_reply(transport: Transport) -> None:
    """Two agents, both directions, the sender's address with each message."""
    heard = Heard()

    async def answer(sender: str, message: Message) -> None:
        assert isinstance(message, Ping)
        await bob.send(sender, Pong(deal=message.deal, n=message.n + 1))

    alice: Endpoint = await transport.connect("alice", ALICE, [Pong], heard)
    bob: Endpoint = await transport.connect("bob", BOB, [Ping], answer)
    assert (alice.address, bob.address) == (ALICE.address, BOB.address)
    await alice.send(bob.address, Ping(deal="d1", n=1))
    assert await heard.next() == (bob.address, Pong(deal="d1", n=2))
    assert not alice.failures + bob.failures


async def test_messages_of_one_sender_arrive_in_order(transport: Transport) -> None:
    """First in, first out, for each sender."""
    heard = Heard()
    alice = await transport.connect("alice", ALICE, [], heard)
    carol = await transport.connect("carol", CAROL, [], heard)
    bob = await transport.connect("bob", BOB, [Ping], heard)

    async def talk(endpoint: Endpoint) -> None:
        for n in range(50):
            await endpoint.send(bob.address, Ping(deal="d", n=n))

    await asyncio.gather(talk(alice), talk(carol))
    arrived = [await heard.next() for _ in range(100)]
    for endpoint in (alice, carol):
        assert [message.n for sender, message in arrived if sender == endpoint.address] == list(range(50))


async def test_what_is_not_understood_never_reaches_the_handler(transport: Transport) -> None:
    """A message that the receiver did not ask for is counted, not handled."""
    heard = Heard()
    alice = await transport.connect("alice", ALICE, [], heard)
    bob = await transport.connect("bob", BOB, [Ping], heard)
    await alice.send(bob.address, Pong(deal="d", n=1))
    await alice.send(bob.address, Ping(deal="d", n=2))
    assert await heard.next() == (alice.address, Ping(deal="d", n=2))
    assert bob.refused == {"unknown_message": 1}


async def test_a_failing_handler_is_recorded_and_survived(transport: Transport) -> None:
    """What it raises is kept; the next message is handled."""
    done = asyncio.Event()

    async def handler(sender: str, message: Message) -> None:
        if message == Ping(deal="d", n=1):
            raise KeyError("once")
        done.set()

    bob = await transport.connect("bob", BOB, [Ping], handler)
    await bob.send(bob.address, Ping(deal="d", n=1))
    await bob.send(bob.address, Ping(deal="d", n=2))
    await asyncio.wait_for(done.wait(), SECONDS)
    assert [type(error) for error in bob.failures] == [KeyError]


async def test_a_slow_handler_blocks_no_other_agent(transport: Transport) -> None:
    """While Bob's handler waits, Carol talks with Alice, and Bob himself can send."""
    heard, entered, release = Heard(), asyncio.Event(), asyncio.Event()

    async def slow(sender: str, message: Message) -> None:
        entered.set()
        await release.wait()

    alice = await transport.connect("alice", ALICE, [Ping], heard)
    bob = await transport.connect("bob", BOB, [Ping], slow)
    carol = await transport.connect("carol", CAROL, [Ping], heard)
    await alice.send(bob.address, Ping(deal="d", n=1))
    await asyncio.wait_for(entered.wait(), SECONDS)
    await alice.send(carol.address, Ping(deal="d", n=2))
    assert await heard.next() == (alice.address, Ping(deal="d", n=2))
    await bob.send(alice.address, Ping(deal="d", n=3))
    assert await heard.next() == (bob.address, Ping(deal="d", n=3))
    release.set()


async def test_one_key_connects_once(transport: Transport) -> None:
    """The second agent with a key is refused and the first goes on; after it has left, the key is free again."""
    heard = Heard()
    first = await transport.connect("alice", ALICE, [Ping], heard)
    with pytest.raises(AddressInUse):
        await transport.connect("impostor", ALICE, [Ping], heard)
    await first.send(first.address, Ping(deal="d", n=1))
    assert (await heard.next())[1].n == 1
    await first.close()
    second = await transport.connect("alice", ALICE, [Ping], heard)
    await second.send(second.address, Ping(deal="d", n=2))
    assert (await heard.next())[1].n == 2


async def test_size_is_bounded(transport: Transport) -> None:
    """The largest message arrives; a larger one is refused where it is sent."""
    heard = Heard()
    bob = await transport.connect("bob", BOB, [Note, Chunk], heard)
    chunk = Chunk(deal="d", data="x" * (CEILING - len(Chunk(deal="d", data="").encode())))
    await bob.send(bob.address, chunk)
    assert (await heard.next())[1] == chunk
    largest = Note(deal="d", text="x" * (MAX_BYTES - len(Note(deal="d", text="").encode())))
    await bob.send(bob.address, largest)
    assert (await heard.next())[1] == largest
    with pytest.raises(TransportError) as caught:
        await bob.send(bob.address, Note(deal="d", text=largest.text + "x"))
    assert caught.value.code == "message_too_large"


async def test_an_address_that_is_none_is_undeliverable(transport: Transport) -> None:
    """Nobody is reachable at something that is not an address."""
    bob = await transport.connect("bob", BOB, [Ping], Heard())
    with pytest.raises(Undeliverable):
        await bob.send("bob", Ping(deal="d", n=1))


async def test_a_closed_endpoint_says_so(transport: Transport) -> None:
    """Sending after close is an error, closing twice is not, and what arrives later is lost."""
    heard = Heard()
    alice = await transport.connect("alice", ALICE, [Ping], heard)
    bob = await transport.connect("bob", BOB, [Ping], heard)
    await bob.close()
    await bob.close()
    with pytest.raises(TransportError) as caught:
        await bob.send(alice.address, Ping(deal="d", n=1))
    assert caught.value.code == "closed"
    await alice.send(alice.address, Ping(deal="d", n=2))
    assert (await heard.next())[1].n == 2


@pytest.mark.parametrize("make", [InProcessTransport, MqttTransport, MemoryTransport])
async def test_a_transport_must_be_open(make: Any) -> None:
    """Connecting outside of the context is refused."""
    with pytest.raises(TransportError) as caught:
        await make().connect("bob", BOB, [Ping], Heard())
    assert caught.value.code == "closed"
