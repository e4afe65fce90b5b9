"""The promised semantics of one negotiation, against a model written from the promise alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.negotiation.utility import additive

EXPONENT = {"boulware": 4.0, "linear": 1.0, "conceder": 0.25}
DOMAIN = coase.Domain(a=range(4), b=range(3), c=["x", "y"])
names = st.sampled_from(sorted(EXPONENT))
tenths = st.integers(0, 10).map(lambda x: x / 10)
tables = st.builds(
    lambda weights, worth: additive(
        DOMAIN, dict(zip("abc", weights, strict=True)), {"a": worth[:4], "b": worth[4:7], "c": worth[7:]}
    ),
    st.lists(st.sampled_from([0.125, 0.25, 0.5]), min_size=3, max_size=3),
    st.lists(tenths, min_size=9, max_size=9),
)


def model(pair: tuple[str, str], deadline: int, reservation: tuple[float, float], utilities: Any) -> Any:
    """Outcome, step and kind of end: buyer first, t = s / (deadline + 1), `u >= target - 1e-9`, ties by number."""
    times = np.arange(1, deadline + 1) / (deadline + 1)
    offer: int | None = None
    for step in range(1, deadline + 1):
        for name, floor, utility in zip(pair, reservation, utilities, strict=True):
            if utility.max() < floor - 1e-9:
                return None, step, "walked"
            share = 1 - (times ** EXPONENT[name])[step - 1]
            target = floor + (utility.max() - floor) * share
            if offer is not None and utility[offer] >= target - 1e-9:
                return offer, step, "agreed"
            enough = [o for o in range(DOMAIN.size) if utility[o] >= target - 1e-9]
            offer = min(enough, key=lambda o: (round(utility[o], 12), -o))
    return None, deadline, "deadline"


@given(st.tuples(names, names), st.integers(1, 40), st.tuples(tenths, tenths), st.tuples(tables, tables))
def test_negotiate_is_the_model(
    pair: tuple[str, str], deadline: int, reservation: tuple[float, float], utilities: tuple[Any, Any]
) -> None:
    """Same outcome, same step and same end, over many issues with many ties."""
    result = coase.negotiate(
        coase.skill(pair[0]),
        coase.skill(pair[1]),
        DOMAIN,
        deadline=deadline,
        reservation=reservation,
        utilities=utilities,
    )
    agreed = None if result.agreement is None else DOMAIN.number(result.agreement)
    assert (agreed, result.step, result.reason.split(":")[0]) == model(pair, deadline, reservation, utilities)
