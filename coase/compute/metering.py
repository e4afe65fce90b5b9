"""What a job used, and what that costs: a metering vector and linear prices over it (after Golem's usage vectors).

Prices are over deterministic counters only. Measured seconds and bytes of memory appear in receipts, never in a price
that both parties must compute alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from coase.errors import JobRefused
from coase.money import check

COUNTERS = ("train_steps", "rows_in", "rows_out", "bytes_out")


@dataclass(frozen=True)
class Metering:
    """One job's use.

    Args:
        train_steps, rows_in, rows_out, bytes_out: deterministic counters.
        wall_seconds, cpu_seconds: measured.
        peak_bytes: most resident memory, measured.
    """

    train_steps: int = 0
    rows_in: int = 0
    rows_out: int = 0
    bytes_out: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def counters(self) -> dict[str, int]:
        """The part that a price may depend on."""
        return {name: value for name, value in asdict(self).items() if name in COUNTERS}


def linear_price(coefficients: Mapping[str, int], counters: Mapping[str, int], *, fixed: int = 0) -> int:
    """fixed + sum of coefficient x counter, in base units.

    Args:
        coefficients: base units for each unit of a counter.
        counters: see `Metering.counters`.
        fixed: base units a job.

    Raises:
        JobRefused: a coefficient for something that is not counted.
    """
    unknown = set(coefficients) - set(COUNTERS)
    if unknown:
        raise JobRefused(f"nothing counts {', '.join(sorted(unknown))}", code="unknown_counter")
    return check(fixed + sum(check(price) * counters.get(name, 0) for name, price in coefficients.items()))
