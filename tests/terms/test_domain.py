"""Domains and outcomes: coase/terms/domain.py."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import TermsError
from coase.terms.canonical import canonical
from coase.terms.domain import MAXIMUM_OUTCOMES, Domain

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.one_of(
    st.lists(st.integers(-(2**90), 2**90), min_size=1, max_size=5, unique=True),
    st.lists(texts, min_size=1, max_size=5, unique=True),
    st.lists(st.booleans(), min_size=1, max_size=2, unique=True),
    st.builds(
        lambda a, n, s: range(a, a + n * s, s), st.integers(-99, 99), st.integers(1, 9), st.sampled_from([-3, 1, 7])
    ),
)
domains = st.dictionaries(st.sampled_from(["price", "hours", "speed", "été"]), values, min_size=1, max_size=4).map(
    lambda issues: Domain(**issues)
)

PLAIN: dict[str, Any] = {"issues": [{"name": "price", "range": [0, 3, 1]}]}


def test_outcomes_are_numbered_row_major() -> None:
    """The last issue varies fastest, and values keep the order in which they were given."""
    domain = Domain(price=[3, 1], speed=["slow", "fast"])
    assert [domain.outcome(i) for i in range(domain.size)] == [
        {"price": 3, "speed": "slow"},
        {"price": 3, "speed": "fast"},
        {"price": 1, "speed": "slow"},
        {"price": 1, "speed": "fast"},
    ]


@given(domains)
def test_numbers_and_outcomes_are_one_to_one(domain: Domain) -> None:
    """Every outcome of the product has its own number, in the order of itertools.product."""
    product = itertools.product(*domain.issues.values())
    for number, row in enumerate(product):
        outcome = dict(zip(domain.issues, row, strict=True))
        assert domain.outcome(number) == outcome
        assert domain.number(outcome) == number
        assert [type(v) for v in domain.outcome(number).values()] == [type(v) for v in row]
    assert number + 1 == domain.size


@given(domains)
def test_json_reads_back(domain: Domain) -> None:
    """The JSON form is canonical (no floats), survives a JSON encoder, and gives an equal domain with an equal hash."""
    canonical(domain.to_json())
    again = Domain.from_json(json.loads(json.dumps(domain.to_json())))
    assert again == domain
    assert hash(again) == hash(domain)
    assert list(again.issues) == list(domain.issues)
    assert again.to_json() == domain.to_json()


def test_a_long_price_list_is_a_range() -> None:
    """Ranges, and lists that are as evenly spaced, take no memory and three numbers of JSON."""
    assert Domain(price=range(0, 10**9, 1000)).to_json() == {"issues": [{"name": "price", "range": [0, 10**9, 1000]}]}
    assert Domain(price=[0, 5, 10]) == Domain(price=range(0, 11, 5))
    assert Domain(price=[3, 2, 1]).issues["price"] == range(3, 0, -1)
    assert Domain(price=np.arange(4)) == Domain(price=range(4))


def test_equality_sees_kinds_and_order() -> None:
    """Booleans are not integers here, and the order of values and issues counts: it numbers the outcomes."""
    assert Domain(a=[False, True]) != Domain(a=[0, 1])
    assert Domain(a=[1, 2, 4]) != Domain(a=[4, 2, 1])
    assert Domain(a=[1], b=[2]) != Domain(b=[2], a=[1])
    assert Domain(a=[1]) != {"a": [1]}
    assert len({Domain(a=[1, 2]), Domain(a=(1, 2)), Domain(a=range(1, 3))}) == 1


def test_a_domain_never_changes() -> None:
    """No attribute can be set or deleted, and its issues cannot be written to."""
    domain = Domain(price=range(3))
    with pytest.raises(AttributeError, match="never changes"):
        domain.size = 4
    with pytest.raises(AttributeError, match="never changes"):
        del domain.size
    with pytest.raises(TypeError):
        domain.issues["price"] = (1,)  # type: ignore[index]
    assert copy.deepcopy(domain) == domain


def test_repr_is_the_call_that_makes_it() -> None:
    """A domain prints as it is written."""
    assert repr(Domain(price=range(100), speed=("slow", "fast"))) == (
        "Domain(price=range(0, 100), speed=['slow', 'fast'])"
    )


@pytest.mark.parametrize(
    "issues",
    [
        {},
        {"price": []},
        {"price": "cheap"},
        {"price": 5},
        {"price": [0.5]},
        {"price": [None]},
        {"price": [1, 1]},
        {"price": [1, True]},
        {"price": [1, "a"]},
        {"price": [2**96]},
        {"price": range(2**96, 2**96 + 5)},
        {"price": ["x" * 201]},
        {"price": ["\ud800"]},
        {"a price": [1]},
        {"x" * 201: [1]},
        {f"i{k}": [0] for k in range(17)},
    ],
)
def test_malformed_issues_are_refused(issues: dict[str, Any]) -> None:
    """What is no domain says so, as a `TermsError`."""
    with pytest.raises(TermsError) as caught:
        Domain(**issues)
    assert caught.value.code == "bad_domain"


@pytest.mark.parametrize(
    "issues",
    [
        {"price": range(MAXIMUM_OUTCOMES + 1)},
        {"price": range(10**30)},
        {"price": range(-(10**30), 0)},
        {"price": range(10**30, 0, -1)},
        {"price": itertools.count()},
        {f"i{k}": range(10) for k in range(7)},
    ],
)
def test_the_number_of_outcomes_is_bounded(issues: dict[str, Any]) -> None:
    """Too many outcomes are refused before anything of their size is made, even from an endless iterable."""
    with pytest.raises(TermsError) as caught:
        Domain(**issues)
    assert caught.value.code == "too_large"


def test_a_million_outcomes_are_allowed() -> None:
    """The bound itself is inside."""
    assert Domain(price=range(1000), hours=range(1000)).size == MAXIMUM_OUTCOMES


@pytest.mark.parametrize(
    "outcome",
    [
        {},
        {"price": 1},
        {"price": 1, "speed": "slow", "more": 1},
        {"price": 3, "speed": "slow"},
        {"price": True, "speed": "slow"},
        {"price": 1.0, "speed": "slow"},
        {"price": "1", "speed": "slow"},
        {"price": 1, "speed": "SLOW"},
        {"price": 1, "speed": ["slow"]},
        {"price": {}, "speed": "slow"},
        None,
        [1, "slow"],
    ],
)
def test_unknown_outcomes_have_no_number(outcome: Any) -> None:
    """A value outside, of another type, missing or extra is refused, whatever its type."""
    with pytest.raises(TermsError) as caught:
        Domain(price=range(3), speed=["slow", "fast"]).number(outcome)
    assert caught.value.code == "unknown_outcome"


@pytest.mark.parametrize("number", [-1, 3, True, 1.0, "1", None])
def test_unknown_numbers_have_no_outcome(number: Any) -> None:
    """Numbers outside 0 to size - 1, and what is no integer, are refused."""
    with pytest.raises(TermsError) as caught:
        Domain(price=range(3)).outcome(number)
    assert caught.value.code == "unknown_outcome"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"issues": []},
        {"issues": {}},
        PLAIN | {"more": 1},
        {"issues": PLAIN["issues"] * 2},
        {"issues": [{"name": "price"}]},
        {"issues": [{"name": "price", "range": [0, 3, 0]}]},
        {"issues": [{"name": "price", "range": [0, 3]}]},
        {"issues": [{"name": "price", "range": [0, 3, True]}]},
        {"issues": [{"name": "price", "range": [0, 0, 1]}]},
        {"issues": [{"name": "price", "range": [0, 10**40, 10**39]}]},
        {"issues": [{"name": "price", "values": {"0": 1}}]},
        {"issues": [{"name": "price", "values": [[1]]}]},
        {"issues": [{"name": 7, "values": [1]}]},
        {"issues": [{"name": "price", "values": [1], "range": [0, 3, 1]}]},
    ],
)
def test_hostile_json_is_refused(data: Any) -> None:
    """JSON from a stranger is a domain or a `TermsError`."""
    with pytest.raises(TermsError):
        Domain.from_json(data)


def test_a_reader_may_bound_more_tightly() -> None:
    """Who reads a stranger's domain chooses how many outcomes are worth its time."""
    assert Domain.from_json(PLAIN, limit=3).size == 3
    with pytest.raises(TermsError) as caught:
        Domain.from_json(PLAIN, limit=2)
    assert caught.value.code == "too_large"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["issues", "name", "range", "values", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_like)
