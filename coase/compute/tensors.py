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
MAX_HEADER = 2**20
MAX_TENSORS = 4096
Tensors = dict[str, NDArray[Any]]


def read(body: bytes, what: str = "the file") -> Tensors:
    """The tensors of a file.

    Raises:
        JobRefused: `tensors_malformed`, when it is not safetensors, is too large, or holds a number that is not finite.
    """
    if len(body) > MAX_BYTES:
        raise _refused(what, f"it has {len(body)} bytes, more than {MAX_BYTES}")
    if (header := int.from_bytes(body[:8], "little")) > MAX_HEADER:  # the parser itself would take 100 MB
        raise _refused(what, f"its header claims {header} bytes, more than {MAX_HEADER}")
    try:
        tensors: Tensors = load(body)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _refused(what, f"it is not safetensors: {error}") from error
    if len(tensors) > MAX_TENSORS:
        raise _refused(what, f"it holds {len(tensors)} tensors, more than {MAX_TENSORS}")
    for name, value in tensors.items():
        if value.dtype.kind in "fc" and not np.isfinite(value).all():
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


def norm(values: Mapping[str, NDArray[Any]]) -> float:
    """The Euclidean norm over all numbers of all tensors."""
    return float(np.sqrt(sum(float((value.astype(np.float64) ** 2).sum()) for value in values.values())))


def difference(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> Tensors:
    """one - other, in double precision; both hold the same names and shapes."""
    return {name: one[name].astype(np.float64) - other[name] for name in one}


def same_form(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> bool:
    """Whether names, types and shapes are the same."""
    return one.keys() == other.keys() and all(
        one[name].shape == other[name].shape and one[name].dtype == other[name].dtype for name in one
    )


def _refused(what: str, why: str) -> JobRefused:
    return JobRefused(f"{what} is not usable: {why}", code="tensors_malformed")
