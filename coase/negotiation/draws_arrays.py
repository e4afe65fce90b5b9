"""The draws of `draws.py` over arrays: numpy's, and torch's on any device. The same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coase.negotiation.draws import FIRST, GOLDEN, MASK, PARTY, SECOND, SLOTS, UNIT, mix

Keys = NDArray[np.uint64]


def mix_many(state: Keys) -> Keys:
    """`draws.mix`, elementwise."""
    with np.errstate(over="ignore"):
        state = state + np.uint64(GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(FIRST)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(SECOND)
        return state ^ (state >> np.uint64(31))


def session_seeds(seed: int, first: int, n: int) -> Keys:
    """`draws.session_seed` of the sessions first, first + 1, ...: n of them."""
    with np.errstate(over="ignore"):
        return mix_many(np.arange(first, first + n).astype(np.uint64) + np.uint64(mix(seed & MASK)))


def party_keys(seeds: Keys, party: int) -> Keys:
    """`draws.party_key`, elementwise."""
    with np.errstate(over="ignore"):
        return mix_many(mix_many(seeds ^ np.uint64(PARTY)) + np.uint64(party))


def uniforms(keys: Keys, step: int, slot: int = 0) -> NDArray[np.float64]:
    """`draws.uniform`, elementwise: in [0, 1)."""
    if not 0 <= slot < SLOTS:
        raise ValueError(f"slot {slot}: the draws of a step are numbered 0 to {SLOTS - 1}")
    with np.errstate(over="ignore"):
        return (mix_many(keys + np.uint64(step * SLOTS + slot)) >> np.uint64(11)).astype(np.float64) * UNIT


def uniforms_torch(keys: Any, step: int, slot: int = 0) -> Any:
    """`draws.uniform` over a torch tensor of keys held as int64 (the same 64 bits); float64 on the keys' device."""
    if not 0 <= slot < SLOTS:
        raise ValueError(f"slot {slot}: the draws of a step are numbered 0 to {SLOTS - 1}")
    state = keys + _signed(step * SLOTS + slot) + _signed(GOLDEN)
    state = (state ^ _down(state, 30)) * _signed(FIRST)
    state = (state ^ _down(state, 27)) * _signed(SECOND)
    return _down(state ^ _down(state, 31), 11).double() * UNIT


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _down(state: Any, bits: int) -> Any:
    """A shift that fills with zeros: torch's own repeats the sign."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)
