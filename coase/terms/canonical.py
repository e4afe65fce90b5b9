"""One way to write a value as bytes, so that two parties hash and sign the same thing.

A subset of the JSON Canonicalization Scheme (RFC 8785): sorted keys, no spaces, UTF-8, and no floats, which different
programs print differently. Everything signed or hashed here goes through `canonical`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from coase.errors import TermsError

DEPTH = 16
LARGEST = 2**256 - 1


def canonical(value: Any) -> bytes:
    """The canonical bytes of nested dicts, lists, tuples, strings, integers, booleans and None.

    Raises:
        TermsError: a float, another type, a key that is not a string, or nesting deeper than 16.
    """
    _check(value, 0)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH:
        raise TermsError(f"nested deeper than {DEPTH}", code="too_deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TermsError(f"the key {key!r} is not text", code="not_canonical")
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise TermsError("text with half a surrogate pair has no UTF-8 form", code="not_canonical")
    elif isinstance(value, int):
        if not -LARGEST <= value <= LARGEST:
            raise TermsError("an integer beyond 256 bits", code="not_canonical")
    elif value is not None:
        raise TermsError(
            f"{type(value).__name__} has no canonical form",
            hint="use integers in base units, or text",
            code="not_canonical",
        )
