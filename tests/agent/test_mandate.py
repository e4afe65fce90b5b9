"""The owner's limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coase import money
from coase.agent.mandate import Exposure, Mandate
from coase.errors import AmountError, MandateRefused

FREE: dict[str, Any] = {"kind": "model", "price": 10, "counterparties": frozenset({"bob"}), "now": 0}
AMOUNTS = st.integers(0, 200)


@given(
    budget=AMOUNTS,
    ceilings=st.dictionaries(st.sampled_from(["model", "dataset"]), AMOUNTS),
    at_a_time=st.integers(1, 5),
    orders=st.lists(st.tuples(st.sampled_from(["model", "dataset", "compute"]), AMOUNTS, st.booleans()), max_size=25),
)
def test_no_sequence_of_deals_breaks_a_limit(
    budget: int, ceilings: dict[str, int], at_a_time: int, orders: list[tuple[str, int, bool]]
) -> None:
    """Whatever is asked for, what is allowed never adds up to more than the owner said."""
    mandate = Mandate(budget=budget, ceilings=ceilings, deals_at_a_time=at_a_time)
    committed = running = 0
    for kind, price, ends in orders:
        exposure = Exposure(committed, running)
        wanted: dict[str, Any] = {"kind": kind, "price": price, "counterparties": frozenset({"bob"}), "now": 0}
        if price > mandate.limit(kind, exposure) or running >= at_a_time:
            with pytest.raises(MandateRefused) as caught:
                mandate.check(**wanted, exposure=exposure)
            assert caught.value.line in ("budget", "ceilings", "deals_at_a_time")
            assert caught.value.code == f"mandate_{caught.value.line}"
            continue
        mandate.check(**wanted, exposure=exposure)
        committed, running = committed + price, running + 1
        assert committed <= budget
        assert price <= ceilings.get(kind, price)
        assert running <= at_a_time
        running -= ends


@pytest.mark.parametrize(
    ("line", "changes", "exposure"),
    [
        ("budget", {"price": 91}, Exposure(10, 0)),
        ("ceilings", {"price": 51}, Exposure()),
        ("kinds", {"kind": "weapons"}, Exposure()),
        ("counterparties", {"counterparties": frozenset({"eve"})}, Exposure()),
        ("expires", {"now": 1001}, Exposure()),
        ("deals_at_a_time", {}, Exposure(0, 2)),
    ],
)
def test_each_line_has_its_code(line: str, changes: dict[str, Any], exposure: Exposure) -> None:
    """A refusal names the line of the mandate that was hit, in words and for programs."""
    mandate = Mandate(
        budget=100,
        ceilings={"model": 50},
        kinds=frozenset({"model"}),
        counterparties=frozenset({"bob"}),
        expires=1000,
        deals_at_a_time=2,
    )
    mandate.check(**FREE, exposure=Exposure(0, 1))
    if line == "budget":
        mandate = mandate.model_copy(update={"ceilings": {}})
    with pytest.raises(MandateRefused) as caught:
        mandate.check(**{**FREE, **changes}, exposure=exposure)
    assert (caught.value.line, caught.value.code) == (line, f"mandate_{line}")
    assert line in caught.value.hint


def test_the_limits_themselves_are_allowed() -> None:
    """Up to and including each limit."""
    mandate = Mandate(budget=100, ceilings={"model": 50}, expires=1000)
    mandate.check(**{**FREE, "price": 50, "now": 1000}, exposure=Exposure(50, 7))
    assert mandate.limit("model", Exposure(60)) == 40
    assert mandate.limit("model", Exposure(10)) == 50
    assert mandate.limit("dataset", Exposure(10)) == 90
    assert mandate.limit("dataset", Exposure(110)) == 0


@pytest.mark.parametrize("price", [1.5, True, -1, money.MAXIMUM + 1, "10"])
def test_a_price_is_a_whole_number(price: object) -> None:
    """No float, truth value, debt or overflow passes for a price."""
    with pytest.raises(AmountError):
        Mandate(budget=money.MAXIMUM).check(**{**FREE, "price": price}, exposure=Exposure())


@pytest.mark.parametrize(
    "fields",
    [
        {"budget": -1},
        {"budget": 1.0},
        {"budget": True},
        {"budget": 1, "ceilings": {"model": -1}},
        {"budget": 1, "x": 1},
    ],
)
def test_a_mandate_is_well_formed(fields: dict[str, Any]) -> None:
    """Limits are amounts, and a misspelt line is not overlooked."""
    with pytest.raises(ValidationError):
        Mandate(**fields)
