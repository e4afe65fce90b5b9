"""What agents say to each other, and what they cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coase.agent.message import CEILING, Message
from coase.agent.messages import (
    ALL,
    RESULT_BYTES,
    Delivered,
    Propose,
    Quote,
    Refuse,
    Request,
    Reveal,
    Ruled,
    commitment,
    delivery_hash,
)
from coase.errors import TermsError
from coase.terms.order import Order

HASH = "ab" * 32


def test_every_message_is_listed_once() -> None:
    """The transport is told about each class of this file, and no two share a digest."""
    found = {kind for kind in Message.__subclasses__() if kind.__module__ == "coase.agent.messages"}
    assert found == set(ALL)
    assert len({kind.digest() for kind in ALL}) == len(ALL)
    assert all(kind.max_bytes <= CEILING for kind in ALL)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Propose, {"step": 1, "outcome": {"price": 1.0}}),
        (Propose, {"step": 1, "outcome": {"price": "NaN", "p" * 40: 1}}),
        (Propose, {"step": -1, "outcome": {}}),
        (Propose, {"step": 1, "outcome": {f"issue_{n}": 1 for n in range(17)}}),
        (Quote, {"unit_price": -1, "salt": HASH}),
        (Quote, {"unit_price": 2**96, "salt": HASH}),
        (Quote, {"unit_price": True, "salt": HASH}),
        (Refuse, {"code": "Not A Code"}),
        (Refuse, {"code": "no", "reason": "x" * 301}),
        (Delivered, {"result": {}, "files": {"../../x": "zz"}}),
        (Delivered, {"result": {}, "files": {"x/y": HASH}}),
        (Delivered, {"result": {}, "files": {f"f{n}": HASH for n in range(65)}}),
        (Delivered, {"result": {"x": "y" * RESULT_BYTES}, "files": {}}),
        (Delivered, {"result": {"x": 0.5}, "files": {}}),
        (Reveal, {"names": ["x"] * 17}),
        (Reveal, {"names": ["../x"]}),
        (Ruled, {"basis_points": 10_001, "code": "ok"}),
    ],
)
def test_what_cannot_be_said(kind: type[Message], fields: dict[str, Any]) -> None:
    """Sizes, counts, names and numbers are bounded before any agent sees the message."""
    with pytest.raises(ValidationError):
        kind(deal="deal-1", **fields)


def test_an_order_is_bounded_inside_a_request() -> None:
    """Deep or large details do not pass."""
    order = Order(deal="deal-1", kind="model", listing=HASH)
    good = Request(deal="deal-1", order=order, deadline=5)
    assert Request.parse_raw(good.encode()) == good
    large = good.encode().replace('"details":{}', '"details":{"x":"' + "y" * 49_200 + '"}')
    deep = good.encode().replace('"details":{}', '"details":{"x":' + "[" * 2000 + "]" * 2000 + "}")
    for text in (large, deep):
        assert text != good.encode()
        with pytest.raises(ValidationError):
            Request.parse_raw(text)


@given(st.text(max_size=5), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_commitment_binds(deal: str, one: int, other: int) -> None:
    """It fits its own price only."""
    assert (commitment(deal, one, HASH) == commitment(deal, other, HASH)) == (one == other)
    assert commitment(deal, one, HASH) != commitment(deal, one, "cd" * 32)


@given(st.permutations(["a", "b", "c"]))
def test_a_delivery_hash_does_not_depend_on_order(names: list[str]) -> None:
    """Names in any order, the same hash; another file or result, another hash."""
    files = dict.fromkeys(names, HASH)
    found = delivery_hash({"n": 1, "m": 2}, files)
    assert found == delivery_hash({"m": 2, "n": 1}, dict.fromkeys("abc", HASH))
    assert len(found) == 32
    assert found != delivery_hash({"n": 1, "m": 3}, files)
    assert found != delivery_hash({"n": 1, "m": 2}, {**files, "a": "cd" * 32})


def test_a_delivery_hash_needs_canonical_json() -> None:
    """Floats have no canonical form here."""
    with pytest.raises(TermsError):
        delivery_hash({"x": 0.1}, {})
