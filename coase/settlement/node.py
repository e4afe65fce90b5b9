"""Questions to a node, with its many ways to fail turned into ours.

A request that is not answered, or answered with nonsense, is tried again a few times, then `ChainUnavailable`. Sending
is idempotent (a signed transaction is mined once at most), so that it may be tried again as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from coase.errors import (
    ChainUnavailable,
    CoaseError,
    ConfigurationError,
    MissingExtra,
    SettlementError,
    TransactionRefused,
    TransactionReverted,
)
from coase.identity import checksum
from coase.settlement import answers
from coase.settlement.answers import Sent
from coase.settlement.batch import SILENCE, Request, ask_all
from coase.settlement.records import Call, Header, Patience, Receipt
from coase.settlement.reverts import known_errors, our_errors

try:
    from web3 import AsyncWeb3
    from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3RPCError
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

__all__ = ["Node", "Sent"]

T = TypeVar("T")
Parse = Callable[[Any], Any]


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

    # ---- before sending

    async def gas_for(self, sender: str, call: Call) -> int:
        """Run the call on the block to come, and tell the gas limit it should get.

        Raises:
            TransactionReverted: it would revert; `reason` says why.
        """
        return _or_raise((await self.simulate(sender, [call]))[0])

    async def simulate(self, sender: str, calls: Sequence[Call]) -> list[int | SettlementError]:
        """For each call, the gas limit it should get, or why it would not work.

        It is run on the latest block, which is cheap; what fails there is run on the block to come, which knows our
        own transactions on their way, and a later time.
        """
        found = [
            _gas(call, answer)
            for call, answer in zip(
                calls, await self.ask_all([_simulation(sender, call, "latest") for call in calls]), strict=True
            )
        ]
        failed = [index for index, gas in enumerate(found) if isinstance(gas, Exception)]
        if failed:
            again = await self.ask_all([_simulation(sender, calls[index], "pending") for index in failed])
            for index, answer in zip(failed, again, strict=True):
                found[index] = _gas(calls[index], answer)
        return found

    async def fees(self) -> tuple[int, int]:
        """(the most to pay, the tip) in wei for a unit of gas; the base fee may double before we pay too little."""
        return (await self.state(None))[0]

    async def state(self, account: str | None) -> tuple[tuple[int, int], int, int]:
        """What one must know to send: the fees as from `fees`, the account's wei, and its next nonce.

        The nonce counts what waits, as far as this node knows. Without an account, the latter two are 0.
        """
        asked: list[Request] = [
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_maxPriorityFeePerGas", []),
            *([("eth_getBalance", [account, "latest"])] if account else []),
            *([("eth_getTransactionCount", [account, "pending"])] if account else []),
        ]
        block, tip, *own = await self.ask_all(asked)
        head = answers.header(_or_raise(block))
        if head is None:
            raise answers.nonsense("the latest block", None)
        paid = 0 if isinstance(tip, SettlementError) else answers.number(tip)  # not every node has an idea of a tip
        wei, nonce = (answers.number(_or_raise(value)) for value in own) if account else (0, 0)
        return (2 * head.base_fee + paid, paid), wei, nonce

    async def count(self, account: str, *, pending: bool = False, block: int | None = None) -> int:
        """How many transactions of the account are mined, or also waiting, or were mined up to a block."""
        tag = "pending" if pending else "latest" if block is None else hex(block)
        return int(await self._question("eth_getTransactionCount", [account, tag], answers.number))

    async def balance(self, account: str) -> int:
        """Wei of an account."""
        return int(await self._question("eth_getBalance", [account, "latest"], answers.number))

    # ---- sending

    async def send(self, raw: bytes) -> Sent:
        """Hand a signed transaction over.

        Raises:
            TransactionRefused: the node will not have it, for a reason that has nothing to do with its nonce.
        """
        return _or_raise((await self.send_all([raw]))[0])

    async def send_all(self, raws: Sequence[bytes]) -> list[Sent | SettlementError]:
        """Hand signed transactions over, in this order. What became of each, or why the node will not have it."""
        found = await self.ask_all([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws])
        return [
            (answers.sent(one) or one) if isinstance(one, TransactionRefused)
            else one if isinstance(one, SettlementError) else Sent.TAKEN
            for one in found
        ]  # fmt: skip

    # ---- afterwards

    async def receipt(self, tx_hash: str, sender: str | None = None) -> Receipt | None:
        """The receipt of a mined transaction, or None."""
        return (await self.receipts([tx_hash], sender))[0]

    async def receipts(self, hashes: Sequence[str], sender: str | None = None) -> list[Receipt | None]:
        """The receipts of those that are mined. One that belongs to another transaction or sender is no answer."""
        parses: list[Parse] = [partial(answers.receipt, tx_hash=wanted, sender=sender) for wanted in hashes]
        found = await self.ask_all([("eth_getTransactionReceipt", [wanted]) for wanted in hashes], parses)
        return [None if isinstance(one, TransactionRefused) else _or_raise(one) for one in found]  # "not indexed yet"

    async def headers(self, blocks: Sequence[int | str]) -> list[Header | None]:
        """Blocks by number or tag; None for those that the node does not have."""
        asked: list[Request] = [
            ("eth_getBlockByNumber", [hex(block) if isinstance(block, int) else block, False]) for block in blocks
        ]
        found = await self.ask_all(asked, [answers.header] * len(asked))
        return [None if isinstance(one, TransactionRefused) else _or_raise(one) for one in found]

    async def head(self) -> Header:
        """The latest block."""
        found = (await self.headers(["latest"]))[0]
        if found is None:
            raise answers.nonsense("the latest block", None)
        return found

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

    # ---- asking

    async def _question(self, method: str, params: list[Any], parse: Parse | None = None) -> Any:
        return _or_raise((await self.ask_all([(method, params)], [parse] if parse else None))[0])

    async def ask_all(self, requests: Sequence[Request], parses: Sequence[Parse] | None = None) -> list[Any]:
        """Ask many things at once, several times if need be.

        Returns:
            For each request what `parses` makes of the result; a `TransactionReverted` or `TransactionRefused`, not
            raised, where the node said no.

        Raises:
            ChainUnavailable: some were not answered.
        """
        found: dict[int, Any] = {}
        last: Exception = TimeoutError()
        for attempt in range(self.patience.attempts):
            if attempt:
                await asyncio.sleep(self.patience.pause * 2 ** (attempt - 1))
            missing = [index for index in range(len(requests)) if index not in found]
            for index, answer in zip(
                missing, await ask_all(self.w3.provider, [requests[index] for index in missing]), strict=True
            ):
                if isinstance(answer, Exception):
                    last = answer
                    continue
                if answers.limited(answer):
                    last = ChainUnavailable("too many requests")
                    continue
                try:
                    value = answers.outcome(answer, self._errors)
                    if parses is not None and not isinstance(value, CoaseError):
                        value = parses[index](value)
                except ChainUnavailable as error:
                    value = error
                if isinstance(value, ChainUnavailable):
                    last = value
                else:
                    found[index] = value
            if len(found) == len(requests):
                return [found[index] for index in range(len(requests))]
        raise self._silent(last) from last

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
                raise answers.reverted(str(error.message or ""), error.data, self._errors) from error
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
            except SILENCE as error:
                last = error
            except Web3RPCError as error:
                body = error.rpc_response or {}
                if not answers.limited(body):
                    raise TransactionRefused(_message(error), hint="see what the node says") from error
                last = error
        raise self._silent(last) from last

    def _silent(self, last: Exception) -> ChainUnavailable:
        return ChainUnavailable(
            f"the node did not answer {self.patience.attempts} times: {str(last)[:200] or type(last).__name__}",
            hint="check that the node runs and can be reached; nothing is lost, pending transactions are sent again",
        )


def _simulation(sender: str, call: Call, block: str) -> Request:
    tx: dict[str, Any] = {"from": sender, "value": hex(call.value), "data": "0x" + call.data.hex()}
    if call.to is not None:
        tx["to"] = checksum(call.to)
    if call.gas is None:
        return "eth_estimateGas", [tx, block]
    return "eth_call", [{**tx, "gas": hex(call.gas)}, block]


def _gas(call: Call, answer: Any) -> int | SettlementError:
    if isinstance(answer, SettlementError):
        return answer
    if call.gas is not None:
        return call.gas
    try:
        estimate = answers.number(answer)
    except ChainUnavailable as error:
        return error
    return estimate + estimate // 4  # what is cold or empty may differ by the time it is mined


def _or_raise(found: T | Exception) -> T:
    if isinstance(found, Exception):
        raise found
    return found


def _message(error: Web3RPCError) -> str:
    body = (error.rpc_response or {}).get("error")
    return str(body.get("message", error.message)) if isinstance(body, Mapping) else str(body or error.message)
