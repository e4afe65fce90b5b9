"""What outcomes are worth to a party, and the order this gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Union, cast

import numpy as np
from numpy.typing import NDArray

from coase.errors import TermsError
from coase.negotiation.moves import Party
from coase.terms import exclusion
from coase.terms.domain import Domain

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Utility = Union[Callable[[dict[str, Any]], float], Sequence[float], Floats, "Ranking"]

SLACK = 1e-9  # a target counts as met from this far below: `u >= target - SLACK` is the one comparison everywhere
DECIMALS = (
    12  # kept of a utility when outcomes are ranked, so that equal sums are equal in whatever order they were added
)
LARGEST = 1e9
UNITS = 10.0**DECIMALS
FITTING: int = 2**63 // 10**DECIMALS  # below it, a utility in units of the last decimal kept fits 63 bits
DISTINCT = 4096  # below it, utilities that differ in that decimal are different floats


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
    return _table(domain, utility).copy()


def _table(domain: Domain, utility: Utility) -> Floats:
    """`tabulate`, but maybe the very array that was given."""
    if callable(utility):
        table = np.full(domain.size, -np.inf)
        for number in allowed(domain).nonzero()[0].tolist() if domain.excluded else range(domain.size):
            table[number] = utility(domain.outcome(number))
        return table
    table = np.asarray(utility, np.float64)
    if table.shape != (domain.size,):
        raise TermsError(
            f"a table of utilities of shape {table.shape} for {domain.size} outcomes",
            hint="give one number per outcome, or a function of an outcome",
            code="bad_utility",
        )
    return table


def check_range(utility: Floats) -> tuple[float, float]:
    """The least and the largest utility; `TermsError` unless all are numbers up to 1e9 in size, or minus infinity:
    never acceptable.
    """
    low, high = _bounds(utility)
    if low >= -LARGEST and high <= LARGEST:  # false where one is no number
        return low, high
    if not ((np.abs(utility) <= LARGEST) | (utility == -np.inf)).all():
        raise TermsError(f"a utility is not a number up to {LARGEST:g}", code="bad_utility")
    return low, high


def _bounds(utility: Floats) -> tuple[float, float]:
    flat = utility.reshape(-1)  # reduced by the functions themselves: their methods take twice as long
    return float(np.minimum.reduce(flat)), float(np.maximum.reduce(flat))


class Order:
    """Outcomes by falling utility; the last axis is the one that is ordered.

    Attributes:
        ranked: rank -> outcome, best first, equals by outcome number.
        falling: minus the utility at that rank: ascending, for bisection.
    """

    def __init__(self, ranked: Integers, falling: Floats, rank_of: Integers | None = None) -> None:
        self.ranked, self.falling = ranked, falling
        if rank_of is not None:
            self.rank_of = rank_of

    @cached_property
    def rank_of(self) -> Integers:  # two plans never ask
        """Outcome -> how many outcomes are strictly better: equals share a rank."""
        ranked, falling = self.ranked, self.falling
        first = np.zeros(ranked.shape, np.int64)
        np.multiply(falling[..., 1:] != falling[..., :-1], np.arange(1, ranked.shape[-1]), out=first[..., 1:])
        np.maximum.accumulate(first, axis=-1, out=first)
        found = np.empty_like(ranked)
        if ranked.ndim == 1:  # plain indexing is three times faster than along an axis
            found[ranked] = first
        else:
            np.put_along_axis(found, ranked, first, -1)
        return found


def order(utility: Floats, bounds: tuple[float, float] | None = None) -> tuple[Floats, Order]:
    """Utilities to 12 decimals, and the order that these give, along the last axis.

    Args:
        utility: shape (..., outcomes).
        bounds: the least and the largest of all, where they are known.
    """
    low, high = bounds or _bounds(utility)
    size = utility.shape[-1]
    bits = (size - 1).bit_length()
    limit = _limit(size)
    if low <= -limit or high >= limit:
        rounded = np.round(utility, DECIMALS)
        ranked = np.argsort(-rounded, axis=-1, kind="stable").astype(np.int64)
        return rounded, Order(ranked, -np.take_along_axis(rounded, ranked, -1))
    # utility and number in one integer: those sort several times faster than indices
    scaled = utility * -UNITS
    np.rint(scaled, out=scaled)
    keys = scaled.astype(np.int64)
    keys <<= bits
    keys |= np.arange(size)
    keys.sort(axis=-1)
    ranked = keys & (1 << bits) - 1
    keys >>= bits
    scaled /= -UNITS
    return scaled, Order(ranked, keys / UNITS)


def _limit(size: int) -> int:
    """Utilities smaller than this, and the numbers of so many outcomes, fit one integer."""
    return min(DISTINCT, FITTING >> (size - 1).bit_length())


class Ranking:
    """A party's utilities over a domain and the order they give.

    Args:
        domain: what is bargained over.
        utility: shape (outcomes,), at most 1e9 in size. Utilities equal to 12 decimals are equal.
    """

    def __init__(self, domain: Domain, utility: Floats) -> None:
        self._fill(domain, *_ordered(domain, utility))

    @classmethod
    def both(cls, domain: Domain, utilities: Floats) -> tuple[Ranking, Ranking]:
        """The rankings of two parties, made in one go: of utilities of shape (2, outcomes)."""
        given, rounded, found = _ordered(domain, utilities)
        one, two = cls.__new__(cls), cls.__new__(cls)
        one._fill(domain, given[0], rounded[0], Order(found.ranked[0], found.falling[0]))
        two._fill(domain, given[1], rounded[1], Order(found.ranked[1], found.falling[1]))
        return one, two

    def _fill(self, domain: Domain, given: Floats, rounded: Floats, found: Order) -> None:
        self.domain, self.given, self.rounded, self.order = domain, given, rounded, found
        self.plans: dict[Any, Integers] = {}  # see plan.py

    # as lists, made when first asked for: the scalar path indexes them one by one, and indexing an array is three times
    # slower; batches never need them

    @cached_property
    def utility(self) -> list[float]:
        """Outcome -> utility, to 12 decimals."""
        return cast("list[float]", self.rounded.tolist())

    @cached_property
    def ranked(self) -> list[int]:
        """Rank -> outcome."""
        return cast("list[int]", self.order.ranked.tolist())

    @cached_property
    def falling(self) -> list[float]:
        """Rank -> minus its utility."""
        return cast("list[float]", self.order.falling.tolist())

    @cached_property
    def rank_of(self) -> list[int]:
        """Outcome -> rank."""
        return cast("list[int]", self.order.rank_of.tolist())


def _ordered(domain: Domain, utility: Floats) -> tuple[Floats, Floats, Order]:
    """Utilities as they count in the domain, and their `order`."""
    reach = math.sqrt(np.vdot(utility, utility))  # none is larger; four times as quick as the least and the largest
    low, high = (-reach, reach) if reach < _limit(domain.size) else check_range(utility)
    if domain.excluded:
        utility, low = possible(domain, utility), -np.inf
    return utility, *order(utility, (low, high))


@lru_cache(16)
def allowed(domain: Domain) -> NDArray[np.bool_]:
    """By outcome number, whether the domain does not rule it out."""
    free = exclusion.allowed(domain.excluded, domain.sizes)
    free.flags.writeable = False
    return free


def possible(domain: Domain, utilities: Floats) -> Floats:
    """Utilities along the last axis, minus infinity where the domain rules the outcome out."""
    return np.where(allowed(domain), utilities, -np.inf)


@lru_cache(16)
def values_of(domain: Domain) -> Integers:
    """Row o: the places of outcome o's values, numbered across all issues (those of the first issue come first)."""
    places = np.indices(domain.sizes).reshape(len(domain.sizes), -1).T
    values = np.ascontiguousarray(places + np.cumsum((0, *domain.sizes[:-1])), np.int64)
    values.flags.writeable = False
    return values


@lru_cache(64)
def _linear(domain: Domain, party: Party) -> Ranking:
    return Ranking(domain, linear(domain, party))


def ranking(domain: Domain, party: Party, utility: Utility | None = None) -> Ranking:
    """The ranking of a party: by its own utility, or linear in the price."""
    if isinstance(utility, Ranking):
        if utility.domain != domain:
            raise TermsError("a ranking of another domain", hint="rank over the domain at hand", code="bad_utility")
        return utility
    return _linear(domain, party) if utility is None else Ranking(domain, tabulate(domain, utility))


def rankings(domain: Domain, first: Utility | None = None, second: Utility | None = None) -> tuple[Ranking, Ranking]:
    """Of the buyer and the seller, each as `ranking` gives it."""
    if first is None or second is None or isinstance(first, Ranking) or isinstance(second, Ranking):
        return ranking(domain, "buyer", first), ranking(domain, "seller", second)
    rows = np.empty((2, domain.size))
    rows[0], rows[1] = _table(domain, first), _table(domain, second)
    return Ranking.both(domain, rows)
