"""Typed structured data (EIP-712) for flat structs of static types, which is all that our contracts sign.

Only `address`, `bool`, `bytes32` and `uintN` are encoded here; the tests compare with eth_account's general encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from coase.errors import TermsError
from coase.identity import checksum, keccak

Fields = Sequence[tuple[str, str]]  # (name, type), in order


@lru_cache(64)
def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    """What binds a signature to one contract on one chain, 32 bytes."""
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    return keccak(
        kind
        + keccak(name.encode())
        + keccak(version.encode())
        + chain_id.to_bytes(32, "big")
        + _word("address", contract)
    )


def struct_hash(kind: str, fields: Fields, values: Mapping[str, Any]) -> bytes:
    """The hash of one struct: its type, then each value as a 32-byte word."""
    signature = f"{kind}({','.join(f'{t} {n}' for n, t in fields)})"
    return keccak(keccak(signature.encode()) + b"".join(_word(t, values[n]) for n, t in fields))


def typed_digest(separator: bytes, inner: bytes) -> bytes:
    """The 32 bytes that get signed."""
    return keccak(b"\x19\x01" + separator + inner)


def _word(kind: str, value: Any) -> bytes:
    if kind == "address":
        return bytes(12) + bytes.fromhex(checksum(value)[2:])
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if kind == "bytes32" and isinstance(value, bytes) and len(value) == 32:
        return value
    if kind.startswith("uint") and isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < 1 << int(kind[4:] or 256):
            return value.to_bytes(32, "big")
        raise TermsError(f"{value} does not fit {kind}", code="out_of_range")
    raise TermsError(f"{value!r} is not a {kind}", code="not_typed_data")


_PERMIT = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


def permit_digest(separator: bytes, *, owner: str, spender: str, value: int, nonce: int, deadline: int) -> bytes:
    """What an owner signs to allow `spender` exactly `value` (EIP-2612)."""
    values = {"owner": owner, "spender": spender, "value": value, "nonce": nonce, "deadline": deadline}
    return typed_digest(separator, struct_hash("Permit", _PERMIT, values))
