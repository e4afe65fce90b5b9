"""coase.agent.broker."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiomqtt
import pytest
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError
from amqtt.plugins.manager import plugins_manager

from coase.agent.broker import PACKET_BYTES, AgentDoor, EmbeddedBroker, inbox
from coase.agent.envelope import wall_clock
from coase.agent.login import Doorkeeper, password
from coase.errors import ConfigurationError
from coase.identity import Identity

SECONDS = 10.0
ALICE, BOB = Identity.from_seed("broker", "alice"), Identity.from_seed("broker", "bob")


@pytest.fixture
async def broker() -> AsyncIterator[EmbeddedBroker]:
    """A running broker that is empty again afterwards."""
    async with EmbeddedBroker() as broker:
        yield broker
        inner: Any = broker._broker
    assert not broker._tasks
    assert not inner.sessions


def client(broker: EmbeddedBroker, key: Identity | None = None, **changes: Any) -> aiomqtt.Client:
    """Logs in as `key`, or without a name."""
    login = {"username": key.address, "password": password(key, "coase", wall_clock())} if key else {}
    return aiomqtt.Client("127.0.0.1", broker.port, **({"timeout": SECONDS} | login | changes))


async def granted(guest: aiomqtt.Client, topic: str, qos: int = 0) -> int:
    """What the broker answers to a subscription: the quality of service, or 128."""
    (code,) = await guest.subscribe(topic, qos=qos)
    return code if isinstance(code, int) else int(code.value)


async def closed(guest: aiomqtt.Client) -> None:
    """Return when the broker has ended the connection."""
    with pytest.raises(aiomqtt.MqttError):
        await asyncio.wait_for(anext(guest.messages), SECONDS)


async def test_agents_publish_to_each_other(broker: EmbeddedBroker) -> None:
    """Quality of service 0 and 1 arrive in the inbox of the one addressed."""
    async with client(broker, ALICE) as alice, client(broker, BOB) as bob:
        assert await granted(bob, inbox(BOB.address), qos=1) == 1
        for qos in (0, 1):
            await alice.publish(inbox(BOB.address), b"hello", qos=qos)
            message = await asyncio.wait_for(anext(bob.messages), SECONDS)
            assert (str(message.topic), message.payload) == (inbox(BOB.address), b"hello")


@pytest.mark.parametrize(
    "login",
    [
        {},
        {"username": ALICE.address},
        {"username": ALICE.address, "password": "wrong"},
        {"username": BOB.address, "password": password(ALICE, "coase", wall_clock())},
        {"username": "admin", "password": "admin"},
        {"username": "", "password": ""},
    ],
)
async def test_without_the_key_nobody_gets_in(broker: EmbeddedBroker, login: dict[str, Any]) -> None:
    """Anonymous visitors, wrong passwords and other agents' passwords are refused, and leave nothing in the broker."""
    with pytest.raises(aiomqtt.MqttError):
        async with client(broker, **login):
            pass
    inner: Any = broker._broker
    assert not inner.sessions


async def test_a_password_seen_on_the_wire_is_useless(broker: EmbeddedBroker) -> None:
    """The second login with one password is refused."""
    seen = password(ALICE, "coase", wall_clock())
    async with client(broker, username=ALICE.address, password=seen):
        pass
    with pytest.raises(aiomqtt.MqttError):
        async with client(broker, username=ALICE.address, password=seen):
            pass


@pytest.mark.parametrize(
    "topic", [inbox(BOB.address), "#", "+/+", "inbox/#", "inbox/+", "$SYS/#", "inbox", inbox(ALICE.address) + "/x"]
)
async def test_nobody_listens_to_what_is_not_theirs(broker: EmbeddedBroker, topic: str) -> None:
    """Somebody else's inbox and every wildcard are denied in the answer to the subscription."""
    async with client(broker, ALICE) as alice:
        assert await granted(alice, topic, qos=1) == 128


async def test_an_inbox_has_one_listener(broker: EmbeddedBroker) -> None:
    """The second connection of one key is denied the inbox while the first is there."""
    async with client(broker, ALICE) as first:
        assert await granted(first, inbox(ALICE.address), qos=1) == 1
        assert await granted(first, inbox(ALICE.address), qos=1) == 1
        async with client(broker, ALICE) as second:
            assert await granted(second, inbox(ALICE.address), qos=1) == 128
    async with client(broker, ALICE) as third:
        assert await granted(third, inbox(ALICE.address), qos=1) == 1


@pytest.mark.parametrize("topic", ["news", "inbox/bob", "registry/x", "$SYS/x", inbox(BOB.address) + "/x"])
async def test_nothing_but_inboxes_is_published(broker: EmbeddedBroker, topic: str) -> None:
    """Other topics go nowhere; the broker stays up."""
    async with client(broker, ALICE) as alice:
        await alice.publish(topic, b"x", qos=0)
    async with client(broker, BOB) as bob:
        assert await granted(bob, inbox(BOB.address)) == 0


