"""What units are worth to traders, and cost them: listed, or drawn anew in each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from coase.errors import UsageError
from coase.market.session import Ints
from coase.negotiation.draws import MASK, SLOTS, party_key
from coase.negotiation.draws_arrays import mix_many

MOST_PRICE = 2**40


class Uniform(NamedTuple):
    """Limits drawn anew in each run, all whole numbers from `low` to `high` equally likely."""

    low: int
    high: int


Schedule = Sequence[int] | Uniform


def own(schedule: Any) -> Schedule:
    """A schedule that nobody else holds."""
    return schedule if isinstance(schedule, Uniform) else tuple(int(v) for v in schedule)


def check_schedule(what: str, schedule: Any, wanted: int) -> None:
    """Refuse what is no schedule for so many traders."""
    values = list(schedule) if isinstance(schedule, (Sequence, np.ndarray)) and not isinstance(schedule, str) else None
    if values is None or not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values):
        raise UsageError(
            f"{what} is {str(schedule)[:60]!r}",
            hint="a list of whole numbers, one a trader, or coase.Uniform(low, high)",
            code="bad_schedule",
        )
    if any(not 0 <= v <= MOST_PRICE for v in values):
        raise UsageError(f"{what} has limits outside 0 to {MOST_PRICE}", hint="prices are ticks", code="bad_schedule")
    if isinstance(schedule, Uniform):
        if schedule.low > schedule.high:
            raise UsageError(
                f"{what} is drawn from {schedule.low} to {schedule.high}", hint="low, high", code="bad_schedule"
            )
    elif len(values) != wanted:
        raise UsageError(
            f"{what} has {len(values)} limits for {wanted} traders",
            hint="one limit for each; where traders alternate sides, half of them buy",
            code="bad_schedule",
        )


def check_cross(demand: Schedule, supply: Schedule) -> None:
    """Refuse schedules of which no trade can come."""
    if max(demand) < min(supply):
        raise UsageError(
            f"the highest demand, {max(demand)}, is below the lowest supply, {min(supply)}: nobody can gain by a trade",
            hint="demand is what buyers would pay, supply what sellers must get",
            code="no_gains",
        )


def dealt(schedule: Schedule, key: int, day: int, count: int, at_random: bool) -> Ints:
    """Limits of so many traders on a day; listed ones in their order, or at random."""
    draws = unit(key, day, count)
    if isinstance(schedule, Uniform):
        drawn: Ints = schedule.low + (draws * (schedule.high - schedule.low + 1)).astype(np.int64)
        return drawn
    listed = np.array(schedule, np.int64)
    return listed[np.argsort(draws, kind="stable")] if at_random else listed


def unit(key: int, step: int, count: int) -> Any:
    """So many numbers in [0, 1), the draws of one step."""
    start = np.uint64((mix_key(key, step)) & MASK)
    with np.errstate(over="ignore"):
        return (mix_many(start + np.arange(count, dtype=np.uint64)) >> np.uint64(11)) * 2.0**-53


def mix_key(key: int, step: int) -> int:
    """A key for one step, so that steps with many draws do not overlap."""
    return party_key((key + step * SLOTS) & MASK, step)
