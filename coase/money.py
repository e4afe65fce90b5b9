"""Amounts of money: integers in base units, never floats.

A token has `decimals`; one test dollar (six decimals) is 1_000_000 base units. Text is the only other form an amount
takes: `parse` reads it, `show` writes it, and both are exact.
"""

from __future__ import annotations

import re

from coase.errors import AmountError

DECIMALS = 6
DOLLAR = 10**DECIMALS
MAXIMUM = 2**96 - 1  # what the escrow's price field holds

_TEXT = re.compile(r"(\d{1,29})(?:\.(\d{1,30}))?", re.ASCII)


def check(amount: object, *, what: str = "amount") -> int:
    """Return `amount` if it is an integer from 0 to 2**96 - 1.

    Raises:
        AmountError: it is of another type (a float, a bool), negative or too large.
    """
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise AmountError(
            f"{what} is {amount!r}, not a whole number of base units", hint="money is integers: parse text"
        )
    if not 0 <= amount <= MAXIMUM:
        raise AmountError(f"{what} is {amount}, outside 0 to {MAXIMUM}")
    return amount


def parse(text: str | int, decimals: int = DECIMALS) -> int:
    """Base units of an amount written in whole tokens, for example ``"25.00"`` -> 25_000_000.

    An `int` is taken as whole tokens. Raises `AmountError` for floats, signs, exponents and lost decimals.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return check(text * 10**decimals)
    found = _TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise AmountError(f"{text!r} is not an amount", hint='write it as text, for example "25.00"')
    whole, fraction = found[1], (found[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise AmountError(f"{text!r} has more than {decimals} decimals")
    return check(int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or 0))


def show(amount: int, decimals: int = DECIMALS, *, places: int = 2) -> str:
    """The amount in whole tokens, exact, with at least `places` decimals: 25_000_000 -> ``"25.00"``."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, rest = divmod(amount, 10**decimals)
    fraction = str(rest).zfill(decimals)[:decimals] if decimals else ""
    kept = fraction.rstrip("0").ljust(min(places, decimals), "0")
    return f"{sign}{whole}.{kept}" if kept else f"{sign}{whole}"


def split(amount: int, basis_points: int) -> tuple[int, int]:
    """Divide an amount: `basis_points` of 10,000 (rounded down) and the rest. Nothing is lost: the parts add up."""
    check(amount)
    if not 0 <= basis_points <= 10_000:
        raise AmountError(f"{basis_points} basis points is outside 0 to 10,000")
    part = amount * basis_points // 10_000
    return part, amount - part
