"""The error of a replayed update: in units of our own movement, part by part."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coase.compute import tensors
from coase.compute.comparison import update_error


def state(w: float, m: float = 1.0, v: float = 1.0) -> tensors.Tensors:
    """Weights and moments of four numbers each."""
    return {f"{part}.x": np.full(4, value, np.float32) for part, value in (("w", w), ("m", m), ("v", v))}


START, END = state(0, 0, 0), state(1, 1e-3, 1e-6)


def test_equal_states_have_no_error() -> None:
    """Also where nothing moved at all."""
    assert update_error(START, END, END) == 0
    assert update_error(END, END, END) == 0


def test_the_error_is_in_units_of_the_movement() -> None:
    """A tenth of the way is 0.1, whatever the scale."""
    assert update_error(START, END, state(1.1, 1e-3, 1e-6)) == pytest.approx(0.1, rel=1e-5)


def test_no_part_hides_behind_a_larger_one() -> None:
    """The second moments are a millionth of the weights, and count as much."""
    assert update_error(START, END, state(1, 1e-3, 1.5e-6)) == pytest.approx(0.5, rel=1e-5)


def test_moving_where_nothing_moved_is_infinite() -> None:
    """There is no scale to forgive it by."""
    assert update_error(END, END, state(1.0001, 1e-3, 1e-6)) == math.inf


@pytest.mark.parametrize(
    "claimed",
    [
        {},
        {**END, "more": np.zeros(1, np.float32)},
        {**END, "w.x": np.zeros(5, np.float32)},
        {**END, "w.x": np.zeros(4, np.float64)},
    ],
    ids=["none", "more", "shape", "type"],
)
def test_another_form_is_infinitely_far(claimed: tensors.Tensors) -> None:
    """Names, types and shapes come first."""
    assert update_error(START, END, claimed) == math.inf
