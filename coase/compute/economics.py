"""When cheating does not pay: the break-even audit rate."""

from __future__ import annotations

import math


def break_even_audit_rate(
    *, gain: float, slash: float, price: float, detection: float = 0.95, false_positives: float = 0.0
) -> float:
    """The least audit probability p at which cheating is unprofitable: p > g / ((d - a)(S + P)).

    A cheat saves `gain`; when audited (p) and detected (d) it loses its stake S and the price P, and an honest worker
    is accused with probability a. Units of gain, slash and price are the same and cancel out.

    Args:
        gain: g, the cost that cheating saves.
        slash: S, the stake that is lost.
        price: P, the payment that is lost.
        detection: d, the probability that an audit finds a cheat.
        false_positives: a, the probability that an audit accuses an honest worker.

    Returns:
        A probability, or infinity where no audit rate deters.
    """
    power = (detection - false_positives) * (slash + price)
    rate = gain / power if power > 0 else math.inf
    return rate if rate <= 1 else math.inf
