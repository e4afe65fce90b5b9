"""Trained policies: read without running anything, refused when changed, the same shade compiled."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import ConfigurationError
from coase.market.observation import FEATURES
from coase.market.policy import CONFIG, WEIGHTS, Policy, load, parsed, shade

INPUTS, WIDTH = len(FEATURES), 6


def tensors(seed: int = 1) -> dict[str, Any]:
    """A small network of random weights."""
    rng = np.random.default_rng(seed)
    shapes = {"first": (INPUTS + 1, WIDTH), "second": (WIDTH + 1, WIDTH), "last": (WIDTH + 1, 1)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def body_of(held: dict[str, Any]) -> bytes:
    """As a safetensors file, written by hand."""
    header, at = {}, 0
    for name, value in held.items():
        header[name] = {"dtype": "F32", "shape": [*value.shape], "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(value.tobytes() for value in held.values())


def written(folder: Path, body: bytes, **other: Any) -> str:
    """Both files; the hash of the first."""
    config = {"network": "relu", "features": [*FEATURES], "width": WIDTH, "sha256": hashlib.sha256(body).hexdigest()}
    text = json.dumps({**config, **other}).encode()
    (folder / CONFIG).write_bytes(text)
    (folder / WEIGHTS).write_bytes(body)
    return hashlib.sha256(text).hexdigest()


def test_the_forward_pass_is_the_networks(tmp_path: Path) -> None:
    """As matrices would have it, cut to a share."""
    held = tensors()
    policy = load(tmp_path, written(tmp_path, body_of(held)))
    rng = np.random.default_rng(2)
    shades = []
    for _ in range(50):
        seen = rng.uniform(-1, 1, INPUTS)
        wide = np.maximum(np.append(seen, 1) @ held["first"].astype(float), 0)
        deep = np.maximum(np.append(wide, 1) @ held["second"].astype(float), 0)
        wanted = float(np.clip(np.append(deep, 1) @ held["last"].astype(float), 0, 1)[0])
        assert shade(tuple(seen.tolist()), *policy) == pytest.approx(wanted, abs=1e-12)
        shades.append(wanted)
    assert any(0 < value < 1 for value in shades)


def test_the_shade_is_the_same_compiled(need: Any) -> None:
    """Bit for bit: sums in one order, nothing fused."""
    need("numba")
    from coase.market.compiling import _function

    compiled = _function(shade)
    rng = np.random.default_rng(3)
    policy = Policy(**{name: value.astype(np.float64) * 0.3 for name, value in tensors(4).items()})
    found = [
        (shade(seen, *policy), compiled(seen, *policy))
        for seen in map(tuple, rng.uniform(-1, 1, (200, INPUTS)).tolist())
    ]
    assert all(plain == fast for plain, fast in found)
    assert len({plain for plain, _ in found}) > 20


def test_it_reads_what_safetensors_writes(need: Any) -> None:
    """The same tensors as the library itself finds, metadata passed over."""
    library = need("safetensors.numpy")
    held = tensors(5)
    body = library.save(held, {"made": "here"})
    found = parsed(body)
    assert found.keys() == held.keys()
    assert all(np.array_equal(found[name], held[name]) for name in held)
    again = library.load(body_of(held))
    assert all(np.array_equal(again[name], held[name]) for name in held)


BODY = body_of(tensors())
BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "a pickle": b"\x80\x04cos\nsystem\n",
    "cut": BODY[:-1],
    "longer": BODY + b"\0",
    "a header without end": b"\xff" * 8 + BODY[8:],
    "a header that is a list": (2).to_bytes(8, "little") + b"[]",
    "a header of depth": (100_000).to_bytes(8, "little") + b"[" * 100_000,
    "other numbers": BODY.replace(b'"F32"', b'"F64"', 1),
    "an overlap": BODY.replace(b'"data_offsets": [0,', b'"data_offsets": [4,', 1),
    "not finite": body_of({**tensors(), "last": np.full((WIDTH + 1, 1), np.nan, np.float32)}),
    "another shape": body_of({**tensors(), "last": np.zeros((WIDTH + 1, 2), np.float32)}),
    "another name": body_of({"first": tensors()["first"]}),
}


@pytest.mark.parametrize("what", BROKEN)
def test_weights_that_are_none_are_refused(what: str, tmp_path: Path) -> None:
    """Even with the right hash."""
    pinned = written(tmp_path, BROKEN[what])
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, pinned)
    assert caught.value.code == "bad_policy"


@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_bytes_break_the_reader(noise: bytes, at: int) -> None:
    """It finds tensors of finite numbers, or refuses."""
    found = {}
    with suppress(ConfigurationError):
        found = parsed(BODY[:at] + noise + BODY[at + len(noise) :])
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in found.values())


def test_what_was_changed_is_refused(tmp_path: Path) -> None:
    """Weights, config, features of another version, a missing file, a large one."""
    pinned = written(tmp_path, BODY)
    load(tmp_path, pinned)
    with pytest.raises(ConfigurationError, match="hash is another"):
        load(tmp_path, "0" * 64)
    (tmp_path / WEIGHTS).write_bytes(BODY[:-4] + b"\0\0\0\1")
    with pytest.raises(ConfigurationError, match="hash is another"):
        load(tmp_path, pinned)
    for other in ({"features": ["side"]}, {"network": "tanh"}, {"width": 7}, {"width": "6"}, {"sha256": None}):
        with pytest.raises(ConfigurationError):
            load(tmp_path, written(tmp_path, BODY, **other))
    (tmp_path / CONFIG).write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="not a policy"):
        load(tmp_path, hashlib.sha256(b"{}").hexdigest())
    (tmp_path / CONFIG).unlink()
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path, pinned)
    (tmp_path / CONFIG).write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ConfigurationError, match="larger"):
        load(tmp_path, pinned)