def test_any_json_at_all_is_a_domain_or_refused(data: Any) -> None:
    """No input makes `from_json` fail in another way."""
    try:
        domain = Domain.from_json(data)
    except TermsError:
        return
    assert Domain.from_json(domain.to_json()) == domain


def _constrained() -> Domain:
    return Domain(price=range(4), speed=["slow", "fast"], gpu=[False, True]).without(speed="fast", price=[0, 1])


def test_ruled_out_combinations_are_no_outcomes() -> None:
    """They keep their number, and neither the number nor the values pass."""
    domain, ruled_out = _constrained(), 0
    for number, (price, speed, gpu) in enumerate(itertools.product(range(4), ["slow", "fast"], [False, True])):
        outcome = {"price": price, "speed": speed, "gpu": gpu}
        if speed == "fast" and price < 2:
            ruled_out += 1
            for act in (lambda o=outcome: domain.number(o), lambda n=number: domain.outcome(n)):
                with pytest.raises(TermsError, match="ruled out") as refused:
                    act()
                assert refused.value.code == "excluded_outcome"
        else:
            assert domain.outcome(domain.number(outcome)) == outcome
    assert ruled_out == 4
    assert domain.size == 16


def test_exclusions_are_part_of_a_domain() -> None:
    """Of its equality, its text, its copies and its JSON; a plain domain's JSON is as it was."""
    domain = _constrained()
    assert domain != Domain(price=range(4), speed=["slow", "fast"], gpu=[False, True])
    assert Domain.from_json(json.loads(json.dumps(domain.to_json()))) == domain == copy.deepcopy(domain)
    assert hash(copy.deepcopy(domain)) == hash(domain)
    assert eval(repr(domain), {"Domain": Domain, "range": range}) == domain
    assert "without" not in Domain(price=range(3)).to_json()
    assert domain.without(gpu=True).to_json()["without"][1] == [{"name": "gpu", "values": [True]}]


@pytest.mark.parametrize(
    "without",
    [
        [],
        None,
        [[]],
        [[{"name": "hours", "values": [1]}]],
        [[{"name": "price", "values": [7]}]],
        [[{"name": "price", "values": ["1"]}]],
        [[{"name": "price", "range": [0, 3, 1]}]],
        [[{"name": "price", "values": [1]}]] * 65,
        [[{"name": "price", "range": [0, 2**80, 1]}]],
        [{"name": "price", "values": [1]}],
    ],
)
def test_exclusions_from_outside_are_checked(without: Any) -> None:
    """An unknown issue or value, nothing, everything, or far too many."""
    with pytest.raises(TermsError):
        Domain.from_json(PLAIN | {"without": without})
