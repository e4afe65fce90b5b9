"""The batch's loops in numpy, for where numba is not installed. `kernels` has the same functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from coase.negotiation.batch_table import AGREED, WALKED, Plan, Table
from coase.negotiation.utility import SLACK


def plan_turn(table: Table, left: int, k: int, p: Plan, last: Any) -> int:
    """A plan's turn in every running session."""
    i = table.alive[:left]
    share = p.share[i if len(p.share) > 1 else np.zeros_like(i), k - 1]
    wanted = -(p.reservation[i] + p.span[i] * share - SLACK)
    if len(p.falling) == 1:
        found = p.falling[0].searchsorted(wanted, "right")
    else:
        found = (p.falling[i] <= wanted[:, None]).sum(1)
    ranks = np.maximum(np.minimum(found, p.count[i]) - 1, np.minimum(0, p.count[i] - 1))
    return _settle(table, left, k, p.ranked, p.rank_of, ranks, ranks)


def column_turn(table: Table, left: int, k: int, ranked: Any, rank_of: Any, floors: Any, ranks: Any) -> int:
    """The turn of a skill that has computed its ranks for all sessions at once."""
    i = table.alive[:left]
    return _settle(table, left, k, ranked, rank_of, floors[i], ranks[i])


def expire(table: Table, left: int, k: int) -> int:
    """Drops the sessions whose deadline was the step before."""
    i = table.alive[:left]
    return _keep(table, i[table.deadline[i] >= k])


def _settle(table: Table, left: int, k: int, ranked: Any, rank_of: Any, floors: Any, ranks: Any) -> int:
    i = table.alive[:left].copy()
    row = i if len(ranked) > 1 else np.zeros_like(i)
    offers = table.offers[i]
    taken = (offers >= 0) & (rank_of[row, offers] <= floors)
    left_table = ~taken & (ranks < 0)
    on = ~taken & ~left_table
    table.agreement[i[taken]], table.end[i[taken]], table.step[i[taken]] = offers[taken], AGREED, k
    table.end[i[left_table]], table.step[i[left_table]] = WALKED, k
    table.offers[i[on]] = ranked[row[on], ranks[on]]
    return _keep(table, i[on])


def _keep(table: Table, running: Any) -> int:
    table.alive[: len(running)] = running
    return len(running)
