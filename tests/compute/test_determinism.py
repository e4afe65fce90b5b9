"""Determinism classes, as others claim them."""

from __future__ import annotations

from typing import Any

import pytest

from coase.compute.determinism import DeterminismClass
from coase.errors import JobRefused

HERE = DeterminismClass("cpu", "AVX2", "a processor", "2.13.0", 1)


def test_a_class_survives_a_result() -> None:
    """And equals itself afterwards."""
    assert DeterminismClass.parse(HERE.as_dict()) == HERE


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "cpu",
        {},
        {**HERE.as_dict(), "more": 1},
        {**HERE.as_dict(), "threads": "1"},
        {**HERE.as_dict(), "threads": True},
        {**HERE.as_dict(), "threads": 10**200},
        {**HERE.as_dict(), "torch": "x" * 129},
        {**HERE.as_dict(), "device": None},
    ],
    ids=lambda value: str(value)[:40],
)
def test_another_thing_is_refused(given: Any) -> None:
    """A claim is a stranger's."""
    with pytest.raises(JobRefused) as refused:
        DeterminismClass.parse(given)
    assert refused.value.code == "class_malformed"
