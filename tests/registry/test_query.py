"""The query language: what it means, what it refuses, and that nothing else happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coase.errors import RegistryRefused
from coase.registry.query import MAX_LENGTH, MAX_TERMS, OPERATORS, Comparison, Query, parse
from coase.terms.listing import Listing

HOSTILE = st.text(
    alphabet=st.sampled_from(list("""ab1 "'*()^:-+<>=!~,;\\%_.{}[]\x00\n\tAND OR NOT NEAR é\u0301\ud800\U0001f600"""))
)


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("kind=compute", Comparison("kind", "=", "compute")),
        ("memory_mib>=2048", Comparison("memory_mib", ">=", 2048)),
        ("price<=5000", Comparison("price", "<=", 5000)),
        ("region!=eu", Comparison("region", "!=", "eu")),
        ("offset>-3", Comparison("offset", ">", -3)),
        ("gpu=true", Comparison("gpu", "=", True)),
        ("gpu!=false", Comparison("gpu", "!=", False)),
        ("rank<7", Comparison("rank", "<", 7)),
        ("title_of~17", Comparison("title_of", "~", "17")),
        ("key=7", Comparison("key", "=", "7")),
        ('region="eu west"', Comparison("region", "=", "eu west")),
        ("KIND=compute", Comparison("kind", "=", "compute")),
    ],
)
def test_one_comparison(text: str, comparison: Comparison) -> None:
    """A name, an operator and a value, of the type that the field has or the value looks like."""
    found = parse(text)
    assert found == Query((comparison,))
    assert type(found.comparisons[0].value) is type(comparison.value)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("", ()),
        (" \t\n", ()),
        ("digits", ("digits",)),
        ("training steps", ("training", "steps")),
        ('"training steps"', ("training steps",)),
        ("pre-trained", ("pre trained",)),
        ("it's", ("it s",)),
        ("NEAR(a", ("NEAR a",)),
        ("digit*", ("digit",)),
    ],
)
def test_text(text: str, phrases: tuple[str, ...]) -> None:
    """Anything else is text: words apart, quoted ones as a phrase, punctuation as a space."""
    assert parse(text) == Query((), phrases)


def test_the_example_of_the_module() -> None:
    """Comparisons, words and phrases in one query."""
    found = parse('kind=compute memory_mib>=2048 price<=5000 region!=eu digits "training steps"')
    assert [comparison.name for comparison in found.comparisons] == ["kind", "memory_mib", "price", "region"]
    assert found.phrases == ("digits", "training steps")


@pytest.mark.parametrize(
    "text",
    [
        'an "open quote',
        '"',
        "price=cheap",
        "price=25.00",
        "price=true",
        "price==5",
        "price=>5",
        "price=<5",
        "a=b=c" * 200,
        "issued>yesterday",
        "gpu-memory>=16",
        "<5",
        "=",
        "***",
        "rank=99999999999999999999",
        "price>-99999999999999999999",
        "half a pair \ud800",
        "kind=\ud800",
        "a" * (MAX_LENGTH + 1),
        "a " * (MAX_TERMS + 1),
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    """Open quotes, wrong types, unknown operators, huge numbers and endless queries are refused, with a hint."""
    with pytest.raises(RegistryRefused) as caught:
        parse(text)
    assert caught.value.code == "query_malformed"
    assert "kind=compute" in caught.value.hint


def test_the_bounds_themselves_are_allowed() -> None:
    """The longest query and the most terms are read."""
    assert parse("a" * MAX_LENGTH).phrases == ("a" * MAX_LENGTH,)
    assert len(parse("a " * MAX_TERMS).phrases) == MAX_TERMS


@given(st.one_of(st.text(max_size=60), HOSTILE))
@example('"" ""')
@example("a=\x00")
@example("a~")
@example("٣=٣ price=٣")
@example("'; drop table listing; --")
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text does anything but give a query or be refused, and phrases hold nothing but words."""
    try:
        found = parse(text)
    except RegistryRefused as error:
        found, code = Query(), error.code
        assert code.startswith("query_")
    assert all(re.fullmatch(r"[^\W_]+( [^\W_]+)*", phrase) for phrase in found.phrases)
    assert all(comparison.operator in OPERATORS for comparison in found.comparisons)
    assert all(re.fullmatch("[a-z_][a-z0-9_]{0,31}", comparison.name) for comparison in found.comparisons)


ATTRIBUTES: dict[str, Any] = {"rank": 7, "gpu": True, "region": "EU-West", "digits": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rank=7", True),
        ("rank!=7", False),
        ("rank<8", True),
        ("rank<7", False),
        ("rank<=7", True),
        ("rank>6", True),
        ("rank>7", False),
        ("rank>=7", True),
        ("gpu=true", True),
        ("gpu=false", False),
        ("gpu!=false", True),
        ("gpu=1", False),
        ("rank=true", False),
        ("digits=7", False),
        ("digits!=7", False),
        ("region=EU-West", True),
        ("region=eu-west", False),
        ("region~WEST", True),
        ("region~north", False),
        ("region>EU", True),
        ("rank~7", False),
        ("absent=7", False),
        ("absent!=7", False),
        ("absent~7", False),
        ("price=5000", True),
        ("price<5000", False),
        ("kind=compute", True),
        ("kind~PUT", True),
        ("sequence>=1", True),
    ],
)
def test_what_a_comparison_means(offer: Callable[..., Listing], text: str, expected: bool) -> None:
    """Integers as numbers, texts by code point, nothing for what is missing or of another type."""
    (comparison,) = parse(text).comparisons
    assert comparison.holds(offer(attributes=ATTRIBUTES)) is expected
