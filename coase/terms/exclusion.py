"""Combinations of values that a domain rules out: what no outcome may have together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST = 64  # in a domain


class Exclusion(NamedTuple):
    """Values that do not go together; an outcome that has one of them for each of the issues is none.

    Attributes:
        values: by issue, as they were given and in the order of the domain's issues.
        places: for each issue of the domain the places of the values, or None where any value will do.
    """

    values: Mapping[str, Sequence[Any]]
    places: tuple[frozenset[int] | None, ...]

    def covers(self, at: Sequence[int]) -> bool:
        """Whether it rules out the outcome with these places, one an issue."""
        return all(some is None or place in some for some, place in zip(self.places, at, strict=True))


def allowed(exclusions: Sequence[Exclusion], sizes: Sequence[int]) -> NDArray[np.bool_]:
    """By outcome number, whether no exclusion covers it."""
    free = np.ones(tuple(sizes), np.bool_)
    for one in exclusions:
        every = (range(size) if some is None else sorted(some) for some, size in zip(one.places, sizes, strict=True))
        free[np.ix_(*every)] = False
    return free.reshape(-1)
