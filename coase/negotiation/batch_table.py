"""What the batch's loops hand around: the sessions of a chunk, and one party's plan for them."""

from __future__ import annotations

from typing import Any, NamedTuple

AGREED, WALKED, DEADLINE, FAILED = 0, 1, 2, 3
ENDS = ("agreed", "walked", "deadline", "failed")


class Table(NamedTuple):
    """What the referee keeps of every session in a chunk, one number each."""

    alive: Any  # the numbers of the sessions that still run, in its first places
    deadline: Any
    offers: Any  # the outcome on the table, or -1
    agreement: Any
    step: Any
    end: Any


class Plan(NamedTuple):
    """One side's plan. Curves and tables of one row are shared by all sessions."""

    share: Any  # asked for at each step from `base` on, (1 or n, T)
    base: Any  # steps before the first one in `share`
    low: Any  # the lowest share so far, where all sessions share one curve
    reservation: Any
    span: Any
    count: Any
    ranked: Any
    falling: Any
    rank_of: Any
    hope: Any  # hope[r]: the best rank, for me, of anything the other side offers down to its rank r; or empty
