"""Amounts: exact, whole, bounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase import money
from coase.errors import AmountError

AMOUNTS = st.integers(0, money.MAXIMUM)
DECIMALS = st.integers(0, 18)


@given(AMOUNTS, DECIMALS, st.integers(0, 18))
def test_what_is_shown_is_read_back(amount: int, decimals: int, places: int) -> None:
    """`parse` undoes `show`, whatever the number of decimals and of places."""
    assert money.parse(money.show(amount, decimals, places=places), decimals) == amount


@given(AMOUNTS, DECIMALS)
def test_what_is_shown_is_the_quotient(amount: int, decimals: int) -> None:
    """`show` writes the exact quotient, as rational arithmetic has it."""
    assert Fraction(money.show(amount, decimals)) == Fraction(amount, 10**decimals)


@given(st.integers(-money.MAXIMUM, -1))
def test_a_loss_is_shown_with_its_sign(amount: int) -> None:
    """A negative difference is shown as a minus before the amount, though no such text is read."""
    assert money.show(amount) == "-" + money.show(-amount)
    with pytest.raises(AmountError):
        money.parse(money.show(amount))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(25_000_000, "25.00"), (1, "0.000001"), (0, "0.00"), (1_500_000, "1.50"), (1_234_567, "1.234567")],
)
def test_shown_as_people_write_it(amount: int, text: str) -> None:
    """At least two decimals, and no more than needed."""
    assert money.show(amount) == text
    assert money.parse(text) == amount


@pytest.mark.parametrize(("decimals", "text"), [(0, "150"), (1, "15.0"), (2, "1.50"), (3, "0.15")])
def test_shown_with_no_more_decimals_than_there_are(decimals: int, text: str) -> None:
    """A token with fewer decimals than places is shown with those it has."""
    assert money.show(150, decimals) == text


def test_whole_tokens() -> None:
    """Integers and text without a point mean whole tokens; spaces around it and zeros at its end mean nothing."""
    assert money.parse(3) == money.parse("3") == money.parse(" 3.000000000 ") == 3 * money.DOLLAR


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1 000", "0x10", "1_000", "NaN", "inf", "٣", "1.5.0", "1\x00"],
)
def test_what_is_no_amount(text: str) -> None:
    """Signs, exponents, separators and other scripts are refused rather than guessed at."""
    with pytest.raises(AmountError):
        money.parse(text)


@pytest.mark.parametrize("value", [1.0, 0.1, True, None, b"1", Decimal(1), "1.0000001", 10**30, -1, "9" * 30])
def test_what_cannot_be_read(value: Any) -> None:
    """Floats, booleans, lost decimals and amounts beyond the escrow's field are refused."""
    with pytest.raises(AmountError) as caught:
        money.parse(value)
    assert caught.value.code == "amount"


@given(st.text(max_size=40))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    """Whatever is read equals the fraction that the same text means."""
    try:
        amount = money.parse(text)
    except AmountError:
        return
    assert Fraction(text.strip()) == Fraction(amount, money.DOLLAR)


@given(AMOUNTS)
def test_a_whole_amount_is_checked_and_returned(amount: int) -> None:
    """`check` returns what it accepts."""
    assert money.check(amount) == amount


@pytest.mark.parametrize("value", [-1, money.MAXIMUM + 1, 1.0, False, "1", None])
def test_what_is_no_whole_amount(value: Any) -> None:
    """`check` refuses what the escrow cannot hold or what is no integer, under the name it was given."""
    with pytest.raises(AmountError, match="deposit"):
        money.check(value, what="deposit")


def test_the_largest_amount_is_the_escrows() -> None:
    """The bound is that of a uint96, itself included."""
    assert money.check(2**96 - 1) == money.MAXIMUM


@given(AMOUNTS, st.integers(0, 10_000))
def test_a_split_loses_nothing(amount: int, basis_points: int) -> None:
    """The parts add up, and the first is the exact share rounded down."""
    part, rest = money.split(amount, basis_points)
    assert part + rest == amount
    assert part * 10_000 <= amount * basis_points < (part + 1) * 10_000


@pytest.mark.parametrize(("amount", "basis_points"), [(1, -1), (1, 10_001), (-1, 5)])
def test_what_cannot_be_split(amount: int, basis_points: int) -> None:
    """A share beyond the whole, and less than nothing, are refused."""
    with pytest.raises(AmountError):
        money.split(amount, basis_points)
