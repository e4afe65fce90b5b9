"""Signed transactions (EIP-1559), made from a call and read back."""

from __future__ import annotations

from coase.errors import MissingExtra
from coase.identity import Identity, checksum, keccak
from coase.settlement.records import Call

try:
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from ethereum_rlp import rlp
    from ethereum_types.bytes import Bytes
    from ethereum_types.numeric import Uint
    from hexbytes import HexBytes
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error


def sign(identity: Identity, call: Call, *, chain_id: int, nonce: int, gas: int, fees: tuple[int, int]) -> bytes:
    """The raw transaction; `fees` is (the most to pay, the tip) in wei for a unit of gas. Deterministic (RFC 6979)."""
    to = bytes.fromhex(checksum(call.to)[2:]) if call.to is not None else b""
    numbers = (Uint(value) for value in (chain_id, nonce, fees[1], fees[0], gas))
    fields = (*numbers, Bytes(to), Uint(call.value), Bytes(call.data), ())
    signature = identity.sign(keccak(b"\x02" + rlp.encode(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    return b"\x02" + bytes(rlp.encode((*fields, Uint(signature[64] - 27), Uint(r), Uint(s))))


def call_of(raw: bytes) -> Call:
    """The call in a transaction that we signed."""
    tx = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    to = bytes(tx["to"])
    return Call(checksum("0x" + to.hex()) if to else None, bytes(tx["data"]), int(tx["value"]), int(tx["gas"]))


def fees_of(raw: bytes) -> tuple[int, int]:
    """(the most to pay, the tip) of a transaction that we signed, in wei for a unit of gas."""
    tx = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return int(tx["maxFeePerGas"]), int(tx["maxPriorityFeePerGas"])


def hash_of(raw: bytes) -> str:
    """The transaction's hash."""
    return "0x" + keccak(raw).hex()
