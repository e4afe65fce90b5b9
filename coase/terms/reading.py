"""Reads JSON from outside."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json


def read_json(text: str | bytes | bytearray) -> Any:
    """What a JSON text of anyone says; UTF-8, without NaN and infinities.

    Python's own parser stops at the interpreter's recursion limit, which some libraries raise beyond what the stack
    holds (the embedded EVM's do): there a text of a hundred thousand brackets ends the process. This one has a limit of
    its own, of about 200 levels.

    Raises:
        ValueError: it is no JSON, or nested too deep.
    """
    return from_json(text, allow_inf_nan=False)
