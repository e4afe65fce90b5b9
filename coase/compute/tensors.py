"""Named tensors as safetensors, checked and hashed with numpy alone: this file never imports torch.

safetensors holds numbers and no code, so reading a stranger's file runs nothing; what is left to check is size, names,
types, shapes and that the numbers are finite.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coase.errors import JobRefused, MissingExtra

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load, save
except ImportError as error:
    raise MissingExtra("reading tensors", "compute") from error

MAX_BYTES = 2**30
MAX_TENSORS = 4096
Tensors = dict[str, NDArray[Any]]


def read(body: bytes, what: str = "the file") -> Tensors:
    """The tensors of a file.

    Raises:
        JobRefused: `tensors_malformed`, when it is not safetensors, is too large, or holds a number that is not finite.
    """
    if len(body) > MAX_BYTES:
        raise _refused(what, f"it has {len(body)} bytes, more than {MAX_BYTES}")
    try:
        tensors: Tensors = load(body)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _refused(what, f"it is not safetensors: {error}") from error
    if len(tensors) > MAX_TENSORS:
        raise _refused(what, f"it holds {len(tensors)} tensors, more than {MAX_TENSORS}")
    for name, value in tensors.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise _refused(what, f"tensor {name!r} holds numbers that are not finite")
    return tensors


def write(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The tensors as a file."""
    return bytes(save({name: np.array(value, order="C") for name, value in tensors.items()}))


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and little-endian bytes, in the order of names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        total.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        total.update(value.tobytes())
    return total.hexdigest()


def distance(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> float:
    """The Euclidean norm of the difference over all float tensors; infinity when names or shapes differ."""
    if one.keys() != other.keys() or any(one[n].shape != other[n].shape for n in one):
        return float("inf")
    floats = [n for n in one if one[n].dtype.kind == "f"]
    return float(np.sqrt(sum(float(((one[n].astype(np.float64) - other[n]) ** 2).sum()) for n in floats)))


def _refused(what: str, why: str) -> JobRefused:
    return JobRefused(f"{what} is not usable: {why}", code="tensors_malformed")