@pytest.mark.parametrize(
    "publish",
    [
        {"payload": bytes(PACKET_BYTES), "qos": 1},
        {"payload": bytes(8 * PACKET_BYTES), "qos": 0},
        {"payload": b"x", "qos": 1, "retain": True},
        {"payload": b"x", "qos": 2},
    ],
    ids=["too large", "far too large", "retained", "qos 2"],
)
async def test_what_is_out_of_bounds_ends_the_connection(broker: EmbeddedBroker, publish: dict[str, Any]) -> None:
    """Packets above the limit, retained messages and QoS 2 cost the sender its connection; others notice nothing."""
    async with client(broker, BOB) as bob:
        await bob.subscribe(inbox(BOB.address), qos=1)
        async with client(broker, ALICE, timeout=0.2) as alice:
            sending = asyncio.create_task(alice.publish(inbox(BOB.address), **publish))
            await closed(alice)
            await asyncio.gather(sending, return_exceptions=True)
        async with client(broker, ALICE) as alice:
            await alice.publish(inbox(BOB.address), b"after", qos=1)
        assert (await asyncio.wait_for(anext(bob.messages), SECONDS)).payload == b"after"
        inner: Any = broker._broker
        assert not inner.retained_messages


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 100,
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10\xff\xff\xff\x7f",
        b"\x10\x00",
        b"\x10\x04\x00\x04MQ",
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00<\x00\x00",
        b"\x10\x0c\x00\x04MQTT\x05\x02\x00<\x00\x00",
        b"\x10\x0e\x00\x04MQTT\x04\x06\x00<\x00\x00\x00\x00",
        b"\x30\x03\x00\x01x",
        b"\x82" * 50,
        bytes(range(256)),
    ],
)
async def test_noise_ends_the_connection_and_nothing_else(broker: EmbeddedBroker, noise: bytes) -> None:
    """Bytes that are no login: the broker hangs up and serves the next."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(noise)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    async with client(broker, BOB) as bob:
        assert await granted(bob, inbox(BOB.address)) == 0


@pytest.mark.parametrize(
    "noise", [b"\xff\xff\xff\xff\xff", b"\x30\x02\xff\xff", b"\xf0\x00", b"\x82\x02\x00\x01", b"\x10\x00"]
)
async def test_noise_after_the_login_ends_the_connection(broker: EmbeddedBroker, noise: bytes) -> None:
    """An agent that stops speaking MQTT is disconnected."""
    async with client(broker, BOB) as bob:
        sock: Any = bob._client.socket()
        sock.send(noise)
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(aiomqtt.MqttError):
            await asyncio.wait_for(anext(bob.messages), SECONDS)


async def test_a_port_in_use_is_said_before_amqtt_says_anything(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence with a code; no log, no output, nothing left running."""
    before = asyncio.all_tasks()
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError) as caught:
        await EmbeddedBroker(port=broker.port).start()
    assert caught.value.code == "port_in_use"
    assert str(caught.value) == f"port {broker.port} on 127.0.0.1 is in use by another program"
    assert [record for record in caplog.records if record.name != "asyncio"] == []
    assert capsys.readouterr() == ("", "")
    assert asyncio.all_tasks() == before


