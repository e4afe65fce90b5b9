"""Questions to a node, with its many ways to fail turned into ours.

A request that is not answered is tried again a few times, then `ChainUnavailable`. Sending is idempotent (a signed
transaction is mined once at most), so that it may be tried again as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from json import JSONDecodeError
from typing import Any, TypeVar

from coase.errors import ChainUnavailable, ConfigurationError, MissingExtra, TransactionRefused, TransactionReverted
from coase.identity import checksum
from coase.settlement.records import Call, Log, Patience, Receipt
from coase.settlement.reverts import explain, known_errors, our_errors

try:
    from aiohttp import ClientError
    from web3 import AsyncWeb3
    from web3.exceptions import (
        BadFunctionCallOutput,
        BadResponseFormat,
        ContractLogicError,
        ProviderConnectionError,
        RequestTimedOut,
        TooManyRequests,
        TransactionIndexingInProgress,
        TransactionNotFound,
        Web3RPCError,
    )
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

T = TypeVar("T")

_SILENCE = (
    TimeoutError,
    OSError,
    ClientError,
    ProviderConnectionError,
    RequestTimedOut,
    TooManyRequests,
    BadResponseFormat,  # what answers is no node
    JSONDecodeError,
    UnicodeDecodeError,
)
_LIMITED = (-32005, 429)  # too many requests, as a JSON-RPC error


class Sent(Enum):
    """What a node said about a transaction that we sent it."""

    TAKEN = "taken"  # it has it, now or from before
    STALE = "stale"  # its nonce is used up: it was mined, or another transaction was
    EARLY = "early"  # an earlier nonce is missing


# What geth, erigon, nethermind, besu, anvil, hardhat and our own chain write.
_ANSWERS = (
    ("already known", Sent.TAKEN),
    ("alreadyknown", Sent.TAKEN),
    ("already imported", Sent.TAKEN),
    ("known transaction", Sent.TAKEN),
    ("underpriced", Sent.TAKEN),  # another one waits with this nonce: whichever is mined decides
    ("nonce too low", Sent.STALE),
    ("nonce is too low", Sent.STALE),
    ("oldnonce", Sent.STALE),
    ("nonce too high", Sent.EARLY),
    ("nonce is too high", Sent.EARLY),
    ("nonce gap", Sent.EARLY),
)


class Node:
    """A node, as one sender sees it.

    Args:
        w3: the connection.
        patience: how often to ask again.
        abis: of contracts besides ours whose errors should be decoded.
    """

    def __init__(
        self, w3: AsyncWeb3[Any], patience: Patience, abis: Iterable[Iterable[Mapping[str, Any]]] = ()
    ) -> None:
        self.w3, self.patience = w3, patience
        self._errors = {**known_errors(abis), **our_errors()}

    async def gas_for(self, sender: str, call: Call) -> int:
        """Run the call on the block to come, and tell the gas limit it should get.

        Raises:
            TransactionReverted: it would revert; `reason` says why.
        """
        tx: dict[str, Any] = {"from": sender, "value": call.value, "data": call.data}
        if call.to is not None:
            tx["to"] = checksum(call.to)
        if call.gas is not None:
            tx["gas"] = call.gas
            await self.ask(lambda: self.w3.eth.call(tx, "pending", ccip_read_enabled=False))  # type: ignore[arg-type]
            return call.gas
        estimate = await self.ask(lambda: self.w3.eth.estimate_gas(tx, "pending"))  # type: ignore[arg-type]
        return estimate + estimate // 4  # what is cold or empty may differ by the time it is mined

    async def fees(self) -> tuple[int, int]:
        """(the most to pay, the tip) in wei for a unit of gas; the base fee may double before we pay too little."""
        block = await self.ask(lambda: self.w3.eth.get_block("latest"))
        tip = await self.ask(lambda: self._max_priority_fee())
        return 2 * int(block.get("baseFeePerGas", 0)) + int(tip), int(tip)

    async def count(self, account: str, *, pending: bool = False) -> int:
        """How many transactions of the account are mined, or also waiting: the nonce of the next."""
        tag: Any = "pending" if pending else "latest"
        return int(await self.ask(lambda: self.w3.eth.get_transaction_count(account, tag)))  # type: ignore[arg-type]

    async def balance(self, account: str) -> int:
        """Wei of an account."""
        return int(await self.ask(lambda: self.w3.eth.get_balance(account)))  # type: ignore[arg-type]

    async def send(self, raw: bytes) -> Sent:
        """Hand a signed transaction over.

        Raises:
            TransactionRefused: the node will not have it, for a reason that has nothing to do with its nonce.
        """
        try:
            await self.ask(lambda: self.w3.eth.send_raw_transaction(raw))
        except TransactionRefused as error:
            text = error.message.lower()
            for words, answer in _ANSWERS:
                if words in text:
                    return answer
            raise
        return Sent.TAKEN

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a mined transaction, or None."""
        found = await self.ask(lambda: self._find_receipt(tx_hash))
        if found is None:
            return None
        created = found.get("contractAddress")
        return Receipt(
            hash=tx_hash,
            block_number=int(found["blockNumber"]),
            block_hash="0x" + bytes(found["blockHash"]).hex(),
            gas_used=int(found["gasUsed"]),
            status=int(found["status"]),
            logs=tuple(
                Log(checksum(log["address"]), tuple(bytes(topic) for topic in log["topics"]), bytes(log["data"]))
                for log in found["logs"]
            ),
            contract=checksum(created) if created else None,
        )

    async def why(self, sender: str, call: Call, receipt: Receipt) -> str:
        """Why a mined transaction probably reverted: what the same call meets now."""
        if call.gas is not None and receipt.gas_used >= call.gas:
            return "out of gas"
        try:
            await self.gas_for(sender, call)
        except TransactionReverted as error:
            return error.reason
        except TransactionRefused:
            return ""
        return ""

    async def pause(self) -> None:
        """Give the node some time."""
        await asyncio.sleep(self.patience.pause)

    async def _find_receipt(self, tx_hash: str) -> Any:
        try:
            return await self.w3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]
        except (TransactionNotFound, TransactionIndexingInProgress):
            return None

    def _max_priority_fee(self) -> Awaitable[int]:
        return self.w3.eth.max_priority_fee

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request through web3, several times if need be.

        Raises:
            TransactionReverted: a contract said no.
            TransactionRefused: the node said no.
            ChainUnavailable: it was not answered.
            ConfigurationError: there is no such contract.
        """
        last: Exception = TimeoutError()
        for attempt in range(self.patience.attempts):
            if attempt:
                await asyncio.sleep(self.patience.pause * 2 ** (attempt - 1))
            try:
                return await request()
            except ContractLogicError as error:
                raise self._reverted(error) from error
            except BadFunctionCallOutput as error:
                raise ConfigurationError(
                    "there is no such contract at this address",
                    hint="is this the chain on which it was deployed?",
                    code="no_contract",
                ) from error
            except ChainUnavailable as error:
                if error.code != ChainUnavailable.default_code:  # closed, or not written: asking again does not help
                    raise
                last = error
            except _SILENCE as error:
                last = error
            except Web3RPCError as error:
                if _code(error) not in _LIMITED:
                    raise TransactionRefused(_message(error), hint="see what the node says") from error
                last = error
        raise ChainUnavailable(
            f"the node did not answer {self.patience.attempts} times: {str(last)[:200] or type(last).__name__}",
            hint="check that the node runs and can be reached; nothing is lost, pending transactions are sent again",
        ) from last

    def _reverted(self, error: ContractLogicError) -> TransactionReverted:
        data = error.data
        if isinstance(data, dict):  # some nodes wrap it once more
            data = next((value for value in data.values() if isinstance(value, str) and value.startswith("0x")), "")
        try:
            raw = bytes.fromhex(str(data or "").removeprefix("0x"))
        except ValueError:
            raw = b""
        reason = explain(raw, self._errors) or str(error.message or "")
        return TransactionReverted(f"the contract refuses: {reason}", reason=reason)


def _error(error: Web3RPCError) -> Mapping[str, Any]:
    body = (error.rpc_response or {}).get("error")
    return body if isinstance(body, Mapping) else {"message": str(body or error.message)}


def _message(error: Web3RPCError) -> str:
    return str(_error(error).get("message", error.message))


def _code(error: Web3RPCError) -> Any:
    return _error(error).get("code")
