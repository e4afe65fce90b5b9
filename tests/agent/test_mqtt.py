"""coase.agent.mqtt, end to end over the embedded broker."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest

from coase.agent.broker import EmbeddedBroker, inbox
from coase.agent.envelope import ENVELOPE_BYTES, seal, wall_clock
from coase.agent.login import password
from coase.agent.message import Message
from coase.agent.mqtt import Link, MqttEndpoint, MqttTransport
from coase.errors import AddressInUse, TransportError, Undeliverable
from coase.identity import Identity
from coase.testing.clock import ManualClock

SECONDS = 10.0
ALICE, BOB, MALLORY = (Identity.from_seed("mqtt", name) for name in ("alice", "bob", "mallory"))
SESSION = uuid.UUID(int=7, version=4)


class Ping(Message):
    n: int


class Heard:
    """A handler that keeps what it hears."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, sender: str, message: Message) -> None:
        self.messages.put_nowait(message)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.messages.get(), SECONDS)


@pytest.fixture
def heard() -> Heard:
    """A handler that keeps what it hears."""
    return Heard()


@pytest.fixture
async def transport() -> AsyncIterator[MqttTransport]:
    """A transport with a broker of its own."""
    async with MqttTransport.embedded() as transport:
        yield transport


def visitor(port: int, key: Identity) -> aiomqtt.Client:
    """A client that logs in properly and then does as it likes."""
    return aiomqtt.Client(
        "127.0.0.1", port, username=key.address, password=password(key, "coase", wall_clock()), timeout=SECONDS
    )


def envelope(n: int = 1, **changes: Any) -> bytes:
    """Alice says `Ping` to Bob, signed, then changed."""
    raw = seal(ALICE, BOB.address, Ping.digest(), Ping(deal="d", n=n).encode(), SESSION, wall_clock())
    return json.dumps(json.loads(raw) | changes).encode()


async def test_what_the_network_may_do_to_an_envelope(transport: MqttTransport, heard: Heard) -> None:
    """Whatever somebody with access to the broker publishes, only what Alice signed, once and in time, is heard."""
    bob = await transport.connect("bob", BOB, [Ping], heard)
    once = envelope(1)
    arrivals = [
        once,
        once,
        envelope(2, payload="eyJkZWFsIjoiZCIsIm4iOjN9"),
        envelope(3, sender="user1" + "q" * 60, signature=None),
        envelope(4, sender=MALLORY.address),
        envelope(5, expires=wall_clock() - 3_600),
        envelope(6, target=MALLORY.address),
        b"",
        b"{}",
        b"\xff" * 100,
        b"[" * 100_000,
        envelope(7) + b" " * ENVELOPE_BYTES,
        envelope(8),
    ]
    async with visitor(transport.port, MALLORY) as mallory:
        for raw in arrivals:
            await mallory.publish(inbox(BOB.address), raw[: ENVELOPE_BYTES + 1], qos=1)
    assert [(await heard.next()).n, (await heard.next()).n] == [1, 8]
    assert bob.refused == {
        "replayed": 1,
        "bad_signature": 2,
        "unsigned_sender": 1,
        "expired": 1,
        "wrong_target": 1,
        "not_an_envelope": 4,
        "message_too_large": 1,
    }
    assert not bob.failures


async def test_a_wrong_login_is_refused(transport: MqttTransport, heard: Heard) -> None:
    """Another realm, a clock that is far off: the agent learns that its login was refused, and nothing runs on."""
    for link in (
        Link("127.0.0.1", transport.port, realm="elsewhere"),
        Link("127.0.0.1", transport.port, clock=ManualClock()),
    ):
        endpoint = MqttEndpoint(link, "alice", ALICE, [Ping], heard)
        with pytest.raises(TransportError) as caught:
            await endpoint.opened()
        assert caught.value.code == "login_refused"
        await endpoint.close()


async def test_a_refused_login_leaves_the_key_free(heard: Heard) -> None:
    """After a failed connect the agent is gone, not half there."""
    async with EmbeddedBroker(realm="elsewhere") as broker, MqttTransport("127.0.0.1", broker.port) as transport:
        for _ in range(2):
            with pytest.raises(TransportError) as caught:
                await transport.connect("alice", ALICE, [Ping], heard)
            assert caught.value.code == "login_refused"


async def test_no_broker_is_said_in_a_sentence(heard: Heard) -> None:
    """A port on which nobody listens."""
    async with EmbeddedBroker() as broker:
        port = broker.port
    async with MqttTransport("127.0.0.1", port) as transport:
        with pytest.raises(TransportError, match=f"no broker at 127.0.0.1:{port}") as caught:
            await transport.connect("alice", ALICE, [Ping], heard)
    assert caught.value.code == "broker_unreachable"


async def test_a_denied_subscription_is_noticed(transport: MqttTransport, heard: Heard) -> None:
    """Where the broker denies the inbox, because this key listens elsewhere, connecting fails instead of waiting."""
    async with visitor(transport.port, ALICE) as elsewhere:
        await elsewhere.subscribe(inbox(ALICE.address), qos=1)
        with pytest.raises(AddressInUse):
            await transport.connect("alice", ALICE, [Ping], heard)
        await elsewhere.unsubscribe(inbox(ALICE.address))
        alice = await transport.connect("alice", ALICE, [Ping], heard)
        await alice.send(alice.address, Ping(deal="d", n=1))
        assert (await heard.next()).n == 1


