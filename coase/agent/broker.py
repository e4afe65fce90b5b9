"""An MQTT 3.1.1 broker in this process: amqtt behind a door of our own.

Good for one machine and for tests. On an open network put mosquitto or EMQX in its place: the transport trusts no
broker, every envelope is signed end to end.

What the door adds to amqtt 0.12: the port is bound before amqtt starts (it would log a traceback for a port in use);
packets are bounded before they are read; a login happens before a session is touched (amqtt lets a stranger who knows a
client id end that client's session without logging in); stored sessions, retained messages and wills, all of which a
stranger could use to fill the memory, do not exist; an agent may subscribe to its own inbox only, from one connection.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import secrets
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from coase.agent.envelope import ENVELOPE_BYTES, Clock, wall_clock
from coase.agent.login import Doorkeeper
from coase.errors import ConfigurationError, MissingExtra

try:
    from amqtt.adapters import ReaderAdapter, StreamWriterAdapter, WriterAdapter
    from amqtt.broker import Broker
    from amqtt.contexts import Action, BrokerConfig, ListenerConfig, ListenerType
    from amqtt.errors import AMQTTError, MQTTError
    from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
    from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
    from amqtt.plugins.base import BaseAuthPlugin, BasePlugin, BaseTopicPlugin
    from amqtt.plugins.manager import plugins_manager
except ImportError as _error:
    raise MissingExtra("the embedded MQTT broker", "agents") from _error

_log = logging.getLogger("coase.agent.broker")
logging.getLogger("amqtt").addHandler(logging.NullHandler())  # its warnings are about strangers, not for standard error

PACKET_BYTES = ENVELOPE_BYTES + 256
_LOGIN_BYTES = 4_096
_LOGIN_SECONDS = 10.0
_IDLE_SECONDS = 100.0
_BACKLOG = 1_000
_UNACKNOWLEDGED = 512
_TOPIC = re.compile(r"inbox/agent1[02-9ac-hj-np-z]{59}", re.ASCII)


def inbox(address: str) -> str:
    """The topic on which an agent is reached."""
    return f"inbox/{address}"


class AgentDoor(BaseAuthPlugin, BaseTopicPlugin):  # type: ignore[misc]  # amqtt is not analysed
    """amqtt plug-in: who may connect, and to what."""

    @dataclass
    class Config(BasePlugin.Config):  # type: ignore[misc]
        """Where the doorkeeper comes in."""

        doorkeeper: Any = None

    async def authenticate(self, *, session: Any) -> bool:
        """Whether the password is a fresh signature of the user name."""
        reason = self.config.doorkeeper.check(session.username, session.password)
        if reason:
            _log.info("refused a login as %.24r: %s", session.username, reason)
        return not reason

    async def topic_filtering(self, *, session: Any = None, topic: str | None = None, action: Any = None) -> bool:
        """Publish to any inbox; subscribe to one's own, and only where nobody else does."""
        if topic is None or session is None:
            return False
        if action == Action.PUBLISH:
            return _TOPIC.fullmatch(topic) is not None
        if topic != inbox(session.username):
            return False
        if action == Action.SUBSCRIBE:
            context: Any = self.context
            listeners = [other for other, _ in context.subscriptions.get(topic, ())]
            return all(other is session or other.transitions.state != "connected" for other in listeners)
        # Somebody who does not acknowledge gets no more: amqtt would keep all of it in memory.
        return len(session.inflight_out) < _UNACKNOWLEDGED


class _Broker(Broker):  # type: ignore[misc]
    """amqtt with the login first, and without memory for strangers to fill."""

    async def _initialize_client_session(
        self, reader: Any, writer: Any, remote_address: str, remote_port: int
    ) -> tuple[Any, Any]:
        async with asyncio.timeout(_LOGIN_SECONDS):
            handler, session = await BrokerProtocolHandler.init_from_connect(reader, writer, self.plugins_manager)
        if not await super()._authenticate(session, self.listeners_config["default"]):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            raise MQTTError("login refused")
        session.client_id = secrets.token_hex(16)  # ours, so that nobody can name another's session
        session.clean_session, session.parent, session.will_flag = True, 0, False
        reader.admit()
        return handler, session

    async def _authenticate(self, session: Any, _: Any) -> bool:
        return True  # no session gets here without it

    async def retain_message(self, *_: Any, **__: Any) -> None:
        return None


