"""Files of tensors: what is read, what is refused, what a digest binds."""

from __future__ import annotations

import json
import pickle  # noqa: TID251  # to show that it is refused
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from coase.compute import tensors
from coase.errors import JobRefused

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def with_header(header: dict[str, Any], body: bytes = b"") -> bytes:
    """A file with any header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def one(dtype: str, size: int) -> bytes:
    """A file of one number of some type."""
    return with_header({"x": {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}}, bytes(size))


class Exploit:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("pwned",)


HOSTILE = {
    "nothing": b"",
    "seven bytes": b"\0" * 7,
    "a pickle": pickle.dumps(Exploit()),
    "a zip as torch.save writes it": b"PK\x03\x04" + bytes(100),
    "a header of 2**63 bytes": b"\xff" * 7 + b"\x7f" + bytes(8),
    "a header of 2 MB, otherwise fine": with_header({"__metadata__": {"x": "y" * (2 * 2**20)}}),
    "a header that is no JSON": (4).to_bytes(8, "little") + b"{{{{",
    "a body cut short": save({"x": X})[:-1],
    "a body too long": save({"x": X}) + b"\0",
    "offsets outside": with_header({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}, bytes(4)),
    "overlapping tensors": with_header(
        {n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "xy"}, bytes(4)
    ),
    "a huge shape": with_header({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, bytes(4)),
    "a negative shape": with_header({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
    "an unknown type": one("F7", 4),
    "a type that NumPy lacks": one("F8_E4M3", 1),
    "not a number": save({"x": np.array([np.nan], np.float32)}),
    "infinity": save({"x": np.array([np.inf], np.float64)}),
    "infinity in half precision": save({"x": np.array([-np.inf], np.float16)}),
    "too many tensors": save({f"t{i}": np.zeros(0, np.float32) for i in range(tensors.MAX_TENSORS + 1)}),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_finite_numbers_in_safetensors_is_refused(body: bytes) -> None:
    """One error with one code, whatever is wrong; nothing is run, nothing large is allocated."""
    with pytest.raises(JobRefused) as refused:
        tensors.read(body, "the gift")
    assert refused.value.code == "tensors_malformed"
    assert refused.value.message.startswith("the gift is not usable: ")


def test_too_large_a_file_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size comes first."""
    monkeypatch.setattr(tensors, "MAX_BYTES", 10)
    with pytest.raises(JobRefused, match="more than 10"):
        tensors.read(save({"x": X}))


@given(st.binary(max_size=300))
def test_any_bytes_are_tensors_or_refused(body: bytes) -> None:
    """No other error gets out."""
    try:
        tensors.read(body)
    except JobRefused as refused:
        code = refused.code
    else:
        code = "tensors_malformed"
    assert code == "tensors_malformed"


def test_tensors_survive_a_file() -> None:
    """Names, types, shapes and values come back, from memory in any order."""
    given_tensors: tensors.Tensors = {"b": X.T, "a": np.array([1, 2], np.int64), "s": np.array(3.0, np.float32)}
    found = tensors.read(tensors.write(given_tensors))
    assert tensors.same_form(found, given_tensors)
    assert all((found[name] == given_tensors[name]).all() for name in found)
    assert tensors.digest(found) == tensors.digest(given_tensors)


@pytest.mark.parametrize(
    "other",
    [
        {"y": X},
        {"x": X.reshape(3, 2)},
        {"x": X.view(np.int32)},
        {"x": X, "y": X},
        {"x": np.nextafter(X, np.float32(9), dtype=np.float32)},
        {},
    ],
    ids=["name", "shape", "type", "more", "last bit", "none"],
)
def test_a_digest_binds_everything(other: dict[str, Any]) -> None:
    """Names, types, shapes, and each bit."""
    assert tensors.digest({"x": X}) != tensors.digest(other)


def test_a_digest_does_not_depend_on_the_order() -> None:
    """Neither of names nor of memory."""
    assert tensors.digest({"x": X, "y": X}) == tensors.digest({"y": np.asfortranarray(X), "x": X})


def test_norm_and_difference() -> None:
    """Over all tensors, in double precision."""
    difference = tensors.difference({"a": X, "b": X}, {"a": X - 3, "b": X})
    assert tensors.norm(difference) == pytest.approx((6 * 9) ** 0.5)
