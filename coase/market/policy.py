"""A trained policy: two small files, checked and read with numpy alone, and the shade that it asks for.

`policy.json` says what the network is and carries the hash of `policy.safetensors`, which holds numbers and no code;
the skill that loads them carries the hash of `policy.json`. So a skill's own hash says which weights it trades with,
and nothing that was changed is used.

The network: features, two layers of rectified linear units, one linear unit, the shade. Sums are taken in one order, in
double precision, so that compiled code finds the same shade as plain Python.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coase.errors import ConfigurationError
from coase.market.observation import FEATURES
from coase.terms.reading import read_json

CONFIG, WEIGHTS = "policy.json", "policy.safetensors"
NETWORK = "relu"
LARGEST = 2**20  # bytes of a file
Floats = NDArray[np.float64]


class Policy(NamedTuple):
    """The layers: a row an input, the last row added; a column a unit."""

    first: Floats
    second: Floats
    last: Floats


def load(folder: str | Path, sha256: str) -> Policy:
    """Read a policy.

    Args:
        folder: where the two files are.
        sha256: of `policy.json`, hexadecimal.

    Raises:
        ConfigurationError: `bad_policy`, when a file cannot be read, is not the one that was hashed, or does not fit.
    """
    config = _bytes(Path(folder) / CONFIG, sha256)
    try:
        said = read_json(config)
        network, features, width, digest = (said[name] for name in ("network", "features", "width", "sha256"))
    except (ValueError, KeyError, TypeError) as error:
        raise _bad(f"{CONFIG} is not a policy's: {type(error).__name__}: {error}") from error
    if network != NETWORK or features != [*FEATURES] or type(width) is not int or not 1 <= width <= 1024:
        raise _bad(f"{CONFIG} describes another network, or other features than this version of coase shows")
    tensors = parsed(_bytes(Path(folder) / WEIGHTS, digest))
    shapes = {"first": (len(FEATURES) + 1, width), "second": (width + 1, width), "last": (width + 1, 1)}
    if {name: value.shape for name, value in tensors.items()} != shapes:
        raise _bad(f"{WEIGHTS} does not hold {shapes}")
    return Policy(**{name: value.astype(np.float64) for name, value in tensors.items()})


def parsed(body: bytes) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file of finite 32-bit floats: a length, a header in JSON, and numbers.

    Raises:
        ConfigurationError: `bad_policy`.
    """
    start = 8 + int.from_bytes(body[:8], "little")
    try:
        header: dict[str, Any] = read_json(body[8:start]) if start <= len(body) else {}
        header.pop("__metadata__", None)
        found, at = {}, 0
        for name, entry in sorted(header.items(), key=lambda pair: pair[1]["data_offsets"][0]):
            first, end = entry["data_offsets"]
            shape = entry["shape"]
            if entry["dtype"] != "F32" or first != at or any(type(n) is not int or n < 0 for n in (first, end, *shape)):
                raise ValueError(f"tensor {name!r} is not of 32-bit floats, one after the other")
            found[name] = np.frombuffer(body[start + first : start + end], "<f4").reshape(shape)
            at = end
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(f"{WEIGHTS} is not safetensors: {error}") from error
    if not found or start + at != len(body):
        raise _bad(f"{WEIGHTS} is not safetensors: it is cut, or holds nothing")
    if not all(np.isfinite(value).all() for value in found.values()):
        raise _bad(f"{WEIGHTS} holds numbers that are not finite")
    return found


def shade(seen: tuple[float, ...], first: Any, second: Any, last: Any) -> float:
    """The shade that a policy asks for, from 0 to 1.

    Args:
        seen: `coase.market.observation.features`.
        first: the first layer of a `Policy`.
        second: its second.
        last: its last.
    """
    wide = first[len(seen)].copy()
    for i in range(len(seen)):
        wide += seen[i] * first[i]
    deep = second[len(wide)].copy()
    for i in range(len(wide)):
        deep += max(wide[i], 0.0) * second[i]
    asked = last[len(deep), 0]
    for i in range(len(deep)):
        asked += max(deep[i], 0.0) * last[i, 0]
    return float(min(max(asked, 0.0), 1.0))


def _bytes(path: Path, sha256: Any) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise _bad(f"{path} is larger than {LARGEST:,} bytes")
        body = path.read_bytes()
    except OSError as error:
        raise _bad(f"cannot read {path}: {error.strerror}") from error
    if hashlib.sha256(body).hexdigest() != sha256:
        raise _bad(f"{path} is not the file that was trained: its hash is another")
    return body


def _bad(what: str) -> ConfigurationError:
    return ConfigurationError(what, hint="train one: python skills/learned_trader/train.py FOLDER", code="bad_policy")
