"""How good an agreement is: the Pareto frontier, the bargaining solutions among the outcomes, and distances to them.

All of it takes O(n log n) for n outcomes. Only outcomes worth the reservation to both count for the solutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from coase.errors import TermsError
from coase.negotiation.utility import SLACK, Floats, Integers

Pair = tuple[float, float]


class Point(NamedTuple):
    """An outcome and what it is worth.

    Attributes:
        outcome: its number.
        utilities: to the buyer and the seller.
    """

    outcome: int
    utilities: Pair


@dataclass(frozen=True, slots=True)
class Metrics:
    """An agreement beside what was possible.

    Attributes:
        frontier: numbers of the Pareto-optimal outcomes, by falling utility of the buyer.
        nash: the largest product of gains over the reservations (Nash 1950). This and the next three are None when no
            outcome is worth the reservation to both.
        kalai: the largest smaller gain (egalitarian; Kalai 1977).
        kalai_smorodinsky: the largest smaller share of the largest possible gain (Kalai and Smorodinsky 1975).
        welfare: the largest sum of utilities.
        utilities: of the agreement, or of no deal.
        distances: Euclidean, from `utilities` to ``pareto`` (the nearest outcome of the frontier), ``nash``, ``kalai``,
            ``kalai_smorodinsky`` and ``welfare``.
        optimality: 1 at the point, 0 at the outcome farthest from it; for ``pareto``, 0 at the corner of both parties'
            worst utilities.
    """

    frontier: Integers = field(compare=False, repr=False)
    nash: Point | None
    kalai: Point | None
    kalai_smorodinsky: Point | None
    welfare: Point | None
    utilities: Pair
    distances: Mapping[str, float]
    optimality: Mapping[str, float]

    @property
    def fairness(self) -> float:
        """The best of the optimalities of Nash, Kalai and Kalai-Smorodinsky, as NegMAS counts it; 0 without any."""
        return max((self.optimality[name] for name in FAIR if name in self.optimality), default=0.0)


FAIR = ("nash", "kalai", "kalai_smorodinsky")


def pareto(first: Floats, second: Floats) -> Integers:
    """Numbers of the outcomes that none beats for one party without loss to the other, by falling `first`."""
    ranked = np.lexsort((-second, -first))
    best = np.maximum.accumulate(np.concatenate(([-np.inf], second[ranked][:-1])))
    return ranked[second[ranked] > best].astype(np.int64)


def measure(first: Floats, second: Floats, utilities: Pair, reservation: Pair = (0.0, 0.0)) -> Metrics:
    """The metrics of an agreement worth `utilities`, where the outcomes are worth `first` and `second`.

    Outcomes worth minus infinity to a party, as those are that a domain rules out, are not possible ones.

    Raises:
        TermsError: the two tables are not of one length, or hold what is no number (`bad_utility`).
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise TermsError("two tables of utilities of one length are needed", code="bad_utility")
    numbers = ((one != -np.inf) & (other != -np.inf)).nonzero()[0]
    one, other = one[numbers], other[numbers]
    if not numbers.size or not np.isfinite(one + other).all():
        raise TermsError("utilities are needed, which are numbers", code="bad_utility")
    frontier = pareto(one, other)
    points = _points(one, other, frontier, reservation, numbers)
    at = np.array(utilities)
    near = float(np.hypot(one[frontier] - at[0], other[frontier] - at[1]).min())
    corner = min(one.min(), reservation[0]), min(other.min(), reservation[1])
    far = float(np.hypot(one[frontier] - corner[0], other[frontier] - corner[1]).min())
    distances, optimality = {"pareto": near}, {"pareto": _share(near, far)}
    for name, point in points.items():
        if point is not None:
            x, y = point.utilities
            distances[name] = float(np.hypot(x - at[0], y - at[1]))
            optimality[name] = _share(distances[name], float(np.hypot(one - x, other - y).max()))
    return Metrics(
        frontier=numbers[frontier],
        utilities=(float(at[0]), float(at[1])),
        distances=MappingProxyType(distances),
        optimality=MappingProxyType(optimality),
        **points,
    )


def _points(
    first: Floats, second: Floats, frontier: Integers, reservation: Pair, numbers: Integers
) -> dict[str, Point | None]:
    gains = first[frontier] - reservation[0], second[frontier] - reservation[1]
    good = (gains[0] >= -SLACK) & (gains[1] >= -SLACK)
    if not good.any():
        return dict.fromkeys(("nash", "kalai", "kalai_smorodinsky", "welfare"))
    among = frontier[good]
    one, other = np.maximum(gains[0][good], 0.0), np.maximum(gains[1][good], 0.0)
    largest = one.max() or 1.0, other.max() or 1.0

    def best(*keys: Floats) -> Point:
        """The largest by the first key, equals by the next, then by the lower number."""
        place = among[np.lexsort((among, *(-np.round(key, 12) for key in reversed(keys))))[0]]
        return Point(int(numbers[place]), (float(first[place]), float(second[place])))

    return {
        "nash": best(one * other, one + other),
        "kalai": best(np.minimum(one, other), one + other),
        "kalai_smorodinsky": best(np.minimum(one / largest[0], other / largest[1]), one + other),
        "welfare": best(one + other, one * other),
    }


def _share(distance: float, largest: float) -> float:
    return max(0.0, 1.0 - distance / largest) if largest > 0 else float(distance == 0)
