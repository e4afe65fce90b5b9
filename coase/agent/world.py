"""What the agents of one marketplace share: transport, chain, registry, executor, and where events are reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from coase.agent.transport import Transport
    from coase.compute.executor import Executor
    from coase.registry.registry import Registry
    from coase.settlement.backend import ChainBackend


@dataclass(frozen=True)
class Event:
    """Something that happened, for people to watch. `data` is JSON; nothing depends on events."""

    agent: str
    deal: str
    what: str
    data: Mapping[str, Any] = field(default_factory=dict)


class ChainTime:
    """Chain time as it was last read, for those who cannot wait for the chain: the registry's idea of now."""

    def __init__(self, chain: ChainBackend) -> None:
        self._chain = chain
        self._last = 0

    def __call__(self) -> int:
        """Seconds, as of the last `read`."""
        return self._last

    async def read(self) -> int:
        """Ask the chain."""
        self._last = await self._chain.now()
        return self._last


@dataclass
class World:
    """The surroundings of a party.

    Args:
        folder: where agents keep their state, one folder each.
        seed: what every random choice derives from.
        transport: carries messages.
        chain: the chain; its time is the only clock that deals know.
        token, escrow: addresses of the contracts.
        operator: the account that arbitrates where no validator can.
        registry: listings.
        time: what the registry takes for now.
        executor: runs jobs.
        emit: told about every event.
        moved: set whenever a deal has a new state.
        patience: wall seconds without a word after which the chain is asked instead.
    """

    folder: Path
    seed: int
    transport: Transport
    chain: ChainBackend
    token: str
    escrow: str
    operator: str
    registry: Registry
    time: ChainTime
    executor: Executor
    emit: Callable[[Event], None] = lambda event: None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    patience: float = 60.0
