"""Events of contracts, decoded by their ABIs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coase.errors import MissingExtra
from coase.identity import checksum, keccak
from coase.settlement.logs import FoundLog
from coase.settlement.reverts import type_of

try:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

MOST_DATA = 65_536  # bytes of one event that are decoded


@dataclass(frozen=True)
class ChainEvent:
    """What a contract said.

    Args:
        name: of the event, ``Settled``.
        values: by parameter; accounts with their checksum, bytes as bytes. An indexed text or array is its hash.
        found: where it is.
    """

    name: str
    values: Mapping[str, Any]
    found: FoundLog


class Events:
    """The events in some ABIs. Those with the same signature must have the same parameters indexed."""

    def __init__(self, abis: Iterable[Iterable[Mapping[str, Any]]]) -> None:
        self._known = {topic(entry): entry for abi in abis for entry in abi if entry.get("type") == "event"}

    def topic_of(self, name: str) -> bytes:
        """The first topic of the event called so. `LookupError` when there is none, or several."""
        (found,) = [first for first, entry in self._known.items() if entry["name"] == name] or [b""]
        if not found:
            raise LookupError(f"no event {name!r}")
        return found

    def decode(self, found: FoundLog) -> ChainEvent | None:
        """The event; None when it is none of these, or does not decode as one."""
        log = found.log
        entry = self._known.get(log.topics[0]) if log.topics else None
        if entry is None or len(log.data) > MOST_DATA:
            return None
        indexed = [part for part in entry["inputs"] if part["indexed"]]
        plain = [part for part in entry["inputs"] if not part["indexed"]]
        if len(indexed) != len(log.topics) - 1:
            return None
        try:
            values = dict(zip(_names(plain), decode([type_of(part) for part in plain], log.data), strict=True))
            for part, topic in zip(indexed, log.topics[1:], strict=True):
                kind = type_of(part)
                hashed = kind in ("string", "bytes") or kind.endswith(("]", ")"))
                values[part["name"]] = topic if hashed else decode([kind], topic)[0]
        except (DecodingError, ValueError, OverflowError):
            return None
        kinds = {part["name"]: part["type"] for part in entry["inputs"]}
        return ChainEvent(
            entry["name"], {name: checksum(v) if kinds[name] == "address" else v for name, v in values.items()}, found
        )


def topic(entry: Mapping[str, Any]) -> bytes:
    """The first topic of an event in an ABI: the hash of its signature."""
    return keccak(f"{entry['name']}({','.join(type_of(part) for part in entry['inputs'])})".encode())


def _names(parts: list[Mapping[str, Any]]) -> list[str]:
    return [part["name"] for part in parts]
