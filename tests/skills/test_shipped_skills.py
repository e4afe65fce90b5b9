"""The skills that ship: skills/*.py."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase import loading
from coase.negotiation.plan import is_plan

DOMAIN = coase.Domain(price=range(100))
NAMES = loading.names("skills")
KINDS = {name: loading.find("skills", name) for name in NAMES}
BARGAINING = [  # without those that ask a language model: see tests/negotiation/llm
    n for n, k in KINDS.items() if issubclass(k, coase.Negotiator) and k.driver is coase.Negotiator.driver
]


class Fixed(coase.Negotiator):
    """Demand these shares, one after the other."""

    shares: tuple[float, ...]

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """The share of this step, the last one for ever."""
        return state, self.shares[min(now.step, len(self.shares)) - 1]


def curve(name: str, times: np.ndarray[Any, Any], **parameters: Any) -> Any:
    """What a time-based skill asks for."""
    return coase.skill(name, **parameters).target(times)


@given(st.floats(0.05, 10))
def test_time_based_skills_follow_faratin(beta: float) -> None:
    """1 - t^(1 / beta): everything at the start, nothing at the end, falling all the way."""
    times = np.linspace(0, 1, 101)
    for name in ("boulware", "conceder"):
        asked = curve(name, times, beta=beta)
        assert asked == pytest.approx(1 - times ** (1 / beta))
        assert (asked[0], asked[-1]) == (1, 0)
        assert (np.diff(asked) <= 0).all()
    assert curve("linear", times) == pytest.approx(1 - times)


def test_defaults_are_the_published_ones() -> None:
    """Boulware 0.25, conceder 4, as in NegMAS; at half time they ask for 94% and 16%, linear for half."""
    asked = {name: float(curve(name, np.array([0.5]))[0]) for name in ("boulware", "linear", "conceder")}
    assert asked == pytest.approx({"boulware": 1 - 0.5**4, "linear": 0.5, "conceder": 1 - 0.5**0.25})
    assert all(is_plan(coase.skill(name)) for name in asked)


PEER = [  # price and step with a reservation of 0.1 each, 100 steps, prices 0 to 99
    ("boulware", "boulware", 50, 88),
    ("boulware", "linear", 31, 78),
    ("boulware", "conceder", 19, 69),
    ("linear", "linear", 50, 57),
    ("linear", "conceder", 31, 36),
    ("conceder", "boulware", 81, 69),
    ("conceder", "conceder", 50, 11),
]


@pytest.mark.parametrize(("buyer", "seller", "price", "step"), PEER)
def test_pairs_end_where_the_formula_says(buyer: str, seller: str, price: int, step: int) -> None:
    """Recomputed here in plain Python from the formula alone, and equal to the figures written down."""
    exponent = {"boulware": 4.0, "linear": 1.0, "conceder": 0.25}

    def target(name: str, s: int) -> float:
        return 0.1 + 0.9 * (1 - float((s / 101) ** exponent[name])) - 1e-9

    found = None
    asked = 99
    for s in range(1, 101):
        offered = max(x for x in range(100) if (99 - x) / 99 >= target(buyer, s))
        if s > 1 and (99 - asked) / 99 >= target(buyer, s):
            found = asked, s
            break
        asked = min(x for x in range(100) if x / 99 >= target(seller, s))
        if offered / 99 >= target(seller, s):
            found = offered, s
            break
    result = coase.negotiate(coase.skill(buyer), coase.skill(seller), DOMAIN, reservation=(0.1, 0.1))
    assert result.agreement is not None
    assert (result.agreement["price"], result.step) == found == (price, step)


def test_tit_for_tat_mirrors_relative_concessions() -> None:
    """It opens with 2%, then lowers its demand by the factor by which theirs fell, and waits when they wait."""
    domain = coase.Domain(price=range(1001))
    result = coase.negotiate(
        Fixed(shares=(1.0, 0.8, 0.8, 0.6)), coase.skill("tit_for_tat"), domain, deadline=5, reservation=(0, 0)
    )
    theirs = [share for _, o in result.trace.offers("buyer") for share in [1 - o / 1000]]
    mine = [o / 1000 for _, o in result.trace.offers("seller")]
    assert theirs == pytest.approx([1.0, 0.8, 0.8, 0.6, 0.6])
    assert mine == pytest.approx([0.98, 0.784, 0.784, 0.588, 0.588], abs=1e-3)


def test_tit_for_tat_keeps_to_its_floor() -> None:
    """However much the other side gives, it never asks for less than its floor."""
    result = coase.negotiate(
        Fixed(shares=(1.0, 0.9, 0.5, 0.4)), coase.skill("tit_for_tat", floor=0.7), DOMAIN, deadline=4
    )
    assert result.reason == "deadline"
    assert min(o / 99 for _, o in result.trace.offers("seller")) >= 0.7


@pytest.mark.parametrize("name", BARGAINING)
@settings(deadline=None)  # the first of them imports another library
@given(
    shares=st.lists(st.floats(-1, 2) | st.just(float("nan")), min_size=1, max_size=8).map(tuple),
    reservation=st.floats(0, 1),
    deadline=st.integers(1, 20),
    buys=st.booleans(),
)
def test_no_skill_goes_below_its_reservation(
    name: str, shares: tuple[float, ...], reservation: float, deadline: int, buys: bool
) -> None:
    """Against any run of demands, on either side, offers and deals are worth the reservation, and nothing raises."""
    mine, theirs = coase.skill(name), Fixed(shares=shares)
    first, second = (mine, theirs) if buys else (theirs, mine)
    floors = (reservation, 0.0) if buys else (0.0, reservation)
    result = coase.negotiate(first, second, DOMAIN, deadline=deadline, reservation=floors)
    party, table = ("buyer", result.tables[0]) if buys else ("seller", result.tables[1])
    assert not result.reason.startswith("failed")
    assert all(table[o] >= reservation - 1e-9 for _, o in result.trace.offers(party))  # type: ignore[arg-type]
    assert result.utilities[0 if buys else 1] >= reservation - 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_skills_are_documented(name: str) -> None:
    """Each file has one skill, a docstring that gives formula and source, and a description of each parameter."""
    kind = loading.find("skills", name)
    source = Path(inspect.getfile(kind)).read_text()
    assert len((ast.get_docstring(ast.parse(source)) or "").splitlines()) >= 3
    assert kind.__doc__
    for field in kind.model_fields.values():
        assert field.description
