"""Reads what a language model answered: untrusted text, from which one JSON object is taken or nothing."""

from __future__ import annotations

import json
from typing import Any

LONGEST_REPLY = 20_000  # characters that are looked at
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"enum": ["propose", "accept", "walk"]},
        "outcome": {"type": "object", "description": "issue -> value, for a proposal"},
        "text": {"type": "string", "description": "what to say, at most 300 characters"},
    },
    "required": ["action"],
    "additionalProperties": False,
}


def parsed(text: str) -> dict[str, Any]:
    """The first JSON object in a text, or ``{"error": "not_json"}``. Numbers that JSON does not know are refused."""
    text = text[:LONGEST_REPLY]
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    start = text.find("{")
    for _ in range(20):  # places to try
        if start < 0:
            break
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        if isinstance(found, dict):
            return found
        break
    return {"error": "not_json"}


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN, Infinity
