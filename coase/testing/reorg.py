"""A chain that changes its mind: the last blocks of an embedded chain go away, and others come instead."""

from __future__ import annotations

from collections.abc import Callable

from coase.errors import UsageError
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.evm import BASE_FEE, Chain, Refused
from coase.settlement.records import Call
from coase.settlement.signing import sign


def mine(chain: Chain, filler: Identity, blocks: int) -> None:
    """Add blocks in which `filler`, who needs ether, pays itself nothing."""
    for _ in range(blocks):
        nonce = int(chain.account(filler.account).nonce)
        nothing = Call(filler.account)
        chain.send(sign(filler, nothing, chain_id=chain.chain_id, nonce=nonce, gas=21_000, fees=(BASE_FEE, 0)))


async def add_blocks(backend: EmbeddedChain, filler: Identity, blocks: int = 1) -> None:
    """Add blocks with nothing of interest."""
    await backend.run(lambda chain: mine(chain, filler, blocks))


async def reorganise(
    backend: EmbeddedChain, depth: int, filler: Identity, keep: Callable[[bytes], bool] = lambda raw: False
) -> list[bytes]:
    """Undo the last `depth` blocks and put `depth` + 1 others in their place.

    Args:
        backend: in memory.
        depth: 1 or more.
        filler: fills the new blocks.
        keep: which of the undone transactions (raw) are mined again, after the fillers.

    Returns:
        The raw transactions that were undone and not mined again, oldest first.
    """
    if backend.folder is not None:
        raise UsageError("only a chain in memory changes its mind", hint="EmbeddedChain(None, ...)")
    return await backend.run(lambda chain: _reorganise(chain, depth, filler, keep))


def _reorganise(chain: Chain, depth: int, filler: Identity, keep: Callable[[bytes], bool]) -> list[bytes]:
    if not 0 < depth < len(chain.blocks):
        raise UsageError(f"{depth} blocks cannot be undone of {len(chain.blocks) - 1}")
    kept, undone = chain.blocks[1:-depth], chain.blocks[-depth:]
    other = Chain(chain.genesis)
    for block in kept:
        other.adopt(other.execute(block.raw, block.time))
    other.advance(1)  # else the first filler could be the block that it replaces
    mine(other, filler, depth + 1)
    dropped = []
    for block in undone:
        try:
            if keep(block.raw):
                other.send(block.raw)
                continue
        except Refused:  # what it needed is gone
            pass
        dropped.append(block.raw)
    chain.state, chain.blocks, chain.by_transaction = other.state, other.blocks, other.by_transaction
    chain.offset = 0
    return dropped
