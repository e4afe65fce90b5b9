"""One party's half of a batch: three ways to the ranks that it accepts and proposes. One by one is `negotiate`."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from coase.negotiation.batch_columns import Columns
from coase.negotiation.batch_table import Plan, Table
from coase.negotiation.draws_arrays import uniforms
from coase.negotiation.plan import curves, with_arrays
from coase.negotiation.skill_array import SkillArray
from coase.negotiation.utility import Floats, Integers

NO_HOPE = np.empty(0, np.int64)
# Mapped and freed once, a block of this size (24 MB, never written to) has glibc keep up to twice as much of what is
# freed: the temporaries of curves then do not come from fresh pages each time, which took a third of a batch.
KEPT = 3 * 2**20


class Side(Protocol):
    """Moves for one party."""

    def turn(self, loops: Any, table: Table, left: int, k: int) -> int:
        """Move in step k in the first `left` sessions of ``table.alive``; returns how many run on."""
        ...


_kept = threading.local()


def _room(party: int, rows: int, steps: int) -> Floats:
    """An array to write curves to, the same memory for each chunk of a thread: fresh pages are dear."""
    known: dict[int, Floats] = _kept.__dict__.setdefault("rooms", {})
    if party not in known or known[party].size < rows * steps:
        np.empty(KEPT)
        known[party] = np.empty(rows * steps)
    return known[party][: rows * steps].reshape(rows, steps)


class Curves:
    """The curves of a plan for a chunk; one curve where all sessions have the same parameters and deadline.

    Args:
        skills: whose.
        c: the chunk.
        hope: as `Plan.hope`.
    """

    def __init__(self, skills: SkillArray, c: Columns, hope: Integers = NO_HOPE) -> None:
        self.skills, self.c, self.hope = skills, c, hope
        deadline = c.deadline
        self.last = int(deadline.max())
        self.deadlines = deadline[:, None] if deadline.min() < self.last else None
        self.own = bool(skills.columns) or self.deadlines is not None
        if not self.own:
            self.shared = self._of(np.zeros(1, np.int64), 0, self.last)

    def plan(self, rows: Integers, first: int, last: int) -> Plan:
        """What these sessions ask for in the steps after `first`, up to `last`, and in the one before those."""
        if not self.own:
            return self.shared
        return self._of(rows, max(0, first - 1), last)

    def _of(self, rows: Integers, base: int, last: int) -> Plan:
        c, deadlines = self.c, self.c.deadline[:1, None] if self.deadlines is None else self.deadlines[rows]
        t = np.arange(base + 1, last + 1)[None, :] / (deadlines + 1)
        varied = {path: column[rows] for path, column in self.skills.columns.items()}
        share = curves(self.skills.first, t, varied, len(rows), _room(c.party, len(rows), last - base))
        low = np.minimum.accumulate(share[0])
        return Plan(share, base, low, c.reservation, c.span, c.count, c.ranked, c.falling, c.rank_of, self.hope)


class PlanSide:
    """A plan against a skill that reacts."""

    def __init__(self, skills: SkillArray, c: Columns) -> None:
        known = Curves(skills, c)
        self.plan, self.last = known.plan(np.arange(c.n), 0, known.last), np.zeros(c.n, np.int64)

    def turn(self, loops: Any, table: Table, left: int, k: int) -> int:
        """Move in step k."""
        return int(loops.plan_turn(table, left, k, self.plan, self.last))


class CompiledSide:
    """The author's functions, compiled by numba.

    Args:
        skills: whose.
        c: the chunk.
        built: what `compiled.build` made.
        table: the chunk's.
    """

    def __init__(self, skills: SkillArray, c: Columns, built: tuple[Any, Any], table: Table) -> None:
        from coase.negotiation.compiled import Shape, leaves

        state = [
            np.zeros((c.n, *np.shape(x)), x.dtype if isinstance(x, np.ndarray) else np.asarray(x).dtype)
            for _, x in leaves(skills.first.start(c.problem(0)))
        ]
        values = Shape(skills.first, skills.columns).values
        params = [np.ascontiguousarray(np.broadcast_to(v, c.n)) for v in values]
        tables = [x[0] if c.shared else x for x in (c.utility, c.ranked, c.falling, c.rank_of)]
        self.fixed = c.key, c.count, c.reservation, c.span, *tables, c.values, *params, *state
        start, self.many = built
        start(table, c.n, 0, *self.fixed)

    def turn(self, loops: Any, table: Table, left: int, k: int) -> int:
        """Move in step k."""
        return int(self.many(table, left, k, *self.fixed))


class ArraySide:
    """The author's `ask` or `bid` takes columns (torch, numpy). It also computes sessions that have ended."""

    def __init__(self, skills: SkillArray, c: Columns) -> None:
        self.columns, self.skill = c, with_arrays(skills.first, skills.columns, (c.n,))
        self.state = self.skill.start(c.problem(0))
        self.row = np.zeros(c.n, np.int64) if c.shared else np.arange(c.n)

    def turn(self, loops: Any, table: Table, left: int, k: int) -> int:
        """Move in step k."""
        c, offers = self.columns, table.offers
        some = offers >= 0
        worth = (c.utility[self.row, offers] - c.reservation) / np.where(c.span == 0, 1.0, c.span)
        now: Any = SimpleNamespace(
            problem=c,
            step=k,
            t=k / (c.deadline + 1),
            offer=offers,
            rank_for=c.rank_for,
            worth=np.where(some, worth, 0.0),
            rank=np.where(some, c.rank_of[self.row, offers], c.utility.shape[1]),
            uniform=lambda slot=0: uniforms(c.key, k, slot),
        )
        self.state, floor, rank = self.skill.bid(self.state, now)
        last = c.count - 1
        return int(
            loops.column_turn(table, left, k, c.ranked, c.rank_of, np.minimum(floor, last), np.minimum(rank, last))
        )
