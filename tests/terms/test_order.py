"""Orders: what validates can be hashed, paid and judged."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coase import money
from coase.terms.canonical import DEPTH, digest
from coase.terms.order import MAX_BYTES, Order

LISTING = "ab" * 32
TEXTS = st.text(max_size=6)  # half surrogate pairs too
DETAILS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**258), 2**258) | st.floats() | TEXTS | st.binary(max_size=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3) | st.tuples(inner),
        max_leaves=8,
    ),
    max_size=4,
)


def order(**fields: Any) -> Order:
    """An order with all that is required."""
    return Order.model_validate({"deal": "compute-1-ab", "kind": "compute", "listing": LISTING} | fields)


def nested(depth: int) -> dict[str, Any]:
    """Details of so many dictionaries in each other, the details themselves included."""
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_the_defaults_are_a_free_item() -> None:
    """One item, nothing handed over, no price yet."""
    found = order()
    assert (found.unit, found.quantity, found.unit_price, found.price, found.content) == ("item", 1, 0, 0, "")
    assert (found.inputs, found.details) == ({}, {})


def test_the_hash_is_that_of_the_canonical_fields() -> None:
    """A third party computes the same hash from the JSON, whatever the order of its keys."""
    found = order(quantity=120, unit="train_step", details={"b": [1, True, None], "a": {"é": "x"}}, unit_price=5)
    fields = json.loads(found.model_dump_json())
    assert found.hash == digest(fields) == digest(dict(reversed(fields.items())))
    assert order(**fields).hash == found.hash


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deal", "compute-2"),
        ("kind", "model"),
        ("listing", "cd" * 32),
        ("content", "cd" * 32),
        ("unit", "hour"),
        ("quantity", 2),
        ("inputs", {"rows": "cd" * 32}),
        ("details", {"a": 1}),
        ("unit_price", 1),
    ],
)
def test_every_field_is_in_the_hash(field: str, value: Any) -> None:
    """Another value of any field is another order; the list is of all fields."""
    assert order(**{field: value}).hash != order().hash
    assert len(Order.model_fields) == 9


@given(DETAILS)
def test_what_validates_has_a_hash(details: dict[str, Any]) -> None:
    """Details are refused by validation or hash, survive JSON, and hash the same afterwards."""
    try:
        found = order(details=details)
    except ValidationError:
        return
    assert Order.model_validate_json(found.model_dump_json()).hash == found.hash


def test_details_may_be_as_deep_as_the_hash_allows() -> None:
    """The deepest details that are accepted have a hash, and one more level is refused."""
    assert len(order(details=nested(DEPTH)).hash) == 64
    with pytest.raises(ValidationError, match="nested deeper"):
        order(details=nested(DEPTH + 1))
    with pytest.raises(ValidationError):
        order(details=nested(5000))


def test_details_cannot_be_changed_from_outside() -> None:
    """The order keeps a copy: what the caller does later with its own object changes no hash."""
    mine: dict[str, Any] = {"rows": [1, 2]}
    found = order(details=mine)
    before = found.hash
    mine["rows"].append(0.5)
    assert found.hash == before
    assert found.details == {"rows": [1, 2]}


def test_details_are_read_from_any_mapping() -> None:
    """A read-only view and tuples become what JSON has for them."""
    assert order(details=MappingProxyType({"a": (1, 2)})).details == {"a": [1, 2]}


@pytest.mark.parametrize(
    "details", [{"a": 0.5}, {"a": b"x"}, {"a": 2**256}, {"\ud800": 1}, {"a": {1: 2}}, [], "x", None]
)
def test_details_without_one_form_are_refused(details: Any) -> None:
    """Floats, bytes, huge integers, half surrogate pairs and what is no mapping."""
    with pytest.raises(ValidationError):
        order(details=details)


def test_details_are_bounded() -> None:
    """The canonical bytes are counted, and the bound itself is allowed."""
    room = MAX_BYTES - len('{"a":""}')
    assert len(order(details={"a": "x" * room}).hash) == 64
    for text in ("x" * (room + 1), "é" * (room // 2 + 1)):
        with pytest.raises(ValidationError, match="more than"):
            order(details={"a": text})


@given(st.integers(1, 10**12), st.integers(0, money.MAXIMUM))
def test_the_price_fits_the_escrow_or_is_refused(quantity: int, unit_price: int) -> None:
    """Quantity times unit price is what the escrow can hold, or the order is not valid."""
    if quantity * unit_price <= money.MAXIMUM:
        assert order(quantity=quantity, unit_price=unit_price).price == quantity * unit_price
    else:
        with pytest.raises(ValidationError, match="escrow"):
            order(quantity=quantity, unit_price=unit_price)


def test_the_largest_price() -> None:
    """The escrow's maximum is allowed, and one more is not."""
    assert order(quantity=3, unit_price=money.MAXIMUM // 3).price == money.MAXIMUM  # 2**96 - 1 is a multiple of 3
    with pytest.raises(ValidationError):
        order(quantity=2, unit_price=2**95)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deal", "../journal"),
        ("deal", ""),
        ("deal", "a" * 65),
        ("deal", "a\n"),
        ("kind", "Compute"),
        ("kind", "k" * 33),
        ("listing", "AB" * 32),
        ("listing", "ab" * 31),
        ("content", "ab"),
        ("unit", ""),
        ("quantity", 0),
        ("quantity", 10**12 + 1),
        ("quantity", 1.0),
        ("quantity", "1"),
        ("quantity", True),
        ("inputs", {"Rows": LISTING}),
        ("inputs", {"../rows": LISTING}),
        ("inputs", {"rows": "zz"}),
        ("inputs", {f"f{i}": LISTING for i in range(17)}),
        ("unit_price", -1),
        ("unit_price", money.MAXIMUM + 1),
        ("unit_price", 1.5),
        ("gift", 1),
    ],
)
def test_malformed_fields_are_refused(field: str, value: Any) -> None:
    """Names that are paths, other cases, floats, booleans, too many, too few, too much, unknown fields."""
    with pytest.raises(ValidationError):
        order(**{field: value})


def test_an_order_does_not_change() -> None:
    """Orders are frozen: another price is another order."""
    with pytest.raises(ValidationError, match="frozen"):
        order().quantity = 2  # type: ignore[misc]  # that is what is tried
