"""Why a contract said no: its error, decoded by the ABIs we know, as text like ``Escrow_TooEarly(1700003601)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from coase.errors import MissingExtra
from coase.identity import checksum, keccak
from coase.settlement.artifacts import artifact

try:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

Known = Mapping[bytes, tuple[str, tuple[str, ...]]]  # selector -> (name, types)

OURS = (
    "ServiceEscrow",
    "PaymentChannels",
    "MarketRules",
    "TestDollar",
    "AgentRegistry",
    "ValidatorPool",
    "Reputation",
    "MarketGovernor",
    "MarketTimelock",
    "VotesToken",
    "Assets",
    "AccessToken",
    "ComputeHours",
    "RevenueShares",
)
MAX_DATA = 4096  # bytes; a hostile contract may return more than anybody wants to read
_STANDARD: Known = {  # Solidity's own
    keccak(b"Error(string)")[:4]: ("Error", ("string",)),
    keccak(b"Panic(uint256)")[:4]: ("Panic", ("uint256",)),
}


def known_errors(abis: Iterable[Iterable[Mapping[str, Any]]]) -> Known:
    """Selector -> (name, argument types) of every error in these ABIs, and Solidity's own."""
    found: dict[bytes, tuple[str, tuple[str, ...]]] = dict(_STANDARD)
    for abi in abis:
        for entry in abi:
            if entry.get("type") == "error":
                types = tuple(type_of(part) for part in entry["inputs"])
                found[keccak(f"{entry['name']}({','.join(types)})".encode())[:4]] = (entry["name"], types)
    return found


@lru_cache(1)
def our_errors() -> Known:
    """The errors of the contracts that ship."""
    return known_errors(artifact(name).abi for name in OURS)


def explain(data: bytes, known: Known) -> str:
    """The error in `data` as text; its hexadecimal beginning when it is none that we know; empty for no data."""
    if not data:
        return ""
    name, types = known.get(data[:4], ("", ()))
    if not name or len(data) > MAX_DATA:
        return "0x" + data[:68].hex() + ("..." if len(data) > 68 else "")
    try:
        values = decode(types, data[4:])
    except (DecodingError, ValueError, OverflowError):
        return f"{name}(?)"
    return f"{name}({', '.join(_show(kind, value) for kind, value in zip(types, values, strict=True))})"


def type_of(part: Mapping[str, Any]) -> str:
    """The canonical type of a parameter in an ABI."""
    kind = str(part["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(inner) for inner in part['components'])}){kind.removeprefix('tuple')}"


def _show(kind: str, value: Any) -> str:
    if kind == "address":
        return checksum(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return repr(value) if isinstance(value, str) else str(value)
