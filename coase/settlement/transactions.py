"""Signed transactions as nodes show them (JSON objects), and back to the bytes that were signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coase.errors import MissingExtra
from coase.identity import keccak

try:
    from eth_account import Account
    from ethereum.exceptions import EthereumException
    from ethereum.forks.osaka import transactions
    from ethereum_rlp import rlp
    from ethereum_types.bytes import Bytes
    from ethereum_types.numeric import Uint
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

# In the order in which they are signed. EIP-155 has no number of its own; EIP-2930 is 1, EIP-1559 is 2.
_LEGACY = ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s")
_ACCESS = ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList", "yParity", "r", "s")
_MARKET = (
    *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas"),
    *("to", "value", "input", "accessList", "yParity", "r", "s"),
)
_KINDS = {0: _LEGACY, 1: _ACCESS, 2: _MARKET}
_MOST_DATA = 2 * 131_072  # hexadecimal digits of the input, and entries of the access list, that are read


def to_json(raw: bytes) -> dict[str, Any]:
    """The fields of a raw transaction of type 0, 1 or 2 that was executed here."""
    kind = raw[0] if raw[0] < 0x80 else 0
    tx: Any = (
        transactions.decode_transaction(Bytes(raw)) if kind else rlp.decode_to(transactions.LegacyTransaction, raw)
    )
    given: dict[str, Any] = {"nonce": tx.nonce, "gas": tx.gas, "value": tx.value, "r": tx.r, "s": tx.s}
    given |= {"chainId": tx.chain_id, "yParity": tx.y_parity} if kind else {"v": tx.v}
    if kind == 2:
        given |= {"maxPriorityFeePerGas": tx.max_priority_fee_per_gas, "maxFeePerGas": tx.max_fee_per_gas}
    else:
        given["gasPrice"] = tx.gas_price
    access = [
        {"address": _hex(entry.account), "storageKeys": [_hex(slot) for slot in entry.slots]}
        for entry in (tx.access_list if kind else ())
    ]
    return {
        **{name: hex(int(value)) for name, value in given.items()},
        "type": hex(kind),
        "hash": _hex(keccak(raw)),
        "to": _hex(tx.to) if tx.to else None,
        "input": _hex(tx.data),
        **({"accessList": access} if kind else {}),
    }


def from_json(fields: Mapping[str, Any]) -> bytes:
    """The raw transaction of type 0, 1 or 2. `ValueError` for anything else, with a missing or malformed field too."""
    try:
        kind = int(fields.get("type") or "0x0", 16)
        names = _KINDS[kind]
        encoded = rlp.encode(tuple(_item(name, fields) for name in names))
    except (LookupError, TypeError, AttributeError, OverflowError, EthereumException) as error:
        raise ValueError(f"no transaction of a kind that is known: {error!r}") from error
    return bytes([kind]) * bool(kind) + bytes(encoded)


def signer(raw: bytes) -> str:
    """The account that signed. `ValueError` when nobody did."""
    try:
        return str(Account.recover_transaction(raw))
    except Exception as error:  # eth_account raises what its libraries raise
        raise ValueError("the signature belongs to nobody") from error


def _hex(value: Any) -> str:
    return "0x" + bytes(value).hex()


def _item(name: str, fields: Mapping[str, Any]) -> Any:
    value = fields.get("v") if name == "yParity" and "yParity" not in fields else fields.get(name)
    if name in ("to", "input"):
        text = value or "0x"
        if len(text) > _MOST_DATA:
            raise ValueError("too long")
        return Bytes(bytes.fromhex(text.removeprefix("0x")))
    if name == "accessList":
        return tuple(_access(entry) for entry in (value or [])[:_MOST_DATA])
    return Uint(int(str(value), 16))


def _access(entry: Mapping[str, Any]) -> tuple[Bytes, tuple[Bytes, ...]]:
    slots = tuple(Bytes(bytes.fromhex(slot.removeprefix("0x"))) for slot in entry["storageKeys"])
    return Bytes(bytes.fromhex(entry["address"].removeprefix("0x"))), slots
