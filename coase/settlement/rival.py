"""Which transaction took a nonce of ours, with a proof: only our own key can have signed it.

A node that says "your nonce is used, and I know no receipt" may lie, or look for the receipt still; whoever believes it
pays twice. A transaction that carries our signature, has this nonce, and is none of those that we stored cannot be
made up.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from coase.errors import ChainUnavailable, TransactionRefused
from coase.settlement.node import Node
from coase.settlement.signing import hash_of
from coase.settlement.transactions import from_json, signer

BLOCKS = 64  # looked through where a node cannot be asked by nonce


async def rival(node: Node, account: str, chain_id: int, nonce: int, ours: Collection[str]) -> str | None:
    """The hash of a mined transaction of `account` with this nonce that is none of `ours`; None when none is proven."""
    shown = await _by_nonce(node, account, nonce)
    if shown is None:
        shown = await _in_blocks(node, account, nonce)
    if not isinstance(shown, dict) or not shown.get("blockHash"):
        return None
    try:
        raw = from_json(shown)
        right = signer(raw) == account and _number(shown, "nonce") == nonce
        right = right and _number(shown, "chainId", chain_id) == chain_id
    except ValueError:
        return None
    found = hash_of(raw)
    return found if right and found not in ours else None


async def _by_nonce(node: Node, account: str, nonce: int) -> Any:
    (found,) = await node.ask_all([("eth_getTransactionBySenderAndNonce", [account, hex(nonce)])])
    return None if isinstance(found, Exception) else found


async def _in_blocks(node: Node, account: str, nonce: int) -> Any:
    head = (await node.head()).number
    for number in range(head, max(head - BLOCKS, -1), -1):
        (block,) = await node.ask_all([("eth_getBlockByNumber", [hex(number), True])])
        if isinstance(block, TransactionRefused) or not isinstance(block, dict):
            return None
        for shown in block.get("transactions") or ():
            if isinstance(shown, dict) and str(shown.get("from")).lower() == account.lower():
                try:
                    if _number(shown, "nonce") == nonce:
                        return shown
                except ValueError as error:
                    raise ChainUnavailable("a block holds a transaction without a nonce", code="bad_answer") from error
    return None


def _number(fields: dict[str, Any], name: str, default: int | None = None) -> int:
    value = fields.get(name, default)
    return value if isinstance(value, int) else int(str(value), 16)
