# mypy: disable-error-code="untyped-decorator,no-untyped-call,call-arg,attr-defined,arg-type,var-annotated,misc"
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (numba's decorators and intrinsics have no types)
"""The loops that numba compiles: plans against plans, and the referee of everything else. The extra `fast`.

`batch_arrays` has the same functions in numpy, for where numba is not installed.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from coase.negotiation.batch_table import AGREED, DEADLINE, WALKED, Plan, Table
from coase.negotiation.utility import SLACK

BLOCK = 8


@nb.njit(inline="always")
def bisect_right(falling: Any, wanted: float, low: int, high: int) -> int:
    """`bisect.bisect_right` on part of an array."""
    while low < high:
        middle = (low + high) >> 1
        if wanted < falling[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@nb.njit(inline="always")
def move(falling: Any, wanted: float, rank: int, count: int) -> int:
    """The rank asked for, from the one of the step before: a few places down, else by halves."""
    if falling[rank] <= wanted:
        low, high = rank + 1, count
        for _ in range(4):
            if low >= high or falling[low] > wanted:
                return low - 1
            low += 1
    else:
        low, high = 0, rank
    return max(bisect_right(falling, wanted, low, high) - 1, 0)


@nb.njit(inline="always")
def wanted_for(share: float, reservation: float, span: float) -> float:
    """Minus the utility that a share asks for, less the slack."""
    return -(reservation + span * share - SLACK)


@nb.njit(cache=True, nogil=True)
def meet(
    rows: Any, first: int, until: int, deadline: Any, a: Plan, b: Plan, agreement: Any, step: Any, end: Any
) -> None:
    """Two plans, session by session: the sessions `rows`, which have played `first` steps, up to step `until`. One that
    runs on is left as if that were its deadline.

    While what both may hope for by the end of a block of steps is worse than what they ask for there, nothing can
    happen in the block, and it is skipped. `hope` is empty where tables are the sessions' own, and all steps are gone
    through.
    """
    own_a, own_b, rows_a, rows_b = len(a.share) > 1, len(b.share) > 1, len(a.ranked) > 1, len(b.ranked) > 1
    base_a, base_b = a.base, b.base
    for row in range(rows.size):
        i = rows[row]
        sa, sb = a.share[row if own_a else 0], b.share[row if own_b else 0]
        pa, pb = i if rows_a else 0, i if rows_b else 0
        fa, ra, va, la, da, ca = a.falling[pa], a.ranked[pa], a.rank_of[pa], a.reservation[i], a.span[i], a.count[i]
        fb, rb, vb, lb, db, cb = b.falling[pb], b.ranked[pb], b.rank_of[pb], b.reservation[i], b.span[i], b.count[i]
        offer, x, y, k, last = -1, 0, 0, first, min(until, deadline[i])
        deal, when, how = -1, last, DEADLINE
        if ca == 0 or cb == 0:
            agreement[i], step[i], end[i] = -1, 1, WALKED
            continue
        if a.hope.size:
            low_a = sa[k - 1 - base_a] if k else np.inf
            low_b = sb[k - 1 - base_b] if k else np.inf
            while k + BLOCK <= last:
                if own_a:
                    for j in range(k, k + BLOCK):
                        low_a = min(low_a, sa[j - base_a])
                else:
                    low_a = a.low[k + BLOCK - 1 - base_a]
                if own_b:
                    for j in range(k, k + BLOCK):
                        low_b = min(low_b, sb[j - base_b])
                else:
                    low_b = b.low[k + BLOCK - 1 - base_b]
                ahead_x = move(fa, wanted_for(low_a, la, da), x, ca)
                ahead_y = move(fb, wanted_for(low_b, lb, db), y, cb)
                if a.hope[ahead_y] <= ahead_x or b.hope[ahead_x] <= ahead_y:
                    break
                x, y, k = ahead_x, ahead_y, k + BLOCK
        if k:
            y = move(fb, wanted_for(sb[k - 1 - base_b], lb, db), y, cb)
            offer = rb[y]
        for j in range(k, last):
            x = move(fa, wanted_for(sa[j - base_a], la, da), x, ca)
            if offer >= 0 and va[offer] <= x:
                deal, when, how = offer, j + 1, AGREED
                break
            offer = ra[x]
            y = move(fb, wanted_for(sb[j - base_b], lb, db), y, cb)
            if vb[offer] <= y:
                deal, when, how = offer, j + 1, AGREED
                break
            offer = rb[y]
        agreement[i], step[i], end[i] = deal, when, how


@intrinsic
def unowned(typing: Any, array: Any) -> Any:
    """The same array, whose references numba does not count: counting cost more than the work."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = make_array(array)(context, builder, args[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), code


@nb.njit(inline="always")
def plain(t: Table) -> Table:
    """The table without reference counts."""
    return Table(
        unowned(t.alive), unowned(t.deadline), unowned(t.offers), unowned(t.agreement), unowned(t.step), unowned(t.end)
    )


@nb.njit(inline="always")
def settle(table: Table, i: int, k: int, ranked: Any, rank_of: Any, floor: int, rank: int) -> int:
    """One party's move in one session; returns whether it runs on."""
    offer = table.offers[i]
    if offer >= 0 and rank_of[offer] <= floor:
        table.agreement[i], table.step[i], table.end[i] = offer, k, AGREED
    elif rank < 0:
        table.step[i], table.end[i] = k, WALKED
    else:
        table.offers[i] = ranked[rank]
        return 1
    return 0


@nb.njit(cache=True, nogil=True)
def plan_turn(table: Table, left: int, k: int, p: Plan, last: Any) -> int:
    """A plan's turn in every running session, where the other side is no plan. Returns how many run on."""
    own, rows, kept, table = len(p.share) > 1, len(p.falling) > 1, 0, plain(table)
    falling, ranked, rank_of = unowned(p.falling), unowned(p.ranked), unowned(p.rank_of)
    share, reservation, span, count = unowned(p.share), unowned(p.reservation), unowned(p.span), unowned(p.count)
    for at in range(left):
        i = table.alive[at]
        row = i if rows else 0
        rank = -1
        if count[i] > 0:
            want = wanted_for(share[i if own else 0, k - 1], reservation[i], span[i])
            rank = last[i] = move(falling[row], want, last[i], count[i])
        table.alive[kept] = i
        kept += settle(table, i, k, ranked[row], rank_of[row], rank, rank)
    return kept


@nb.njit(cache=True, nogil=True)
def column_turn(table: Table, left: int, k: int, ranked: Any, rank_of: Any, floors: Any, ranks: Any) -> int:
    """The turn of a skill that has computed its ranks for all sessions at once."""
    rows, kept, table = len(ranked) > 1, 0, plain(table)
    ranked, rank_of = unowned(ranked), unowned(rank_of)
    for at in range(left):
        i = table.alive[at]
        row = i if rows else 0
        table.alive[kept] = i
        kept += settle(table, i, k, ranked[row], rank_of[row], floors[i], ranks[i])
    return kept


@nb.njit(cache=True, nogil=True)
def expire(table: Table, left: int, k: int) -> int:
    """Drops the sessions whose deadline was the step before."""
    kept = 0
    for at in range(left):
        i = table.alive[at]
        table.alive[kept] = i
        kept += table.deadline[i] >= k
    return kept
