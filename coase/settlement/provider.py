"""The JSON-RPC face of `Chain`, and the web3 provider that runs it in a thread of its own.

Client code is the same as over HTTP. One thread in FIFO order keeps the loop free and the chain deterministic: the same
requests in the same order give the same blocks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from coase.errors import MissingExtra
from coase.settlement.evm import BASE_FEE, CALL_GAS, GAS_LIMIT, Block, Chain, Refused, Reverted
from coase.settlement.records import Log
from coase.settlement.transactions import to_json

try:
    from web3 import AsyncWeb3
    from web3.providers.async_base import AsyncJSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

MAX_LOGS = 10_000
_NOBODY = "0x" + "00" * 20


def handle(chain: Chain, method: str, params: Any) -> dict[str, Any]:
    """Answer one JSON-RPC request; whatever is wrong with it comes back as a JSON-RPC error."""
    serve = _METHODS.get(method)
    if serve is None:
        return _failure(-32601, f"the method {method} does not exist")
    try:
        return {"jsonrpc": "2.0", "id": 0, "result": serve(chain, *params)}
    except Reverted as error:
        return _failure(3, "execution reverted", "0x" + error.data.hex())
    except Refused as error:
        return _failure(-32000, str(error))
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        return _failure(-32602, f"invalid parameters: {error}")


def connect(provider: AsyncJSONBaseProvider) -> AsyncWeb3[Any]:
    """web3 on a provider, without what would look anything up elsewhere: names (ENS) and off-chain data (EIP-3668)."""
    provider.global_ccip_read_enabled = False  # else a contract could make us fetch a URL of its choice
    w3: AsyncWeb3[Any] = AsyncWeb3(provider)
    w3.middleware_onion.remove("ens_name_to_address")
    return w3


class EmbeddedProvider(AsyncJSONBaseProvider):
    """What `AsyncWeb3` talks to.

    Args:
        ask: runs `handle` for each (method, params) on the chain's thread.
    """

    def __init__(self, ask: Callable[[Sequence[tuple[str, Any]]], Awaitable[list[dict[str, Any]]]]) -> None:
        super().__init__()
        self._ask = ask

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request."""
        answer: Any = await self._ask([(method, params)])
        return answer[0]  # type: ignore[no-any-return]

    async def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """Answer several, one after another, in one trip to the chain's thread."""
        answers: Any = await self._ask(requests)
        numbered: Any = [{**answer, "id": number} for number, answer in enumerate(answers)]
        return numbered  # type: ignore[no-any-return]


