"""Where theory says that two rational bargainers end, on a continuous frontier of utilities.

Nash (1950) maximises the product of the gains over no deal; Kalai and Smorodinsky (1975) keep the gains in the
proportion of the largest possible ones; Kalai's egalitarian solution (1977) makes them equal, as far as the frontier
goes; the utilitarian one maximises their sum. Rubinstein (1982) says what patience is worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from coase.errors import UsageError

GRID = 500  # intervals that are searched before one is refined
GOLDEN = (math.sqrt(5) - 1) / 2
REFINED = 60  # golden sections: far below the precision of floats


class Solutions(NamedTuple):
    """The x at which each solution lies, and the utilities there are `first(x)` and `second(x)`.

    Attributes:
        nash: the largest product of gains.
        kalai: equal gains (egalitarian): the largest smaller gain.
        kalai_smorodinsky: gains in the proportion of the largest possible ones.
        welfare: the largest sum (utilitarian).
    """

    nash: float
    kalai: float
    kalai_smorodinsky: float
    welfare: float


def solutions(
    first: Callable[[float], float],
    second: Callable[[float], float],
    *,
    low: float = 0.0,
    high: float = 1.0,
    disagreement: tuple[float, float] = (0.0, 0.0),
) -> Solutions:
    """The solutions of a bargain over one number x, to about 1e-8.

    Args:
        first: utility of the first party at x; continuous, and concave or monotone, as is the second's.
        second: utility of the second party at x.
        low: the least x.
        high: the largest x.
        disagreement: utilities of no deal.

    Raises:
        UsageError: no x gives both more than no deal (`no_gain`), or the bounds are not bounds.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"x from {low} to {high}", hint="two finite bounds, the lower first", code="bad_bounds")

    def best(score: Callable[[float, float], float]) -> float:
        """The x of the highest score of gains; where a party loses, the smaller its loss the better."""

        def value(x: float) -> tuple[bool, float]:
            one, other = first(x) - disagreement[0], second(x) - disagreement[1]
            least = min(one, other)
            return (least >= 0, score(one, other) if least >= 0 else least)

        return _argmax(value, low, high)

    most = (
        first(best(lambda one, _: one)) - disagreement[0],
        second(best(lambda _, other: other)) - disagreement[1],
    )
    if min(most) <= 0:
        raise UsageError(
            "no x gives both parties more than no deal", hint="lower the utilities of no deal", code="no_gain"
        )
    return Solutions(
        nash=best(lambda one, other: one * other),
        kalai=best(min),
        kalai_smorodinsky=best(lambda one, other: min(one / most[0], other / most[1])),
        welfare=best(lambda one, other: one + other),
    )


def rubinstein(first: float, second: float) -> tuple[float, float]:
    """The shares of a pie in the subgame-perfect equilibrium of alternating offers without end (Rubinstein 1982).

    The party that moves first gets (1 - second) / (1 - first second).

    Args:
        first: discount factor of the party that moves first, 0 to 1: what a share is worth a round later.
        second: of the other. At most one of them is 1.
    """
    if not (0 <= first <= 1 and 0 <= second <= 1 and first * second < 1):
        raise UsageError(
            f"discount factors {first} and {second}", hint="from 0 to 1, and not both 1", code="bad_discount"
        )
    share = (1 - second) / (1 - first * second)
    return share, 1 - share


def _argmax(value: Callable[[float], tuple[bool, float]], low: float, high: float) -> float:
    """The x of the largest value: the best of a grid, refined by golden section between its neighbours."""
    width = (high - low) / GRID
    best = max(range(GRID + 1), key=lambda i: value(low + i * width))
    at = low + best * width
    left, right = max(low, at - width), min(high, at + width)
    for _ in range(REFINED):
        inner = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
        if value(inner[0]) >= value(inner[1]):
            right = inner[1]
        else:
            left = inner[0]
    return max((left, (left + right) / 2, right, at), key=value)
