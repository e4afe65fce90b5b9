"""uAgents as a guest: in the caller's event loop, offline, quiet, with our key, and gone without a trace when closed.

All that coase changes about uAgents is in this file, and each change has a canary in tests/agent/test_runtime.py: a
new uAgents that changes the ground breaks a test with a name. Nothing stays patched: names of `uagents.agent` are
replaced only while one of our agents is constructed, so a stock `uagents.Agent` in the same process is not affected.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import importlib.metadata
import logging
import sys
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from coase.agent.inbox import Inbox, Limits
from coase.agent.message import Message
from coase.agent.transport import Endpoint, Handler
from coase.errors import (
    AddressInUse,
    ConfigurationError,
    LocalProtocolError,
    MissingExtra,
    TransportError,
    Undeliverable,
)
from coase.identity import Identity, bech32

UAGENTS = "0.26"
"""The minor version of uAgents that the changes below were made for."""

_STOP_SECONDS = 5.0
_SESSIONS = 1_024


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Undo what an import does to logging.

    Importing uagents calls `logging.basicConfig` and gives eight loggers a handler on *standard output*, where
    `--json` prints.
    """
    root, known = logging.getLogger(), logging.Logger.manager.loggerDict
    before = (list(root.handlers), root.level, {name: list(getattr(it, "handlers", ())) for name, it in known.items()})
    try:
        yield
    finally:
        root.handlers[:], root.level = before[0], before[1]
        for name, logger in known.items():
            if isinstance(logger, logging.Logger) and logger.handlers != before[2].get(name, []):
                logger.handlers[:] = before[2].get(name, [])
                logger.propagate = True
                logger.setLevel(logging.NOTSET)


try:
    _version = importlib.metadata.version("uagents")
    # Where the program imported uagents itself, its logging is the program's choice.
    with contextlib.nullcontext() if "uagents" in sys.modules else _silence():
        import uagents.agent as _ua  # type: ignore[import-untyped]
        from uagents.dispatch import dispatcher  # type: ignore[import-untyped]
        from uagents.registration import AgentRegistrationPolicy  # type: ignore[import-untyped]
        from uagents.resolver import Resolver  # type: ignore[import-untyped]
        from uagents_core import identity as _core  # type: ignore[import-untyped]
except ImportError as _error:
    raise MissingExtra("the uAgents runtime", "agents") from _error
if not _version.startswith(UAGENTS + "."):
    raise ConfigurationError(
        f"uAgents {_version} is installed, but this version of coase hardens uAgents {UAGENTS}",
        hint='pip install "coase[agents]"',
        code="uagents_version",
    )


class SigningIdentity(_core.Identity):  # type: ignore[misc]  # uagents is untyped
    """Our key where uAgents expects its own. Same signatures, 20 times as fast as its pure-Python curve."""

    def __init__(self, key: Identity) -> None:
        self._key = key
        self._address = key.address
        self._pub_key = key.public_key.hex()

    @property
    def private_key(self) -> str:
        """The 64 hexadecimal digits of the private key."""
        return self._key.secret.hex()

    def sign_digest(self, digest: bytes) -> str:
        """A ``sig1...`` signature of a 32-byte digest."""
        return bech32("sig", self._key.sign(digest)[:64])

    def sign(self, data: bytes) -> str:
        """A ``sig1...`` signature of the SHA-256 of some bytes."""
        return self.sign_digest(hashlib.sha256(data).digest())

    def sign_b64(self, data: bytes) -> str:
        """The same signature in base64."""
        return base64.b64encode(self._key.sign(hashlib.sha256(data).digest())[:64]).decode()


class _Memory:
    """Stands in for `KeyValueStore`, which rewrites a JSON file in the working directory at each `set`."""

    def __init__(self, *_: Any) -> None:
        self._data: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._data.get(key)

    def has(self, key: str) -> bool:
        return key in self._data

    def set(self, key: str, value: Any) -> None:
        self._data[key] = value

    def remove(self, key: str) -> None:
        self._data.pop(key, None)

    def clear(self) -> None:
        self._data.clear()


