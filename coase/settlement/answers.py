"""What nodes answer, read with care: values that do not fit are silence, never something to act on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from coase.errors import ChainUnavailable, CoaseError, TransactionRefused, TransactionReverted
from coase.identity import checksum
from coase.settlement.records import Header, Log, Receipt
from coase.settlement.reverts import Known, explain

_LIMITED = (-32005, 429)  # too many requests, as a JSON-RPC error
_REVERTED = 3  # the code of an execution that reverted; nodes without it write the word


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


def sent(refused: TransactionRefused) -> Sent | None:
    """What a refusal says about the nonce; None when it is about something else."""
    text = refused.message.lower()
    return next((answer for words, answer in _ANSWERS if words in text), None)


def limited(answer: Mapping[str, Any]) -> bool:
    """Whether the node only wants to be asked more slowly."""
    error = answer.get("error")
    return isinstance(error, Mapping) and error.get("code") in _LIMITED


def outcome(answer: Mapping[str, Any], errors: Known) -> Any:
    """The result in an answer, or the `SettlementError` that it stands for, returned rather than raised."""
    error = answer.get("error")
    if error is None:
        return answer["result"] if "result" in answer else ChainUnavailable("the node answers without a result")
    body = error if isinstance(error, Mapping) else {"message": str(error)}
    message, data = str(body.get("message", ""))[:500], body.get("data")
    if body.get("code") == _REVERTED or "revert" in message.lower():
        return reverted(message, data, errors)
    if "insufficient funds" in message.lower():
        return TransactionRefused(message, hint="send ether to the account", code="insufficient_funds")
    return TransactionRefused(message or "the node refuses without a word", hint="see what the node says")


def reverted(message: str, data: Any, errors: Known) -> TransactionReverted:
    """A contract's refusal, its reason decoded where the node gives it."""
    if isinstance(data, Mapping):  # some nodes wrap it once more
        data = next((value for value in data.values() if isinstance(value, str) and value.startswith("0x")), "")
    try:
        raw = bytes.fromhex(str(data or "").removeprefix("0x"))
    except ValueError:
        raw = b""
    reason = explain(raw, errors) or message
    return TransactionReverted(f"the contract refuses: {reason}", reason=reason)


def number(value: Any) -> int:
    """A quantity, written as nodes write it. `ChainUnavailable` for anything else."""
    try:
        found = int(value, 16) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise nonsense("a number", value)
    return found


def receipt(value: Any, tx_hash: str, sender: str | None = None) -> Receipt | None:
    """The receipt of `tx_hash`, None when there is none yet.

    Raises:
        ChainUnavailable: it is that of another transaction, or no receipt.
    """
    if value is None or (isinstance(value, Mapping) and value.get("blockHash") is None):
        return None
    try:
        if value["transactionHash"].lower() != tx_hash or (sender and checksum(value["from"]) != sender):
            raise nonsense(f"the receipt of {tx_hash}", value["transactionHash"])
        created, status = value.get("contractAddress"), number(value["status"])
        if status not in (0, 1):
            raise nonsense("a status", status)
        return Receipt(
            hash=tx_hash,
            block_number=number(value["blockNumber"]),
            block_hash=_hash(value["blockHash"]),
            gas_used=number(value["gasUsed"]),
            status=status,
            logs=tuple(log(entry) for entry in value["logs"]),
            contract=checksum(created) if created else None,
        )
    except (LookupError, TypeError, ValueError, AttributeError, CoaseError) as error:
        raise error if isinstance(error, ChainUnavailable) else nonsense("a receipt", value) from error


def log(value: Any) -> Log:
    """One event in a receipt or a list of logs. Raises what reading a malformed one raises."""
    topics = tuple(bytes.fromhex(topic.removeprefix("0x")) for topic in value["topics"])
    if len(topics) > 4 or any(len(topic) != 32 for topic in topics):
        raise ValueError("an event has up to four topics of 32 bytes")
    return Log(checksum(value["address"]), topics, bytes.fromhex(value["data"].removeprefix("0x")))


def header(value: Any) -> Header | None:
    """A block's header, None when there is no such block. `ChainUnavailable` when it is not one."""
    if value is None:
        return None
    try:
        return Header(
            number=number(value["number"]),
            hash=_hash(value["hash"]),
            parent=_hash(value["parentHash"]),
            time=number(value["timestamp"]),
            base_fee=number(value.get("baseFeePerGas") or 0),
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise nonsense("a block", value) from error


def nonsense(wanted: str, value: Any) -> ChainUnavailable:
    """What to raise when a node answers something else than it was asked for."""
    return ChainUnavailable(
        f"the node was asked for {wanted} and answered {str(value)[:100]!r}",
        hint="ask another node",
        code="bad_answer",
    )


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 66 or len(bytes.fromhex(value[2:])) != 32:
        raise ValueError(f"{str(value)[:80]!r} is not a hash")
    return value.lower()
