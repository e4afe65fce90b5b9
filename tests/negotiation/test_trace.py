"""Traces: coase/negotiation/trace.py."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import coase
from coase.errors import CoaseError
from coase.negotiation.moves import Accept, Propose, Walk
from coase.negotiation.trace import Turn

DOMAIN = coase.Domain(price=range(5), speed=["slow", "fast"])
TRACE = coase.Trace(
    DOMAIN,
    3,
    (
        Turn(1, "buyer", Propose(0), answers=({"price": 0},)),
        Turn(1, "seller", Propose(9)),
        Turn(2, "buyer", Propose(4)),
        Turn(2, "seller", Accept()),
    ),
)


def test_a_trace_is_a_sequence_that_plays_again() -> None:
    """It iterates over turns, and the table takes every move of it again."""
    assert (len(TRACE), TRACE[1].move, [t.step for t in TRACE]) == (4, Propose(9), [1, 1, 2, 2])
    assert TRACE.offers("buyer") == [(1, 0), (2, 4)]
    state = TRACE.session()
    assert (state.reason, state.agreement, state.step) == ("agreed", 4, 2)


@pytest.mark.parametrize("last", [Accept(), Walk("enough"), Walk("broke", failed=True), Propose(3)])
def test_json_reads_back(last: Any) -> None:
    """Through an encoder and back, answers and failures included, with outcomes a person can read."""
    trace = coase.Trace(DOMAIN, 3, (*TRACE.turns[:3], Turn(2, "seller", last)))
    data = json.loads(json.dumps(trace.to_json()))
    assert data["turns"][1] == {
        "step": 1, "party": "seller", "move": "propose", "outcome": {"price": 4, "speed": "fast"},
    }  # fmt: skip
    assert coase.Trace.from_json(data) == trace


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        (("more",), 1),
        (("deadline",), 0),
        (("deadline",), 1),
        (("deadline",), "3"),
        (("turns",), {}),
        (("turns",), [1]),
        (("turns",), [{}] * 7),
        (("turns", 0), None),
        (("turns", 0, "party"), "seller"),
        (("turns", 0, "party"), ["buyer"]),
        (("turns", 0, "move"), "accept"),
        (("turns", 0, "move"), "dance"),
        (("turns", 0, "outcome"), 3),
        (("turns", 0, "outcome"), {"price": 9, "speed": "slow"}),
        (("turns", 0, "answers"), 3),
        (("turns", 2, "step"), 1),
        (("turns", 2, "step"), None),
        (("domain",), {}),
    ],
)
def test_hostile_json_is_refused(path: tuple[Any, ...], value: Any) -> None:
    """What is no trace, or one that the rules do not allow, never becomes one."""
    data: Any = copy.deepcopy(TRACE.to_json())
    at = data
    for key in path[:-1]:
        at = at[key]
    if path:
        at[path[-1]] = value
    with pytest.raises(CoaseError):
        coase.Trace.from_json(data if path else value)