async def test_stock_amqtt_logs_a_traceback_for_a_port_in_use(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Why we bind first."""
    config = BrokerConfig(listeners={"default": ListenerConfig(bind=f"127.0.0.1:{broker.port}")}, plugins={})
    with pytest.raises(BrokerError):
        await Broker(config).start()
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)
    plugins_manager.clear()


async def test_a_client_id_gives_no_power_over_its_session(broker: EmbeddedBroker) -> None:
    """In stock amqtt a stranger ends a session by naming its client id, without a login; here the broker names it."""
    async with client(broker, BOB, identifier="known") as bob:
        await bob.subscribe(inbox(BOB.address), qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with client(broker, identifier="known"):
                pass
        async with client(broker, ALICE, identifier="known") as alice:
            await alice.publish(inbox(BOB.address), b"still there", qos=1)
        assert (await asyncio.wait_for(anext(bob.messages), SECONDS)).payload == b"still there"


async def test_stock_amqtt_lets_a_stranger_end_a_session() -> None:
    """Why the login comes first here: the canary of the test above."""
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind="127.0.0.1:0")},
        plugins={"coase.agent.broker.AgentDoor": {"doorkeeper": Doorkeeper("coase")}},
    )
    stock = Broker(config)
    await stock.start()
    listener: Any = stock._servers["default"].instance
    port = listener.sockets[0].getsockname()[1]
    login: dict[str, Any] = {"username": BOB.address, "password": password(BOB, "coase", wall_clock())}
    async with aiomqtt.Client("127.0.0.1", port, identifier="known", timeout=SECONDS, **login) as bob:
        await bob.subscribe(inbox(BOB.address), qos=1)
        assert list(stock.subscriptions) == [inbox(BOB.address)]
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, identifier="known", timeout=SECONDS):
                pass
        assert list(stock.subscriptions) == []
    await stock.shutdown()
    plugins_manager.clear()


async def test_there_are_no_wills_and_no_stored_sessions(broker: EmbeddedBroker) -> None:
    """What a client leaves with the broker for after its end is not kept."""
    inner: Any = broker._broker
    async with client(broker, BOB, clean_session=False, identifier="bob") as bob:
        await bob.subscribe(inbox(BOB.address), qos=1)
    async with client(broker, ALICE) as alice:
        await alice.publish(inbox(BOB.address), b"while away", qos=1)
    assert all(session.clean_session and session.retained_messages.empty() for session, _ in inner.sessions.values())
    async with client(broker, BOB, clean_session=False, identifier="bob") as bob:
        await bob.subscribe(inbox(BOB.address), qos=1)
        async with client(broker, ALICE, will=aiomqtt.Will(inbox(BOB.address), b"will", qos=1)) as alice:
            sock: Any = alice._client.socket()
            sock.shutdown(socket.SHUT_RDWR)
            await closed(alice)
        while len(broker._tasks) > 1:  # noqa: ASYNC110  # until the broker has seen it
            await asyncio.sleep(0)
        async with client(broker, ALICE) as alice:
            await alice.publish(inbox(BOB.address), b"after", qos=1)
        assert (await asyncio.wait_for(anext(bob.messages), SECONDS)).payload == b"after"


async def test_the_door_asks_for_every_action(broker: EmbeddedBroker) -> None:
    """Publishing, subscribing and receiving each have a rule, and what has no topic or no session is denied."""
    inner: Any = broker._broker
    door: Any = inner.plugins_manager.get_plugin("AgentDoor")
    alice = SimpleNamespace(username=ALICE.address, inflight_out={})

    async def may(action: Action, topic: str | None, session: Any = alice) -> bool:
        return bool(await door.topic_filtering(session=session, topic=topic, action=action))

    mine, other = inbox(ALICE.address), inbox(BOB.address)
    assert [await may(Action.PUBLISH, topic) for topic in (mine, other, "news", None)] == [True, True, False, False]
    assert [await may(Action.SUBSCRIBE, topic) for topic in (mine, other, "#", None)] == [True, False, False, False]
    assert [await may(Action.RECEIVE, topic) for topic in (mine, other)] == [True, False]
    assert not await may(Action.RECEIVE, mine, SimpleNamespace(username=ALICE.address, inflight_out=range(600)))
    assert not await may(Action.PUBLISH, mine, None)


async def test_connections_are_counted(broker: EmbeddedBroker) -> None:
    """More connections than allowed are closed at once."""
    async with EmbeddedBroker(connections=1) as small, client(small, ALICE):
        with pytest.raises(aiomqtt.MqttError):
            async with client(small, BOB, timeout=0.3):
                pass


async def test_an_idle_connection_is_ended(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that never comes, and a client that says nothing for too long."""
    monkeypatch.setattr("coase.agent.broker._LOGIN_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    assert await asyncio.wait_for(reader.read(), SECONDS) == b""
    writer.close()
    monkeypatch.setattr("coase.agent.broker._LOGIN_SECONDS", 10)
    monkeypatch.setattr("coase.agent.broker._IDLE_SECONDS", 0.05)
    async with client(broker, BOB) as bob:
        with pytest.raises(aiomqtt.MqttError):
            await asyncio.wait_for(anext(bob.messages), SECONDS)


async def test_stopping_leaves_nothing(broker: EmbeddedBroker) -> None:
    """With clients still connected: no task of the broker is left, the port is free, and amqtt remembers nothing."""
    before, known = asyncio.all_tasks(), set(plugins_manager)
    second = EmbeddedBroker()
    await second.start()
    _, writer = await asyncio.open_connection("127.0.0.1", second.port)
    async with client(second, BOB):
        await second.stop()
        await second.stop()
    writer.close()
    assert {task for task in asyncio.all_tasks() if not task.done()} == before
    assert set(plugins_manager) == known
    async with EmbeddedBroker(port=second.port):
        pass


def test_it_listens_on_this_machine_only() -> None:
    """Unless told otherwise."""
    assert EmbeddedBroker().host == "127.0.0.1"


async def test_a_host_that_is_not_ours_is_refused() -> None:
    """An address of another machine cannot be listened on; the error says so."""
    with pytest.raises(ConfigurationError) as caught:
        await EmbeddedBroker(host="192.0.2.1").start()
    assert caught.value.code == "cannot_listen"


def test_a_missing_amqtt_is_named() -> None:
    """Without the extra the import says what to install."""
    code = "import sys; sys.modules['amqtt'] = None; sys.modules['amqtt.adapters'] = None; import coase.agent.broker"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "MissingExtra: the embedded MQTT broker needs the extra 'agents'" in done.stderr


def test_the_door_is_an_amqtt_plug_in() -> None:
    """Loaded by its dotted name, as amqtt wants it."""
    assert f"{AgentDoor.__module__}.{AgentDoor.__name__}" == "coase.agent.broker.AgentDoor"
