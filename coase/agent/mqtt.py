"""Messages through an MQTT broker: one outbound connection per agent, which works behind NAT, and no open port.

An agent listens on ``inbox/<its address>``; what is published there is a signed uAgents envelope. The broker is not
trusted: it can delay and lose, but not forge, alter or replay. It does learn who says what to whom.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from coase.agent.broker import EmbeddedBroker, inbox
from coase.agent.envelope import Clock, Opener, seal, wall_clock
from coase.agent.inbox import Limits, is_agent_address
from coase.agent.login import password
from coase.agent.message import Message
from coase.agent.runtime import GuestAgent
from coase.agent.transport import Endpoint, Handler
from coase.errors import AddressInUse, MissingExtra, TransportError, Undeliverable
from coase.identity import Identity

try:
    import aiomqtt
    from aiomqtt.exceptions import MqttConnectError
except ImportError as _error:
    raise MissingExtra("messages over MQTT", "agents") from _error

_log = logging.getLogger("coase.agent.mqtt")
_REFUSED = 0x80


@dataclass(frozen=True)
class Link:
    """How to reach a broker, and for how long to try.

    Args:
        host: of the broker.
        port: of the broker.
        realm: the broker's name for itself; logins are signed for it.
        tls: for brokers beyond this machine.
        clock: for expiry and logins.
        seconds: most for a login, and for a message until the broker has it.
        first_wait: seconds until the first attempt to reconnect; doubles with each up to `last_wait`.
        last_wait: most seconds between two attempts.
    """

    host: str
    port: int
    realm: str = "coase"
    tls: ssl.SSLContext | None = None
    clock: Clock = wall_clock
    seconds: float = 10.0
    first_wait: float = 0.05
    last_wait: float = 15.0


class MqttEndpoint(GuestAgent):
    """One agent with its own connection to the broker. See `coase.agent.transport.Endpoint`."""

    def __init__(
        self,
        link: Link,
        name: str,
        key: Identity,
        models: Sequence[type[Message]],
        handler: Handler,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(name, key, models, handler, limits)
        self._link = link
        self._opener = Opener(key.address, link.clock)
        self._client: aiomqtt.Client | None = None
        self._online = asyncio.Event()
        self._publishing: set[asyncio.Task[None]] = set()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection = asyncio.get_running_loop().create_task(self._stay_connected(), name=f"mqtt {name}")

    async def opened(self) -> None:
        """Wait for the first login; `TransportError` or `AddressInUse` when the broker does not want us."""
        await self._first

    async def send(self, to: str, message: Message) -> None:
        """Publish a signed envelope; returns when the broker has it.

        A broker does not say whether anybody listens: `Undeliverable` means that the broker could not be reached.
        """
        self.require_open()
        text = message.encode()
        if not is_agent_address(to):
            raise Undeliverable(f"{to[:24]!r} is not an agent address", code="bad_address")
        session = self.session_with(to, message.deal)
        raw = seal(self._key, to, type(message).digest(), text, session, self._link.clock())
        try:
            async with asyncio.timeout(self._link.seconds):
                while not await self._publish(inbox(to), raw):  # the same envelope again: a receiver takes it once
                    self.require_open()
        except TimeoutError:
            raise Undeliverable(
                f"the broker at {self._link.host}:{self._link.port} did not take a message in {self._link.seconds:g} s",
                hint="is the broker running?",
                code="broker_unreachable",
            ) from None

    async def _publish(self, topic: str, raw: bytes) -> bool:
        """Whether the broker acknowledged before the connection was lost."""
        await self._online.wait()
        client = self._client
        if client is None:
            return False
        # In a task, so that losing the connection ends it at once: aiomqtt would wait for its time limit.
        task = asyncio.get_running_loop().create_task(client.publish(topic, raw, qos=1, timeout=self._link.seconds))
        self._publishing.add(task)
        try:
            await asyncio.wait([task])
        finally:
            self._publishing.discard(task)
            task.cancel()
        if task.cancelled():
            return False
        return not isinstance(task.exception(), aiomqtt.MqttError)

    async def _stay_connected(self) -> None:
        wait = self._link.first_wait
        while not self._closed:
            try:
                async with self._login() as client:
                    await self._listen(client)
                    wait = self._link.first_wait
                    async for message in client.messages:
                        await self._arrived(message.payload)
            except (aiomqtt.MqttError, OSError, AddressInUse) as error:
                self._offline()
                if not self._first.done():
                    self._first.set_exception(self._explain(error))
                    return
                _log.info("%s: no broker (%s), next attempt in %g s", self.name, error, wait)
            finally:
                self._offline()
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._link.last_wait)

    def _login(self) -> aiomqtt.Client:
        link = self._link
        client = aiomqtt.Client(
            link.host,
            link.port,
            identifier=secrets.token_hex(11),
            username=self._key.address,
            password=password(self._key, link.realm, link.clock()),
            clean_session=True,
            timeout=link.seconds,
            keepalive=20,
            max_queued_incoming_messages=self._inbox.limits.waiting,
            tls_context=link.tls,
            # Without it Nagle's algorithm and delayed acknowledgements cost 40 ms a message, twice.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client.pending_calls_threshold = 1_000
        return client

    async def _listen(self, client: aiomqtt.Client) -> None:
        granted = await client.subscribe(inbox(self._key.address), qos=1)
        if any((code if isinstance(code, int) else code.value) >= _REFUSED for code in granted):
            # In the answer to a subscription; aiomqtt does not raise for it, and we would wait for ever.
            raise AddressInUse(
                f"{self.name}: the broker does not let us listen on our inbox",
                hint="an agent with this key may be connected from elsewhere; every agent has a key of its own",
            )
        self._client = client
        self._online.set()
        if not self._first.done():
            self._first.set_result(None)

    async def _arrived(self, payload: object) -> None:
        if not isinstance(payload, bytes | bytearray):
            return
        try:
            opened = self._opener.open(bytes(payload))
        except TransportError as error:
            self._inbox.refuse(error.code, "an envelope")
            return
        with contextlib.suppress(Undeliverable):  # no room: counted as refused
            await self.handle_message(opened.sender, opened.schema_digest, opened.text, opened.session)

    def _offline(self) -> None:
        self._online.clear()
        self._client = None
        for task in list(self._publishing):
            task.cancel()

    def _explain(self, error: Exception) -> TransportError:
        if isinstance(error, AddressInUse):
            return error
        where = f"{self._link.host}:{self._link.port}"
        if isinstance(error, MqttConnectError):
            return TransportError(
                f"the broker at {where} refused the login of {self.name}: {error}",
                hint=f"is its realm {self._link.realm!r}, and are both clocks right?",
                code="login_refused",
            )
        return TransportError(
            f"no broker at {where}: {error}",
            hint="start one, or use a transport without a broker",
            code="broker_unreachable",
        )

    def stop(self) -> None:
        """The part of `close` that needs no waiting."""
        super().stop()
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.cancel()
            self._online.set()  # whoever waits to send finds that we are closed

    async def close(self) -> None:
        """Leave the broker and stop. Closing twice is fine."""
        self.stop()
        await asyncio.wait([self._connection], timeout=self._link.seconds)
        if self._first.done() and not self._first.cancelled():
            self._first.exception()  # seen
        await super().close()


class MqttTransport:
    """Agents that reach each other through a broker. See `coase.agent.transport.Transport`.

    Args:
        host: of the broker.
        port: of the broker.
        realm: the broker's name for itself.
        tls: for brokers beyond this machine.
        clock: for expiry and logins.
        limits: bounds of each inbox.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 1883,
        *,
        realm: str = "coase",
        tls: ssl.SSLContext | None = None,
        clock: Clock = wall_clock,
        limits: Limits | None = None,
    ) -> None:
        self._link = Link(host, port, realm, tls, clock)
        self._limits = limits
        self._broker: EmbeddedBroker | None = None
        self._endpoints: list[MqttEndpoint] = []
        self._open = False

    @classmethod
    def embedded(
        cls, port: int = 0, *, realm: str = "coase", clock: Clock = wall_clock, limits: Limits | None = None
    ) -> Self:
        """A transport with a broker of its own on this machine; `port` 0 takes any free one."""
        transport = cls(port=port, realm=realm, clock=clock, limits=limits)
        transport._broker = EmbeddedBroker(port=port, realm=realm, clock=clock)
        return transport

    @property
    def port(self) -> int:
        """Of the broker."""
        return self._link.port

    async def __aenter__(self) -> Self:
        if self._broker is not None:
            await self._broker.start()
            link = self._link
            self._link = Link(self._broker.host, self._broker.port, link.realm, link.tls, link.clock)
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for endpoint in self._endpoints:
            endpoint.stop()
        try:
            await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))
        finally:
            self._endpoints.clear()
            if self._broker is not None:
                await self._broker.stop()

    async def connect(
        self, name: str, identity: Identity, models: Sequence[type[Message]], handler: Handler
    ) -> Endpoint:
        """Log in and listen; see `Transport.connect`."""
        if not self._open:
            raise TransportError("the transport is not open", hint="use it in 'async with'", code="closed")
        endpoint = MqttEndpoint(self._link, name, identity, models, handler, self._limits)
        self._endpoints.append(endpoint)
        try:
            await endpoint.opened()
        except BaseException:
            self._endpoints.remove(endpoint)
            await endpoint.close()
            raise
        return endpoint
