"""A transport with neither uAgents nor a network, that loses, doubles and reorders messages as its seed says."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from coase.agent.inbox import Inbox, Limits
from coase.agent.message import Message
from coase.agent.transport import Endpoint, Handler
from coase.errors import AddressInUse, ConfigurationError, TransportError, Undeliverable
from coase.identity import Identity

_LATE = 8
"""A reordered message arrives up to this many passes of the event loop after its turn."""

_QUIET = 16
"""Passes of the event loop without traffic after which `settle` believes that there will be none."""


class MemoryEndpoint:
    """One agent on a `MemoryTransport`. See `coase.agent.transport.Endpoint`."""

    def __init__(
        self, transport: MemoryTransport, name: str, address: str, models: Sequence[type[Message]], handler: Handler
    ) -> None:
        self.address = address
        self._inbox = Inbox(name, transport.limits)
        self._transport = transport
        self._models = {model.digest(): model for model in models}
        self._handler = handler
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._arrival = asyncio.Event()
        self._closed = False
        self.busy = False
        self._task = asyncio.get_running_loop().create_task(self._work(), name=f"memory endpoint {name}")

    @property
    def failures(self) -> list[BaseException]:
        """What the handler raised."""
        return self._inbox.failures

    @property
    def refused(self) -> Counter[str]:
        """Reason -> number of arrivals turned away."""
        return self._inbox.refused

    @property
    def idle(self) -> bool:
        """Whether no message waits and no handler runs."""
        return not self._waiting and not self.busy

    async def send(self, to: str, message: Message) -> None:
        """Hand a message to the transport, which may lose it; `Undeliverable` where nobody is connected."""
        if self._closed:
            raise TransportError(f"{self._inbox.name} is closed", code="closed")
        self._transport.carry(self.address, to, type(message).digest(), message.encode())

    def deliver(self, sender: str, digest: str, text: str) -> None:
        """Take a message in. A test may call it with anything, as a hostile network would."""
        if not self._inbox.admit(sender, self._models.get(digest), len(text.encode("utf-8", "surrogatepass"))):
            self._waiting.append((sender, digest, text))
            self._arrival.set()

    async def _work(self) -> None:
        while not self._closed:
            if not self._waiting:
                self._arrival.clear()
                await self._arrival.wait()
                continue
            sender, digest, text = self._waiting.popleft()
            self._inbox.release(sender, len(text.encode("utf-8", "surrogatepass")))
            self.busy = True
            try:
                message = self._inbox.parse(self._models[digest], sender, text)
                if message is not None:
                    await self._inbox.run(self._handler, sender, message)
            finally:
                self.busy = False
            await asyncio.sleep(0)

    def stop(self) -> None:
        """The part of `close` that needs no waiting."""
        self._closed = True
        self._waiting.clear()
        self._transport.forget(self.address)
        if self._task is not asyncio.current_task():
            self._task.cancel()

    async def close(self) -> None:
        """Leave the transport. Closing twice is fine."""
        self.stop()
        if self._task is not asyncio.current_task():
            await asyncio.wait([self._task])


class MemoryTransport:
    """Messages through memory, in the running event loop, without sleeping. See `coase.agent.transport.Transport`.

    The fate of a message depends on the seed, its sender, its receiver and its number on that road alone, not on what
    other agents do: adding an agent to a test does not change what happens to the others.

    Args:
        seed: of the faults.
        drop: share of messages that are lost.
        duplicate: share of messages that arrive twice.
        reorder: share of messages that others may overtake.
        limits: bounds of each inbox.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        drop: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        if not all(0.0 <= share <= 1.0 for share in (drop, duplicate, reorder)):
            raise ConfigurationError("drop, duplicate and reorder are shares between 0 and 1")
        self.limits = limits
        self.lost = 0
        self.doubled = 0
        self._seed, self._drop, self._duplicate, self._reorder = seed, drop, duplicate, reorder
        self._endpoints: dict[str, MemoryEndpoint] = {}
        self._sent: Counter[tuple[str, str]] = Counter()
        self._in_flight: list[tuple[int, int, str, str, str, str]] = []
        self._pass = 0
        self._number = 0
        self._pump: asyncio.Task[None] | None = None
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        endpoints = list(self._endpoints.values())
        for endpoint in endpoints:
            endpoint.stop()
        self._in_flight.clear()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        for endpoint in endpoints:
            await endpoint.close()

    async def connect(
        self, name: str, identity: Identity, models: Sequence[type[Message]], handler: Handler
    ) -> Endpoint:
        """Open an endpoint; see `Transport.connect`."""
        if not self._open:
            raise TransportError("the transport is not open", hint="use it in 'async with'", code="closed")
        if identity.address in self._endpoints:
            raise AddressInUse(f"{name}: an agent with this key is already connected")
        endpoint = MemoryEndpoint(self, name, identity.address, models, handler)
        self._endpoints[identity.address] = endpoint
        return endpoint

    def carry(self, sender: str, to: str, digest: str, text: str) -> None:
        """Put a message on its way, or lose it, as the seed says."""
        if to not in self._endpoints:
            raise Undeliverable(f"no agent {to[:24]!r} on this transport")
        self._sent[sender, to] += 1
        road = f"{self._seed}/{sender}/{to}/{self._sent[sender, to]}"
        if _share(road, "drop") < self._drop:
            self.lost += 1
            return
        copies = 2 if _share(road, "duplicate") < self._duplicate else 1
        self.doubled += copies - 1
        for copy in range(copies):
            late = 0
            if _share(road, f"reorder {copy}") < self._reorder:
                late = 1 + int(_share(road, f"late {copy}") * _LATE)
            self._number += 1
            heapq.heappush(self._in_flight, (self._pass + late, self._number, sender, to, digest, text))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._deliver(), name="memory transport")

    async def _deliver(self) -> None:
        while self._in_flight:
            while self._in_flight and self._in_flight[0][0] <= self._pass:
                _, _, sender, to, digest, text = heapq.heappop(self._in_flight)
                if to in self._endpoints:
                    self._endpoints[to].deliver(sender, digest, text)
            await asyncio.sleep(0)
            self._pass += 1

    def forget(self, address: str) -> None:
        """Called by an endpoint that leaves."""
        self._endpoints.pop(address, None)

    async def settle(self) -> None:
        """Wait until nothing is in flight, no handler runs, and no task has sent anything for 16 passes of the loop.

        Tasks that wait for something else than messages and the event loop (threads, real time) are not seen.
        """
        quiet, number = 0, self._number
        while quiet < _QUIET:
            await asyncio.sleep(0)
            still = not self._in_flight and number == self._number and all(e.idle for e in self._endpoints.values())
            quiet, number = quiet + 1 if still else 0, self._number


def _share(road: str, what: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(f"{road}/{what}".encode()).digest()[:7], "big") / 2**56