class _Nowhere(Resolver):  # type: ignore[misc]
    """Stock asks the Almanac on the internet where an address lives."""

    async def resolve(self, destination: str) -> tuple[str | None, list[str]]:
        return None, []


class _Unregistered(AgentRegistrationPolicy):  # type: ignore[misc]
    """Stock registers with the Almanac on the internet."""

    async def register(self, *_: Any, **__: Any) -> None:
        return None


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """While an agent is constructed: no gRPC queries of two ledgers, no file, no handler on standard output."""
    ours: dict[str, Any] = {
        "get_ledger": lambda *_, **__: None,
        "get_almanac_contract": lambda *_, **__: None,
        "get_logger": lambda name, *_, **__: logging.getLogger(f"coase.agent.{name}"),
        "KeyValueStore": _Memory,
    }
    stock = {name: getattr(_ua, name) for name in ours}
    try:
        for name, value in ours.items():
            setattr(_ua, name, value)
        yield
    finally:
        for name, value in stock.items():
            setattr(_ua, name, value)


class GuestAgent(_ua.Agent):  # type: ignore[misc]
    """A uAgents agent that lives as a guest in the running event loop. It is an `Endpoint`.

    It is open from construction on; `close` ends it. Messages to agents in this process are handed over directly, in
    order and unsigned, as stock uAgents does; for any other road a transport overrides `send` and calls
    `handle_message`.

    Args:
        name: for logs.
        key: the agent's key.
        models: messages it understands.
        handler: gets each of them.
        limits: bounds of its inbox.
    """

    def __init__(
        self, name: str, key: Identity, models: Sequence[type[Message]], handler: Handler, limits: Limits | None = None
    ) -> None:
        self._key = key
        self._inbox = Inbox(name, limits)
        self._handler = handler
        self._closed = False
        self._peer_sessions: OrderedDict[tuple[str, str], uuid.UUID] = OrderedDict()
        try:
            with _offline():
                super().__init__(
                    name=name,
                    loop=asyncio.get_running_loop(),
                    resolve=_Nowhere(),
                    registration_policy=_Unregistered(),
                    enable_agent_inspector=False,
                    mark_inactive_on_shutdown=False,
                    report_events=False,
                )
            for model in dict.fromkeys(models):
                self._protocol.on_message(model)(self._not_called)  # pyright: ignore[reportArgumentType]  # v2, not v1
            self._digests = {model.digest(): model for model in models}
            self.include(self._protocol)
            self.start_message_receivers()
        except BaseException:
            self.stop()
            raise

    def _initialize_wallet_and_identity(self, *_: Any, **__: Any) -> None:
        """Stock derives keys from a seed, or writes them into a file in plain text."""
        if dispatcher.contains(self._key.address):  # it is global to the process: both agents would get each message
            self._closed = True
            raise AddressInUse(
                f"{self._inbox.name}: an agent with this key already runs in this process",
                hint="close the other agent first; every agent has a key of its own",
            )
        self._identity, self._wallet = SigningIdentity(self._key), None

    def setup(self) -> None:
        """Refused: stock asks the Almanac ten times, for 33 seconds, before anything starts.

        `run_async` begins with it and is refused with it: on its way out it cancels *every* task of the loop.
        """
        raise LocalProtocolError("a guest agent is open from construction on", code="guest_agent")

    def run(self) -> None:
        """Refused: stock closes the loop."""
        self.setup()

    @property
    def failures(self) -> list[BaseException]:
        """What the handler raised."""
        return self._inbox.failures

    @property
    def refused(self) -> Counter[str]:
        """Reason -> number of arrivals turned away."""
        return self._inbox.refused

    async def send(self, to: str, message: Message) -> None:
        """Hand a message to an agent in this process."""
        self.require_open()
        text = message.encode()
        if not dispatcher.contains(to):
            raise Undeliverable(f"no agent {to[:24]!r} in this process", hint="start it, or use another transport")
        await dispatcher.dispatch_msg(
            self.address, to, type(message).digest(), text, self.session_with(to, message.deal)
        )

    async def handle_message(self, sender: str, schema_digest: str, message: str, session: uuid.UUID) -> None:
        """Take a message in; `Undeliverable` when the inbox is full. Stock queues without bound and lets anyone in."""
        size = len(message.encode("utf-8", "surrogatepass"))
        reason = self._inbox.admit(sender, self._digests.get(schema_digest), size)
        if not reason:
            self._message_queue.put_nowait((schema_digest, sender, message, session, size))
        elif reason == "inbox_full":
            raise Undeliverable(f"{self._inbox.name} has no room for more messages", hint="wait", code=reason)

    async def _process_message_queue(self) -> None:
        """Stock dies of one malformed message, and when it is stopped, still runs the handlers of all that wait."""
        while not self._closed:
            schema_digest, sender, message, session, size = await self._message_queue.get()
            self._inbox.release(sender, size)
            await self._process_single_message(schema_digest, sender, message, session)
            await asyncio.sleep(0)  # a full inbox must not keep the host's loop to itself

    async def _process_single_message(self, schema_digest: str, sender: str, message: str, session: uuid.UUID) -> None:
        """Stock answers a malformed message with the parser's error, and loses what a handler raises."""
        parsed = self._inbox.parse(self._digests[schema_digest], sender, message)
        if parsed is not None:
            self._remember_session(sender, parsed.deal, session)
            await self._inbox.run(self._handler, sender, parsed)

    async def _not_called(self, *_: Any) -> None:
        """Registered so that models, protocol digest and manifest are those of a stock agent."""

    def session_with(self, peer: str, deal: str) -> uuid.UUID:
        """The uAgents session of a deal: the peer's, so that its `send_and_receive` finds our reply; else derived."""
        derived = uuid.UUID(bytes=hashlib.sha256(deal.encode()).digest()[:16], version=4)
        return self._peer_sessions.get((peer, deal), derived)

    def _remember_session(self, peer: str, deal: str, session: uuid.UUID) -> None:
        self._peer_sessions[peer, deal] = session
        self._peer_sessions.move_to_end((peer, deal))
        if len(self._peer_sessions) > _SESSIONS:
            self._peer_sessions.popitem(last=False)

    def require_open(self) -> None:
        """`TransportError` after `close`."""
        if self._closed:
            raise TransportError(f"{self._inbox.name} is closed", code="closed")

    def stop(self) -> None:
        """The part of `close` that needs no waiting: from here on nothing arrives and no new handler starts."""
        if not self._closed:
            self._closed = True
            if self in dispatcher.sinks.get(self._key.address, ()):
                dispatcher.unregister(self._key.address, self)
        task = getattr(self, "_message_queue_task", None)
        if task is not None and task is not _current_task():
            task.cancel()

    async def close(self) -> None:
        """Stop, and wait until a handler in progress has been cancelled."""
        self.stop()
        task = self._message_queue_task
        if task is None or task is _current_task():
            return
        _, pending = await asyncio.wait([task], timeout=_STOP_SECONDS)
        if pending:
            self._inbox.fail(TransportError(f"a handler of {self.name} ignores cancellation", code="stuck_handler"))


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class InProcessTransport:
    """Agents of one process, through uAgents' own dispatcher: direct, in order, the same every time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
        self._guests: list[GuestAgent] = []
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for guest in self._guests:
            guest.stop()
        for guest in self._guests:
            await guest.close()
        self._guests.clear()

    async def connect(
        self, name: str, identity: Identity, models: Sequence[type[Message]], handler: Handler
    ) -> Endpoint:
        """Open an endpoint; see `Transport.connect`."""
        if not self._open:
            raise TransportError("the transport is not open", hint="use it in 'async with'", code="closed")
        guest = GuestAgent(name, identity, models, handler, self._limits)
        self._guests.append(guest)
        return guest
