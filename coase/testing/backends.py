"""The same chain by different means: in this process, behind HTTP, or by anvil; and what a test may do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from coase.errors import UnknownName
from coase.identity import Identity
from coase.settlement.anvil import AnvilChain
from coase.settlement.backend import ChainBackend
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.records import Patience
from coase.settlement.rpc import RpcChain
from coase.settlement.server import serve
from coase.testing.reorg import add_blocks, reorganise

if TYPE_CHECKING:
    from web3 import AsyncWeb3

Kind = Literal["embedded", "http", "anvil"]
KINDS: tuple[Kind, ...] = ("embedded", "http", "anvil")
FILLER = Identity.from_seed("testing", "filler")
ETHER = 10**18


@dataclass(frozen=True)
class AnyChain:
    """A running chain of some kind.

    Args:
        kind: how it runs.
        backend: what settlement sees of it.
        mine: adds so many blocks that hold nothing of interest.
        undo: takes the last so many blocks away, with their transactions, and puts as many or more in their place.
    """

    kind: Kind
    backend: ChainBackend
    mine: Callable[[int], Awaitable[Any]]
    undo: Callable[[int], Awaitable[Any]]

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        return self.backend.w3

    @property
    def chain_id(self) -> int:
        """EIP-155."""
        return self.backend.chain_id


@asynccontextmanager
async def any_chain(kind: Kind, alloc: Mapping[str, int]) -> AsyncIterator[AnyChain]:
    """A chain of this kind on which these accounts have so many wei.

    Raises:
        UnknownName: there is no such kind.
        ConfigurationError: `no_anvil`.
    """
    if kind == "anvil":
        async with AnvilChain(alloc=alloc, block_seconds=None) as anvil:  # mined at once: nobody waits by the clock
            yield AnyChain(kind, anvil, anvil.mine, lambda depth: anvil.ask("anvil_reorg", depth, []))
        return
    if kind not in KINDS:
        raise UnknownName(f"no chain of kind {kind!r}", hint=", ".join(KINDS))
    async with EmbeddedChain(alloc={**alloc, FILLER.account: 100 * ETHER}) as chain:

        async def mine(blocks: int) -> None:
            await add_blocks(chain, FILLER, blocks)

        async def undo(depth: int) -> None:
            await reorganise(chain, depth, FILLER)

        if kind == "embedded":
            yield AnyChain(kind, chain, mine, undo)
            return
        patience = Patience(attempts=3, polls=2, rounds=3, pause=0.0)
        async with serve(chain) as url, RpcChain(url, patience=patience, moves_time=True) as remote:
            yield AnyChain(kind, remote, mine, undo)
