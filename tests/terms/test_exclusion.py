"""Combinations ruled out: coase/terms/exclusion.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import TermsError
from coase.terms.domain import Domain
from coase.terms.exclusion import allowed

some = st.fixed_dictionaries(
    {},
    optional={
        "price": st.lists(st.integers(0, 3), min_size=1, unique=True),
        "speed": st.lists(st.sampled_from(["slow", "fast"]), min_size=1, unique=True),
        "gpu": st.lists(st.booleans(), min_size=1, unique=True),
    },
).filter(bool)


def _without(domain: Domain, exclusions: list[dict[str, list[Any]]]) -> Domain:
    for one in exclusions:
        domain = domain.without(**one)
    return domain


@given(st.lists(some, min_size=1, max_size=4))
def test_the_mask_says_what_the_rule_says(exclusions: list[dict[str, list[Any]]]) -> None:
    """An outcome is ruled out if some exclusion has, for each issue that it names, the outcome's value."""
    plain = Domain(price=range(4), speed=["slow", "fast"], gpu=[False, True])
    outcomes = [plain.outcome(number) for number in range(plain.size)]
    free = [not any(all(o[name] in v for name, v in one.items()) for one in exclusions) for o in outcomes]
    if not any(free):
        with pytest.raises(TermsError, match="no outcome is left"):
            _without(plain, exclusions)
        return
    domain = _without(plain, exclusions)
    assert allowed(domain.excluded, domain.sizes).tolist() == free
    for number, (fine, outcome) in enumerate(zip(free, outcomes, strict=True)):
        try:
            assert domain.number(outcome) == number
        except TermsError:
            assert not fine
        else:
            assert fine