class _Reader(ReaderAdapter):  # type: ignore[misc]
    """Serves amqtt from whole packets, and ends the connection at the first that is out of bounds."""

    def __init__(self, stream: asyncio.StreamReader, broker: _Broker) -> None:
        self._stream, self._broker = stream, broker
        self._limit = _LOGIN_BYTES
        self._head = b""
        self._packet = b""
        self._at = 0
        self._broken = False
        self._last = asyncio.get_running_loop().time()

    def admit(self) -> None:
        """After the login: packets may be as large as an envelope."""
        self._limit = PACKET_BYTES

    async def read(self, n: int = -1) -> bytes:
        """Exactly `n` bytes; `ConnectionResetError`, for ever after, when they are not within bounds."""
        if n and self._at == len(self._packet):
            await self._next()
        if self._broken or not 0 <= n <= len(self._packet) - self._at:
            raise self._end("a packet that contradicts itself")
        self._at += n
        return self._packet[self._at - n : self._at]

    async def _next(self) -> None:
        """The next packet. amqtt cancels this at each keep-alive and calls again, so what was read is kept."""
        loop = asyncio.get_running_loop()
        while self._broker._broadcast_queue.qsize() > _BACKLOG:  # noqa: ASYNC110  # amqtt has no event for it
            await asyncio.sleep(0)  # what came before goes out first
        try:
            async with asyncio.timeout_at(self._last + _IDLE_SECONDS):
                while len(self._head) < 2 or self._head[-1] & 0x80:
                    if len(self._head) > 4 or self._broken:
                        raise self._end("a malformed header")
                    self._head += await self._stream.readexactly(1)
                body = await self._stream.readexactly(self._length())
        except TimeoutError:
            raise self._end("no packet for too long") from None
        self._packet, self._at, self._head, self._last = self._head + body, 0, b"", loop.time()

    def _length(self) -> int:
        length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(self._head[1:]))
        if length > self._limit:
            raise self._end(f"a packet of {length} bytes, the limit is {self._limit}")
        if self._head[0] >> 4 == 3 and self._head[0] & 0b0101:
            raise self._end("a retained message or QoS 2")
        return length

    def _end(self, why: str) -> ConnectionResetError:
        if not self._broken:
            _log.info("closing a connection: %s", why)
        self._broken = True
        return ConnectionResetError(why)

    def feed_eof(self) -> None:
        """Part of amqtt's interface."""
        self._stream.feed_eof()


class EmbeddedBroker:
    """The broker, as an asynchronous context manager.

    Args:
        host: where to listen; this machine only, unless told otherwise.
        port: 0 for any free one; `port` tells which.
        realm: the broker's name; agents sign it when they log in.
        clock: for logins.
        connections: most at a time.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        realm: str = "coase",
        clock: Clock = wall_clock,
        connections: int = 1_024,
    ) -> None:
        self.host, self.port = host, port
        self._connections = connections
        self._doorkeeper = Doorkeeper(realm, clock)
        self._server: asyncio.Server | None = None
        self._broker: _Broker | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; `ConfigurationError` (``port_in_use``, ``cannot_listen``) where that is not possible."""
        try:
            self._server = await asyncio.start_server(self._arrived, self.host, self.port, start_serving=False)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigurationError(
                    f"port {self.port} on {self.host} is in use by another program",
                    hint="choose another port, or 0 for any free one",
                    code="port_in_use",
                ) from None
            raise ConfigurationError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror or error}", code="cannot_listen"
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            self._broker = _Broker(
                BrokerConfig(
                    listeners={"default": ListenerConfig(type=ListenerType.EXTERNAL, bind="door")},
                    plugins={f"{__name__}.{AgentDoor.__name__}": {"doorkeeper": self._doorkeeper}},
                ),
                plugin_namespace=self._namespace,
            )
            await self._broker.start()
            await self._server.start_serving()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every connection and the port. Stopping twice is fine."""
        server, broker, self._server, self._broker = self._server, self._broker, None, None
        if server is not None:
            server.close()
        if broker is not None and broker.transitions.state == "started":
            await broker.shutdown()
        plugins_manager.pop(self._namespace, None)  # amqtt keeps every broker that ever was
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if server is not None:
            await server.wait_closed()

    @property
    def _namespace(self) -> str:
        return f"coase.broker.{id(self)}"

    async def _arrived(self, stream: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        broker = self._broker
        if task is None or broker is None or len(self._tasks) >= self._connections:
            out.close()
            return
        self._tasks.add(task)
        writer: WriterAdapter = StreamWriterAdapter(out)
        try:
            await broker.external_connected(_Reader(stream, broker), writer, "default")
        except (AMQTTError, MQTTError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            # What amqtt raises on packets that are not MQTT. They end the connection and nothing else.
            _log.info("closed a connection: %s", type(error).__name__)
        except asyncio.CancelledError:
            pass  # by `stop`; asyncio's streams log an error for a connection whose task ends as cancelled
        finally:
            self._tasks.discard(task)
            out.close()
