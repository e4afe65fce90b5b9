"""Utilities made of other things: attitudes to risk, an order, and what waiting costs. All give a table of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from coase.errors import TermsError, UsageError
from coase.negotiation.utility import Floats, Utility, allowed, check_range, tabulate
from coase.terms.domain import Domain

STEEPEST = 500.0  # exp of more overflows


def risk_averse(
    domain: Domain, utility: Utility, *, absolute: float | None = None, relative: float | None = None, wealth: float = 0
) -> Floats:
    """The utility of one who dislikes risk (or likes it: a negative number), over worths from 0 to 1.

    Constant absolute risk aversion a: ``(1 - exp(-a u)) / (1 - exp(-a))``. Constant relative risk aversion r with
    wealth w: ``v(w + u)`` with ``v(x) = x ** (1 - r)``, or ``log(x)`` where r = 1. Both are scaled to keep 0 and 1
    where they are. (Arrow 1965; Pratt 1964.) Among sure outcomes only the distances change, not the order: a party that
    asks for a share of its range concedes later in money.

    Args:
        domain: what is bargained over.
        utility: a function of an outcome or a table, from 0 to 1; minus infinity stays.
        absolute: a, from -500 to 500.
        relative: r; from 1 on only with wealth.
        wealth: w, at least 0, in the unit of `utility`.

    Raises:
        UsageError: not exactly one of `absolute` and `relative`, or a number out of its range.
        TermsError: the utility does not fit the domain, or is not from 0 to 1.
    """
    table = tabulate(domain, utility)
    sure = table != -np.inf
    if not ((table[sure] >= 0) & (table[sure] <= 1)).all():
        raise TermsError(
            "risk aversion is over utilities from 0 to 1", hint="divide by the largest", code="bad_utility"
        )
    if (absolute is None) == (relative is None):
        raise UsageError("one kind of risk aversion", hint="absolute=2.0 or relative=0.5", code="bad_risk_aversion")
    if absolute is not None:
        if not abs(absolute) <= STEEPEST:
            raise UsageError(f"absolute={absolute!r}", hint="from -500 to 500", code="bad_risk_aversion")
        bent = np.expm1(-absolute * table[sure]) / math.expm1(-absolute) if absolute else table[sure]
    else:
        bent = _relative(table[sure], relative, wealth)
    made = np.full(domain.size, -np.inf)
    made[sure] = bent
    return made


def _relative(worth: Floats, aversion: Any, wealth: float) -> Floats:
    if not (abs(aversion) <= STEEPEST and 0 <= wealth < math.inf) or (aversion >= 1 and wealth == 0):
        raise UsageError(
            f"relative={aversion!r} with wealth={wealth!r}",
            hint="below 1, or with some wealth",
            code="bad_risk_aversion",
        )
    if aversion == 1:
        return np.log1p(worth / wealth) / math.log1p(1 / wealth)
    scale = 1 + wealth  # so that no power overflows
    power = 1 - aversion
    with np.errstate(over="ignore", divide="ignore"):
        low = float(np.float64(wealth / scale) ** power)
    if not math.isfinite(low) or low == 1.0:
        raise UsageError(f"relative={aversion!r} with wealth={wealth!r} is too steep or flat", code="bad_risk_aversion")
    bent: Floats = (((wealth + worth) / scale) ** power - low) / (1 - low)
    return bent


def rank_only(domain: Domain, best_first: Sequence[Any]) -> Floats:
    """Utilities that say no more than an order: 1 for the best, 0 for the last, even steps between.

    Args:
        domain: what is bargained over.
        best_first: outcomes, ``{issue: value}`` or numbers, the best first; a list among them holds equals. What is not
            named is never acceptable.

    Raises:
        TermsError: an outcome that is not one of the domain, or named twice; or none is named.
    """
    levels = [level if isinstance(level, (list, tuple)) else [level] for level in best_first]
    made = np.full(domain.size, -np.inf)
    for place, level in enumerate(levels):
        for outcome in level:
            number = domain.number(outcome) if isinstance(outcome, Mapping) else domain.check(outcome)
            if made[number] != -np.inf:
                raise TermsError(f"outcome {domain.outcome(number)} is named twice", code="bad_utility")
            made[number] = 1 - place / (len(levels) - 1) if len(levels) > 1 else 1.0
    if not levels or not all(levels):
        raise TermsError("an order of outcomes has no empty place", hint="the best first", code="bad_utility")
    return made


def order_of(domain: Domain, utility: Utility) -> Floats:
    """The same order as a utility, and nothing of its distances: `rank_only` of it, equals staying equal.

    Raises:
        TermsError: the utility does not fit the domain.
    """
    table = np.where(allowed(domain), tabulate(domain, utility), -np.inf)
    check_range(table)
    sure = table != -np.inf
    levels, place = np.unique(table[sure], return_inverse=True)
    made = np.full(domain.size, -np.inf)
    made[sure] = place.reshape(-1) / (len(levels) - 1) if len(levels) > 1 else 1.0
    return made


def check_discount(value: Any) -> float:
    """Return a factor above 0 and up to 1; raise `UsageError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0 < value <= 1:
        raise UsageError(f"discount {value!r}", hint="a factor a step, above 0 and up to 1", code="bad_discount")
    return float(value)


def remaining(discount: float, step: int) -> float:
    """What is left of a utility in a step: ``discount ** (step - 1)``, multiplied one by one as in batches."""
    left = 1.0
    if discount != 1.0:
        for _ in range(step - 1):
            left *= discount
    return left


def remaining_each(discount: Floats, step: Any) -> Floats:
    """`remaining` for arrays of one length."""
    left = np.ones(len(step))
    waited = step - 1
    late = np.flatnonzero((discount != 1.0) & (waited > 0))
    late = late[np.argsort(-waited[late], kind="stable")]
    counts = waited[late]
    for k in range(int(counts[0]) if len(counts) else 0):
        late = late[: int(np.searchsorted(-counts[: len(late)], -k, "left"))]
        left[late] *= discount[late]
    return left
