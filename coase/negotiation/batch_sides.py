"""One party's half of a batch: three ways to the ranks that it accepts and proposes. One by one is `negotiate`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from coase.negotiation.batch_columns import Columns
from coase.negotiation.batch_table import Plan, Table
from coase.negotiation.draws_arrays import uniforms
from coase.negotiation.plan import curves, with_arrays
from coase.negotiation.skill_array import SkillArray
from coase.negotiation.utility import Integers

NO_HOPE = np.empty(0, np.int64)


class Side(Protocol):
    """Moves for one party."""

    def turn(self, loops: Any, table: Table, left: int, k: int) -> int:
        """Move in step k in the first `left` sessions of ``table.alive``; returns how many run on."""
        ...


def plan_for(skills: SkillArray, c: Columns, hope: Integers = NO_HOPE) -> Plan:
    """The curves of a plan for a chunk; one curve where all sessions have the same parameters and deadline."""
    deadline = c.deadline
    rows = deadline[:, None] if deadline.min() < deadline.max() else deadline[:1, None]
    t = np.arange(1, int(deadline.max()) + 1)[None, :] / (rows + 1)
    share = curves(skills.first, t, skills.columns, c.n if skills.columns or len(rows) > 1 else 1)
    low = np.minimum.accumulate(share[0]) if len(share) == 1 else share[0]
    return Plan(share, low, c.reservation, c.span, c.count, c.ranked, c.falling, c.rank_of, hope)


class PlanSide:
    """A plan against a skill that reacts."""

    def __init__(self, skills: SkillArray, c: Columns) -> None:
        self.plan, self.last = plan_for(skills, c), np.zeros(c.n, np.int64)

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
