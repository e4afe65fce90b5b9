"""Draws over arrays: coase/negotiation/draws_arrays.py, and numba's."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.negotiation.draws import party_key, session_seed, uniform
from coase.negotiation.draws_arrays import party_keys, session_seeds, uniforms, uniforms_torch

STEPS = [1, 2, 77, 1_000_000]


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**40))
def test_keys_are_those_of_one_session(seed: int, first: int) -> None:
    """Seeds and keys of a batch, bit by bit."""
    seeds = session_seeds(seed, first, 3)
    assert seeds.tolist() == [session_seed(seed, first + i) for i in range(3)]
    for party in (0, 1):
        assert party_keys(seeds, party).tolist() == [party_key(int(s), party) for s in seeds]


def test_draws_have_the_same_bits(need: Callable[[str], Any]) -> None:
    """numpy, torch and numba draw what Python draws."""
    need("numba")
    torch = need("torch")
    from coase.negotiation.compiled import uniform as compiled

    keys = party_keys(session_seeds(3, 0, 500), 1)
    signed = torch.from_numpy(keys.view(np.int64))
    for step in STEPS:
        for slot in (0, 5, 1023):
            plain = [uniform(int(key), step, slot) for key in keys]
            assert uniforms(keys, step, slot).tolist() == plain
            assert uniforms_torch(signed, step, slot).tolist() == plain
            one: Any = SimpleNamespace(key=keys[0], step=step)
            with np.errstate(over="ignore"):
                assert compiled.py_func(one, slot) == plain[0]


@pytest.mark.parametrize("draw", [uniforms, uniforms_torch])
def test_slots_are_bounded(draw: Callable[..., Any]) -> None:
    """As in one session."""
    with pytest.raises(ValueError, match="slot 1024"):
        draw(np.zeros(1, np.uint64), 1, 1024)
