"""Skills with columns: coase/negotiation/skill_array.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import CoaseError


def test_a_value_a_session() -> None:
    """Each session's skill has its own values, inner skills included."""
    many = coase.skill("noise", inner=coase.skill("boulware", beta=np.array([0.5, 2.0])), width=np.array([0.1, 0.2]))
    assert (len(many), many.at(1)) == (2, coase.skill("noise", inner=coase.skill("boulware", beta=2.0), width=0.2))
    assert many.part(1, 2).columns[("width",)].tolist() == [0.2]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"beta": np.array([0.5, -1.0])}, r"beta\[1\]"),
        ({"beta": np.array([0.5, np.inf])}, r"beta\[1\]"),
        ({"bta": np.array([0.5])}, "no parameter 'bta'"),
        ({"beta": np.ones((2, 2))}, "shape"),
        ({"beta": np.ones(0)}, "shape"),
    ],
)
def test_each_value_obeys_its_field(parameters: dict[str, Any], says: str) -> None:
    """The first wrong one is named."""
    with pytest.raises(CoaseError, match=says):
        coase.skill("boulware", **parameters)


def test_columns_of_one_length() -> None:
    """Two lengths cannot be sessions."""
    with pytest.raises(CoaseError) as caught:
        coase.skill("tit_for_tat", opening=np.zeros(2), floor=np.zeros(3))
    assert caught.value.code == "bad_columns"
