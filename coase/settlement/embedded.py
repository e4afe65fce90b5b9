"""A chain in this process: EELS on a thread of its own, in memory or on disk."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from coase.errors import ChainUnavailable, ConfigurationError, UsageError
from coase.settlement.blocklog import BlockLog
from coase.settlement.evm import Chain, Genesis, Refused
from coase.settlement.policy import Policy
from coase.settlement.provider import EmbeddedProvider, connect, handle

if TYPE_CHECKING:
    from web3 import AsyncWeb3

T = TypeVar("T")


class EmbeddedChain:
    """A `ChainBackend` in this process. Enter it to start it: ``async with EmbeddedChain(folder, alloc=...) as chain``.

    Block times are parent + 1, never the wall clock, so that equal inputs give equal hashes.

    Args:
        folder: where the blocks are kept (`chain.sqlite`), made when it is not there; None for memory only. One process
            at a time may use it.
        alloc: account -> wei at the beginning.
        chain_id: EIP-155.
        genesis_time: of block 0, seconds.

    Raises (on entering):
        ConfigurationError: another process uses the folder, or it holds a chain with another genesis.
        ChainCorrupt: the blocks there do not replay to what was recorded.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        alloc: Mapping[str, int],
        chain_id: int = 31337,
        genesis_time: int = 1_700_000_000,
    ) -> None:
        self.folder, self.genesis = folder, Genesis(chain_id, genesis_time, alloc)
        self.chain_id = chain_id
        self.policy = Policy()  # no block of it ever goes away
        self._executor: ThreadPoolExecutor | None = None
        self._log: BlockLog | None = None
        self._lock = -1
        self._chain: Chain | None = None
        self._w3 = connect(EmbeddedProvider(self._ask))

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        return self._w3

    async def now(self) -> int:
        """The timestamp that the next block will have."""
        return await self.run(lambda chain: chain.next_time())

    async def wait(self, seconds: int) -> None:
        """Move the time of the next block on. `UsageError` when that is backwards, or beyond all time."""
        await self._advance(lambda chain: seconds)

    async def wait_until(self, time: int) -> None:
        """Move the time of the next block on to `time`, unless it is there."""
        await self._advance(lambda chain: max(0, time - chain.next_time()))

    async def _advance(self, seconds: Callable[[Chain], int]) -> None:
        try:
            await self.run(lambda chain: chain.advance(seconds(chain)))
        except Refused as error:
            raise UsageError(str(error), hint="wait for a number of seconds ahead", code="bad_wait") from error

    async def __aenter__(self) -> EmbeddedChain:
        if self._executor is not None:
            raise ConfigurationError("this chain is already running", hint="make another EmbeddedChain")
        self._executor = ThreadPoolExecutor(1, "coase-chain")
        try:
            self._chain = await asyncio.get_running_loop().run_in_executor(self._executor, self._open)
        except BaseException:  # a chain that did not start must leave neither thread nor lock
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what was asked before, then close the thread and its files."""
        executor, self._executor = self._executor, None
        if executor is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(executor, self._close)
            finally:  # cancelled or not, the close is the last thing that the thread does
                executor.shutdown(wait=False)

    # ---- below, on the chain's thread

    def _open(self) -> Chain:
        if self.folder is None:
            return Chain(self.genesis)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.folder / "chain.lock")
        self._log = BlockLog(self.folder / "chain.sqlite")
        return self._log.restore(self.genesis)

    def _close(self) -> None:
        self._chain = None
        if self._log is not None:
            self._log.close()
        if self._lock >= 0:
            os.close(self._lock)
        self._log, self._lock = None, -1

    async def _ask(self, requests: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        return await self.run(lambda chain: [handle(chain, method, params) for method, params in requests])

    async def run(self, work: Callable[[Chain], T]) -> T:
        """Do some work on the chain, on its thread."""
        if self._executor is None or self._chain is None:
            raise ChainUnavailable(
                "the embedded chain is not running", hint="use it inside `async with`", code="chain_closed"
            )
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, self._chain)


def _lock(path: Path) -> int:
    """Hold the folder for this process; the kernel lets go of it when the process ends, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 32).decode("ascii", "replace") or "unknown"
        os.close(handle)
        raise ConfigurationError(
            f"the chain in {path.parent.name} is in use by process {holder}",
            hint="stop that process, or use another folder",
            code="chain_in_use",
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle
