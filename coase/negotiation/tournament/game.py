"""Empirical game analysis: what a population would choose if skills that earn more spread.

The tournament's mean payoffs are a symmetric game between skills. The replicator dynamics (Taylor and Jonker 1978)
let the share x_i of skill i grow at the rate (A x)_i - x'A x; where they rest nobody gains by copying another. Regret
is what the best single skill would gain there: at a Nash equilibrium of the empirical game it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coase.negotiation.utility import Floats

STEPS, SIZE = 4000, 0.5  # of the integration, in time units of 1 / payoff spread
KEPT = 200  # points of the path, closer together at its beginning


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A run of the replicator dynamics.

    Attributes:
        times: shape (points,), in units of the inverse payoff spread.
        shares: shape (points, skills); each row sums to 1.
        regret: of the last mixture: the best skill's payoff against it, minus its own.
    """

    times: Floats
    shares: Floats
    regret: float

    @property
    def final(self) -> Floats:
        """The last mixture."""
        last: Floats = self.shares[-1]
        return last


def replicate(payoff: Floats, start: Floats | None = None, *, steps: int = STEPS) -> Dynamics:
    """Follow the replicator dynamics from a mixture (by default all skills alike), by exponential steps.

    Args:
        payoff: [i, j] what i earns against j.
        start: shares that sum to 1.
        steps: of size 1/2 each, payoffs scaled to a spread of 1.
    """
    spread = float(np.ptp(payoff)) or 1.0
    scaled = payoff / spread
    shares = np.full(len(payoff), 1 / len(payoff)) if start is None else np.asarray(start, np.float64) / np.sum(start)
    wanted = {round(step) for step in np.geomspace(1, steps, KEPT)}
    times, kept = [0.0], [shares]
    for step in range(1, steps + 1):
        grown = shares * np.exp(SIZE * (scaled @ shares - shares @ scaled @ shares))
        shares = grown / grown.sum()
        if step in wanted:
            times.append(step * SIZE)
            kept.append(shares)
    gain = payoff @ shares
    return Dynamics(np.array(times), np.array(kept), float(gain.max() - shares @ gain))