async def test_a_restarted_broker_is_found_again(heard: Heard) -> None:
    """Agents outlive their broker: they come back by themselves, and a message sent in between waits for it."""
    broker = EmbeddedBroker()
    await broker.start()
    async with MqttTransport("127.0.0.1", broker.port) as transport:
        bob: Any = await transport.connect("bob", BOB, [Ping], heard)
        await bob.send(bob.address, Ping(deal="d", n=1))
        assert (await heard.next()).n == 1
        await broker.stop()
        sending = asyncio.create_task(bob.send(bob.address, Ping(deal="d", n=2)))
        again = EmbeddedBroker(port=broker.port)
        await again.start()
        await asyncio.wait_for(sending, SECONDS)
        assert (await heard.next()).n == 2
        assert not bob.failures
    await again.stop()


async def test_losing_the_broker_ends_a_publication_in_progress(heard: Heard) -> None:
    """What the old connection never acknowledged goes out again on the new one, at once."""
    broker, stuck = EmbeddedBroker(), asyncio.Event()
    await broker.start()

    async def never(*_: Any, **__: Any) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async with MqttTransport("127.0.0.1", broker.port) as transport:
        transport._link = dataclasses.replace(transport._link, seconds=600)
        bob: Any = await transport.connect("bob", BOB, [Ping], heard)
        bob._client.publish = never
        sending = asyncio.create_task(bob.send(bob.address, Ping(deal="d", n=1)))
        await asyncio.wait_for(stuck.wait(), SECONDS)
        await broker.stop()
        async with EmbeddedBroker(port=broker.port):
            await asyncio.wait_for(sending, SECONDS)
            assert (await heard.next()).n == 1
            await bob.close()


async def test_without_a_broker_a_message_is_undeliverable_in_time(heard: Heard) -> None:
    """Sending ends with an error after the link's time limit, not never."""
    broker = EmbeddedBroker()
    await broker.start()
    async with MqttTransport("127.0.0.1", broker.port) as transport:
        transport._link = dataclasses.replace(transport._link, seconds=0.2)
        bob = await transport.connect("bob", BOB, [Ping], heard)
        await broker.stop()
        with pytest.raises(Undeliverable) as caught:
            await bob.send(bob.address, Ping(deal="d", n=1))
        assert caught.value.code == "broker_unreachable"


async def test_closing_ends_a_send_in_progress(heard: Heard) -> None:
    """An agent that is closed while it waits for its broker does not wait on."""
    broker = EmbeddedBroker()
    await broker.start()
    async with MqttTransport("127.0.0.1", broker.port) as transport:
        bob: Any = await transport.connect("bob", BOB, [Ping], heard)
        await broker.stop()
        while bob._online.is_set():  # noqa: ASYNC110  # there is no event for going offline
            await asyncio.sleep(0)
        sending = asyncio.create_task(bob.send(bob.address, Ping(deal="d", n=1)))
        await asyncio.sleep(0)
        await bob.close()
        with pytest.raises(TransportError) as caught:
            await asyncio.wait_for(sending, SECONDS)
        assert caught.value.code == "closed"


@pytest.mark.parametrize("how", ["exception", "cancel"])
async def test_nothing_is_left_behind(how: str, heard: Heard) -> None:
    """After an exception or a cancel: no task, and the port is free."""
    before, ready = asyncio.all_tasks(), asyncio.Event()
    port = 0

    async def body() -> None:
        nonlocal port
        async with MqttTransport.embedded() as transport:
            port = transport.port
            alice = await transport.connect("alice", ALICE, [Ping], heard)
            await transport.connect("bob", BOB, [Ping], heard)
            await alice.send(BOB.address, Ping(deal="d", n=1))
            ready.set()
            if how == "exception":
                raise KeyError("body")
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await asyncio.wait_for(ready.wait(), SECONDS)
    if how == "cancel":
        task.cancel()
    with pytest.raises((KeyError, asyncio.CancelledError)):
        await task
    assert asyncio.all_tasks() == before
    async with EmbeddedBroker(port=port):
        pass


async def test_a_full_inbox_loses_messages_and_counts_them(transport: MqttTransport) -> None:
    """A flood is refused at the receiver; the agent keeps working."""
    from coase.agent.inbox import Limits

    release, heard = asyncio.Event(), Heard()

    async def slow(sender: str, message: Message) -> None:
        await release.wait()
        await heard(sender, message)

    transport._limits = Limits(per_sender=2)
    bob = await transport.connect("bob", BOB, [Ping], slow)
    transport._limits = None
    alice = await transport.connect("alice", ALICE, [Ping], Heard())
    for n in range(5):
        await alice.send(bob.address, Ping(deal="d", n=n))
    while sum(bob.refused.values()) < 2:  # noqa: ASYNC110  # a counter has no event
        await asyncio.sleep(0)
    release.set()
    assert [(await heard.next()).n for _ in range(3)] == [0, 1, 2]
    assert bob.refused == {"inbox_full": 2}
