"""A chain by anvil (Foundry's development node) in a process of its own, for many processes or more speed.

It mines ten times a second. Mining at once falls asleep under load, with transactions waiting for ever (anvil 1.7:
after some ten thousand of them, alone or mixed with mining by the clock).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from coase.errors import ChainUnavailable, ConfigurationError
from coase.settlement.policy import Policy
from coase.settlement.records import Patience
from coase.settlement.rpc import RpcChain

if TYPE_CHECKING:
    from web3 import AsyncWeb3

_LISTENING = re.compile(rb"Listening on ([0-9.]+:\d+)")
START_SECONDS, STOP_SECONDS = 20.0, 10.0


def find_anvil() -> Path:
    """The program: `COASE_ANVIL`, the clone's own (``make test`` sets it up), or one on the path.

    Raises:
        ConfigurationError: there is none.
    """
    clone = Path(__file__).resolve().parents[2] / "contracts" / "node_modules" / "@foundry-rs"
    named = [Path(os.environ["COASE_ANVIL"])] if os.environ.get("COASE_ANVIL") else []
    on_path = shutil.which("anvil")
    for found in [*named, *sorted(clone.glob("anvil-*/bin/anvil")), *([Path(on_path)] if on_path else [])]:
        if os.access(found, os.X_OK):
            return found
    raise ConfigurationError(
        "anvil is not installed",
        hint="in a clone: make contracts; elsewhere: install Foundry, or set COASE_ANVIL",
        code="no_anvil",
    )


class AnvilChain:
    """A `ChainBackend` that starts anvil on entering and ends it on leaving.

    Its time is the machine's clock, moved on by `wait`.

    Args:
        folder: where the state is kept (`anvil.json`, written each second and at the end); None: nowhere.
        alloc: account -> wei; set when there is no state yet.
        chain_id: EIP-155.
        port: of the JSON-RPC server on loopback; 0 for any free one.
        block_seconds: between blocks; None to mine at once, which only light use survives.
        patience: how often to ask again.

    Raises (on entering):
        ConfigurationError: there is no anvil, or it does not start.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        alloc: Mapping[str, int],
        chain_id: int = 31337,
        port: int = 0,
        block_seconds: float | None = 0.1,
        patience: Patience | None = None,
    ) -> None:
        self.folder, self.alloc, self.port = folder, dict(alloc), port
        self.chain_id, self.block_seconds = chain_id, block_seconds
        self.policy = Policy()  # its blocks go away only when it is asked for that
        self._patience = patience or Patience(pause=0.05)
        self._process: Process | None = None
        self._draining: asyncio.Task[Any] | None = None
        self._rpc: RpcChain | None = None

    @property
    def rpc(self) -> RpcChain:
        """The connection, with the address."""
        if self._rpc is None:
            raise ChainUnavailable("anvil is not running", hint="use it inside `async with`", code="chain_closed")
        return self._rpc

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        return self.rpc.w3

    async def now(self) -> int:
        """The timestamp of the pending block."""
        return await self.rpc.now()

    async def wait(self, seconds: int) -> None:
        """Move the chain's time on."""
        await self.rpc.wait(seconds)

    async def wait_until(self, time: int) -> None:
        """Move the chain's time on to `time`, unless it is there."""
        await self.rpc.wait_until(time)

    async def mine(self, blocks: int = 1) -> None:
        """Make blocks now, with whatever waits in the first."""
        await self.ask("anvil_mine", hex(blocks))

    async def ask(self, method: str, *params: Any) -> Any:
        """A request of anvil's own, such as ``anvil_reorg``. `ChainUnavailable` with what it says when it refuses."""
        asked: Any = (method, list(params))
        answer: Any = await self.w3.provider.make_request(*asked)
        if "error" in answer:
            raise ChainUnavailable(f"anvil refuses {method}: {str(answer['error'])[:300]}", code="anvil_refused")
        return answer["result"]

    async def __aenter__(self) -> AnvilChain:
        try:
            await self._start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _start(self) -> None:
        arguments = ["--port", str(self.port), "--chain-id", str(self.chain_id)]
        if self.block_seconds is not None:
            arguments += ["--block-time", str(self.block_seconds)]
        state = None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            state = self.folder / "anvil.json"
            arguments += ["--state", str(state), "--state-interval", "1"]
        fresh = state is None or not state.exists()
        self._process = await asyncio.create_subprocess_exec(
            str(find_anvil()), *arguments, stdout=PIPE, stderr=STDOUT, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                place = await self._address()
        except TimeoutError as error:
            raise ConfigurationError(
                "anvil does not come up", hint="run it by hand to see why", code="no_anvil"
            ) from error
        rpc = RpcChain(f"http://{place}", chain_id=self.chain_id, patience=self._patience, moves_time=True)
        self._rpc = await rpc.__aenter__()
        await self.ask("anvil_setLoggingEnabled", False)  # nobody reads a line for each request
        if fresh:
            for account, wei in self.alloc.items():
                await self.ask("anvil_setBalance", account, hex(wei))

    async def _address(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        said = b""
        async for line in self._process.stdout:
            said += line
            if found := _LISTENING.search(line):
                self._draining = asyncio.create_task(self._process.stdout.read())
                return found[1].decode()
        raise ConfigurationError(
            f"anvil ended at once: {said[-300:].decode(errors='replace').strip()}",
            hint="is the port taken? Choose another",
            code="no_anvil",
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection and end the process, which writes its state first."""
        rpc, self._rpc = self._rpc, None
        process, self._process = self._process, None
        if rpc is not None:
            await rpc.aclose()
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._draining is not None:
            await self._draining
