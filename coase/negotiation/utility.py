"""What outcomes are worth to a party, and the order this gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coase.errors import TermsError
from coase.negotiation.moves import Party
from coase.terms.domain import Domain

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Utility = Callable[[dict[str, Any]], float] | Sequence[float] | Floats

SLACK = 1e-9  # a target counts as met from this far below: `u >= target - SLACK` is the one comparison everywhere
DECIMALS = (
    12  # kept of a utility when outcomes are ranked, so that equal sums are equal in whatever order they were added
)
LARGEST = 1e9


def linear(domain: Domain, party: Party, issue: str = "price") -> Floats:
    """Utilities of all outcomes, linear in the price: the buyer has 1 at the lowest and 0 at the highest, the seller
    the reverse. Other issues count for nothing. With a single price all is worth 1.
    """
    values = domain.issues.get(issue)
    if values is None or type(values[0]) is not int:
        raise TermsError(
            f"no default utilities: the domain has no issue '{issue}' of integers",
            hint="give utilities=(of the buyer, of the seller)",
            code="no_price",
        )
    low, high = int(min(values)), int(max(values))
    span = high - low
    gap = [(high - int(v) if party == "buyer" else int(v) - low) / span if span else 1.0 for v in values]
    at = tuple(domain.issues).index(issue)
    inner = int(np.prod(domain.sizes[at + 1 :], dtype=np.int64))
    return np.tile(np.repeat(np.array(gap, np.float64), inner), domain.size // (inner * len(gap)))


def additive(domain: Domain, weights: Mapping[str, float], worth: Mapping[str, Sequence[float]]) -> Floats:
    """Utilities of all outcomes as a sum over issues: weight of the issue x worth of its value (one per value)."""
    total = np.zeros(domain.sizes)
    if weights.keys() != domain.issues.keys() or worth.keys() != domain.issues.keys():
        raise TermsError(f"weights and worth are needed for each of {', '.join(domain.issues)}", code="bad_utility")
    for axis, (name, size) in enumerate(zip(domain.issues, domain.sizes, strict=True)):
        column = np.asarray(worth[name], np.float64)
        if column.shape != (size,):
            raise TermsError(f"issue '{name}' has {size} values and {column.size} worths", code="bad_utility")
        total += weights[name] * column.reshape([-1 if k == axis else 1 for k in range(len(domain.sizes))])
    return total.reshape(-1)


def tabulate(domain: Domain, utility: Utility) -> Floats:
    """Utilities of all outcomes from a table (one number per outcome, by outcome number) or a function of outcomes."""
    if callable(utility):
        return np.array([utility(domain.outcome(number)) for number in range(domain.size)], np.float64)
    table = np.array(utility, np.float64)
    if table.shape != (domain.size,):
        raise TermsError(
            f"a table of utilities of shape {table.shape} for {domain.size} outcomes",
            hint="give one number per outcome, or a function of an outcome",
            code="bad_utility",
        )
    return table


class Order(NamedTuple):
    """Outcomes by falling utility; the last axis is the one that is ordered."""

    ranked: Integers  # rank -> outcome, best first, equals by outcome number
    falling: Floats  # minus the utility at that rank: ascending, for bisection
    rank_of: Integers  # outcome -> how many outcomes are strictly better: equals share a rank


def order(utility: Floats) -> Order:
    """Rank outcomes, along the last axis."""
    ranked = np.argsort(-utility, axis=-1, kind="stable").astype(np.int64)
    falling = -np.take_along_axis(utility, ranked, -1)
    first = np.zeros(ranked.shape, np.int64)
    first[..., 1:] = np.where(np.diff(falling, axis=-1) != 0, np.arange(1, ranked.shape[-1]), 0)
    rank_of = np.empty_like(ranked)
    np.put_along_axis(rank_of, ranked, np.maximum.accumulate(first, axis=-1), -1)
    return Order(ranked, falling, rank_of)


class Ranking:
    """A party's utilities over a domain and the order they give.

    Args:
        domain: what is bargained over.
        utility: shape (outcomes,), at most 1e9 in size. Utilities equal to 12 decimals are equal.
    """

    def __init__(self, domain: Domain, utility: Floats) -> None:
        if not np.isfinite(utility).all() or np.abs(utility).max() > LARGEST:
            raise TermsError(f"a utility is not a number up to {LARGEST:g}", code="bad_utility")
        self.domain = domain
        self.given = utility
        self.rounded: Floats = np.round(utility, DECIMALS)
        self.order = order(self.rounded)
        # as lists: the scalar path indexes them one by one, and indexing an array is three times slower
        self.utility: list[float] = self.rounded.tolist()
        self.ranked: list[int] = self.order.ranked.tolist()
        self.falling: list[float] = self.order.falling.tolist()
        self.rank_of: list[int] = self.order.rank_of.tolist()
        self.plans: dict[Any, list[int]] = {}  # see plan.py


@lru_cache(64)
def _linear(domain: Domain, party: Party) -> Ranking:
    return Ranking(domain, linear(domain, party))


def ranking(domain: Domain, party: Party, utility: Utility | None = None) -> Ranking:
    """The ranking of a party: by its own utility, or linear in the price."""
    return _linear(domain, party) if utility is None else Ranking(domain, tabulate(domain, utility))
