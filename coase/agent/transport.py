"""The seam between agents and whatever carries their messages.

Three transports keep the same promises: `coase.agent.runtime.InProcessTransport`, `coase.agent.mqtt.MqttTransport` and
`coase.testing.transport.MemoryTransport`.

* Messages of one sender reach one receiver in the order sent (the memory transport can be told otherwise).
* Each agent runs one handler at a time, and no agent waits for another's handler.
* A message may be lost, never altered: a receiver sees what the sender signed or nothing.
* What a handler raises is collected in `Endpoint.failures`; what is not acceptable never reaches a handler and is
  counted in `Endpoint.refused`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from coase.agent.message import Message
from coase.identity import Identity

Handler = Callable[[str, Message], Awaitable[None]]
"""Called with the sender's agent address and the message. Must return soon: long work belongs in a task of its own."""


class Endpoint(Protocol):
    """One agent's place on a transport."""

    @property
    def address(self) -> str:
        """The agent address, 65 characters from ``agent1``."""
        ...

    @property
    def failures(self) -> list[BaseException]:
        """What handlers raised, oldest first, at most 256."""
        ...

    @property
    def refused(self) -> Counter[str]:
        """Reason -> number of arrivals that were turned away before any handler saw them."""
        ...

    async def send(self, to: str, message: Message) -> None:
        """Send a message; `Undeliverable` when nobody can be reached at `to`, `TransportError` when it is too large."""
        ...

    async def close(self) -> None:
        """Leave: no handler runs after this, and nothing is left behind. Closing twice is fine."""
        ...


class Transport(Protocol):
    """Carries messages between endpoints. Leaving the context closes every endpoint that is still open."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def connect(
        self, name: str, identity: Identity, models: Sequence[type[Message]], handler: Handler
    ) -> Endpoint:
        """Open an endpoint that accepts `models`.

        Args:
            name: for logs.
            identity: the agent's key; its address is where others reach it.
            models: the messages it understands; others are refused.
            handler: gets every accepted message.

        Raises:
            AddressInUse: an agent with this key already runs here.
            TransportError: the transport is closed or cannot be reached.
        """
        ...
