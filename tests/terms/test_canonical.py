"""Canonical bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import TermsError
from coase.terms.canonical import canonical, digest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_canonical_bytes_read_back_to_the_same_value(value: Any) -> None:
    """Nothing is lost, and the bytes do not depend on the order of keys."""
    assert json.loads(canonical(value)) == value
    if isinstance(value, dict):
        assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.0, {"a": 0.5}, [float("nan")], {1: 2}, {"a": b"x"}, 2**300, "\ud800", {"\ud800": 1}, object()]
)
def test_values_without_one_form_are_refused(value: Any) -> None:
    """Floats, bytes, foreign keys and half surrogates have no canonical form."""
    with pytest.raises(TermsError) as caught:
        canonical(value)
    assert caught.value.code == "not_canonical"


def test_deep_nesting_is_refused() -> None:
    """A hostile value cannot exhaust the stack."""
    value: Any = 0
    for _ in range(2000):
        value = [value]
    with pytest.raises(TermsError, match="nested"):
        digest(value)