def _failure(code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    return {"jsonrpc": "2.0", "id": 0, "error": error if data is None else {**error, "data": data}}


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("bytes are written in hexadecimal, from 0x")
    return bytes.fromhex(value[2:])


def _number(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _account(value: Any) -> str:
    if len(_bytes(value)) != 20:
        raise ValueError("an account is 20 bytes")
    return "0x" + _bytes(value).hex()


def _height(chain: Chain, block: Any) -> int:
    """A block's number from a number or a tag. The pending block counts as the head."""
    if block == "earliest":
        return 0
    if block in ("latest", "pending", "safe", "finalized"):
        return chain.head.number
    return _number(block)


def _present(chain: Chain, block: Any) -> None:
    if _height(chain, block) != chain.head.number:
        raise Refused(f"only the latest state is kept, not that of block {_height(chain, block)}")


def _block(chain: Chain, block: Any = "latest", full: bool = False) -> dict[str, Any] | None:
    if full:
        raise ValueError("blocks are served with transaction hashes only")
    if block == "pending":
        return _header(chain, Block(chain.head.number + 1, chain.next_time(), b""))
    height = _height(chain, block)
    return _header(chain, chain.blocks[height]) if 0 <= height <= chain.head.number else None


def _block_by_hash(chain: Chain, wanted: Any, full: bool = False) -> dict[str, Any] | None:
    found = next((b for b in reversed(chain.blocks) if b.hash == _bytes(wanted)), None)
    return None if found is None else _block(chain, found.number, full)


def _header(chain: Chain, block: Block) -> dict[str, Any]:
    return {
        "number": hex(block.number),
        "hash": "0x" + block.hash.hex() if block.hash else None,
        "parentHash": "0x" + (chain.blocks[block.number - 1].hash if block.number else bytes(32)).hex(),
        "timestamp": hex(block.time),
        "baseFeePerGas": hex(BASE_FEE),
        "gasLimit": hex(GAS_LIMIT),
        "gasUsed": hex(block.gas_used),
        "logsBloom": "0x" + block.bloom.hex(),
        "transactions": ["0x" + block.tx_hash.hex()] if block.tx_hash else [],
    }


def _call(chain: Chain, tx: Mapping[str, Any], block: Any) -> tuple[bytes, int]:
    _present(chain, block)
    to = tx.get("to")
    return chain.call(
        _account(tx.get("from") or _NOBODY),
        _account(to) if to else None,
        _bytes(tx.get("data") or tx.get("input") or "0x"),
        _number(tx.get("value") or 0),
        _number(tx.get("gas") or CALL_GAS),
    )


def _estimate(chain: Chain, tx: Mapping[str, Any], block: Any = "pending") -> str:
    # A call may pass on 63/64 of its gas (EIP-150): what was used is a little less than what must be offered.
    used = _call(chain, tx, block)[1]
    return hex(used if used == 21_000 else min(used * 64 // 63 + 5_000, CALL_GAS))


def _of(chain: Chain, account: Any, block: Any) -> Any:
    _present(chain, block)
    return chain.account(_account(account))


def _receipt(chain: Chain, wanted: Any) -> dict[str, Any] | None:
    block = chain.by_transaction.get(_bytes(wanted))
    if block is None:
        return None
    return {
        **_place(block),
        "from": block.sender,
        "to": block.to,
        "contractAddress": block.created,
        "status": hex(block.succeeded),
        "gasUsed": hex(block.gas_used),
        "cumulativeGasUsed": hex(block.gas_used),
        "effectiveGasPrice": hex(BASE_FEE),
        "logs": [_log(block, index, log) for index, log in enumerate(block.logs)],
        "logsBloom": "0x" + block.bloom.hex(),
        "type": hex(block.raw[0] if block.raw[0] < 0x80 else 0),
    }


def _transaction(chain: Chain, wanted: Any) -> dict[str, Any] | None:
    block = chain.by_transaction.get(_bytes(wanted))
    return None if block is None else {**to_json(block.raw), **_place(block), "from": block.sender}


def _transaction_by_nonce(chain: Chain, account: Any, nonce: Any) -> dict[str, Any] | None:
    sender, wanted = _account(account), _number(nonce)
    theirs = (block for block in reversed(chain.blocks) if block.sender.lower() == sender)
    return next((found for b in theirs if (found := _transaction(chain, b.tx_hash)) and _nonce(found) == wanted), None)


def _nonce(transaction: Mapping[str, Any]) -> int:
    return int(transaction["nonce"], 16)


def _place(block: Block) -> dict[str, Any]:
    return {
        "blockNumber": hex(block.number),
        "blockHash": "0x" + block.hash.hex(),
        "transactionHash": "0x" + block.tx_hash.hex(),
        "transactionIndex": "0x0",
    }


def _log(block: Block, index: int, log: Log) -> dict[str, Any]:
    topics = ["0x" + topic.hex() for topic in log.topics]
    body = {"address": log.address, "topics": topics, "data": "0x" + log.data.hex()}
    return {**_place(block), **body, "logIndex": hex(index), "removed": False}


def _logs(chain: Chain, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    low = max(_height(chain, query.get("fromBlock") or "earliest"), 0)
    high = _height(chain, query.get("toBlock") or "latest")
    addresses = {_account(value) for value in _several(query.get("address"))}
    wanted = [{_bytes(value) for value in _several(topic)} for topic in query.get("topics") or ()]
    found = [
        _log(block, index, log)
        for block in chain.blocks[low : high + 1]
        for index, log in enumerate(block.logs)
        if (not addresses or log.address.lower() in addresses)
        and len(log.topics) >= len(wanted)
        and all(not any_of or topic in any_of for any_of, topic in zip(wanted, log.topics, strict=False))
    ]
    if len(found) > MAX_LOGS:
        raise Refused(f"more than {MAX_LOGS} logs match: ask for fewer blocks")
    return found


def _several(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _increase_time(chain: Chain, seconds: Any) -> str:
    chain.advance(_number(seconds))
    return hex(chain.offset)


_METHODS: dict[str, Callable[..., Any]] = {
    "web3_clientVersion": lambda c: f"coase/{c.genesis.evm}",
    "net_version": lambda c: str(c.chain_id),
    "eth_chainId": lambda c: hex(c.chain_id),
    "eth_syncing": lambda c: False,
    "eth_accounts": lambda c: [],
    "eth_blockNumber": lambda c: hex(c.head.number),
    "eth_gasPrice": lambda c: hex(BASE_FEE),
    "eth_maxPriorityFeePerGas": lambda c: "0x0",
    "eth_getTransactionCount": lambda c, a, b="latest": hex(int(_of(c, a, b).nonce)),
    "eth_getBalance": lambda c, a, b="latest": hex(int(_of(c, a, b).balance)),
    "eth_getCode": lambda c, a, b="latest": "0x" + bytes(_of(c, a, b).code).hex(),
    "eth_getStorageAt": lambda c, a, s, b="latest": f"0x{c.storage(_account(a), _number(s)):064x}",
    "eth_getBlockByNumber": _block,
    "eth_getBlockByHash": _block_by_hash,
    "eth_call": lambda c, tx, b="latest": "0x" + _call(c, tx, b)[0].hex(),
    "eth_estimateGas": _estimate,
    "eth_sendRawTransaction": lambda c, raw: "0x" + c.send(_bytes(raw)).hex(),
    "eth_getTransactionReceipt": _receipt,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionBySenderAndNonce": _transaction_by_nonce,
    "eth_getLogs": _logs,
    "evm_increaseTime": _increase_time,
}
