"""Compiled contracts that ship with the package: ABI and bytecode, so that users need no compiler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from coase.errors import ConfigurationError


@dataclass(frozen=True)
class Artifact:
    """One compiled contract: its ABI and the code that creates it, without constructor arguments."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes


@lru_cache
def artifact(name: str) -> Artifact:
    """The contract called `name`, for example ``ServiceEscrow``. `ConfigurationError` when there is none."""
    path = files("coase.settlement") / "abi" / f"{name}.json"
    if not name.isidentifier() or not path.is_file():
        raise ConfigurationError(
            f"no compiled contract {name!r} in this installation", hint="make contracts", code="missing_artifact"
        )
    body = json.loads(path.read_text("utf-8"))
    code = body["bytecode"]
    code = code["object"] if isinstance(code, dict) else code
    return Artifact(name, tuple(body["abi"]), bytes.fromhex(code.removeprefix("0x")))
