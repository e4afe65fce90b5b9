"""Many negotiations at once: the same skills over columns of sessions, in chunks that fit the cache.

Every session is played. What differs is only how a side's ranks are computed, and the library chooses that for each:

==============  ====================================================================================================
``plan``        the skill overrides only `target`: whole curves in one numpy call
``compiled``    it overrides `ask` or `bid`, and numba compiles its functions as they stand (extra `fast`)
``arrays``      its class says ``arrays = True``: its `ask` or `bid` takes columns of sessions as well as numbers
``one by one``  anything else, and whatever numba refuses: `negotiate` in a loop
==============  ====================================================================================================

For what an author must obey see docs/negotiation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coase.errors import UsageError
from coase.negotiation.batch_columns import Columns, Tables
from coase.negotiation.batch_sides import NO_HOPE, ArraySide, CompiledSide, Curves, PlanSide, Side
from coase.negotiation.batch_table import AGREED, DEADLINE, ENDS, FAILED, WALKED, Table
from coase.negotiation.draws import session_seed
from coase.negotiation.moves import PARTIES
from coase.negotiation.plan import is_plan, is_skill, kinds_of
from coase.negotiation.preferences import check_discount, remaining_each
from coase.negotiation.problem import LONGEST
from coase.negotiation.session import negotiate, pair_of
from coase.negotiation.skill import Negotiator
from coase.negotiation.skill_array import SkillArray
from coase.negotiation.utility import Floats, Integers
from coase.terms.domain import Domain, check_domain

CHUNK = 16_384  # sessions at a time, at most
NUMBERS = 2**21  # numbers in a table of a chunk, at most (one session may need more)
BLOCKS, SHORTEST = 3, 16  # into how many blocks the steps of a curve are cut, of so many steps at least
FEW = 500  # sessions below which loading a compiled skill takes longer than playing them one by one
CHECKED = 4  # sessions of a batch with a compiled or array skill that are played again by `negotiate`

Way = Literal["plan", "compiled", "arrays", "one by one"]
Skills = Negotiator | SkillArray
PerSession = float | Floats | list[float]


@dataclass(frozen=True)
class Batch:
    """How the sessions of a batch ended; arrays of length n.

    Attributes:
        domain: what was bargained over.
        agreed: whether there was a deal.
        outcome: the number of the outcome agreed on; -1 without a deal.
        step: the step in which it was agreed, from 1; -1 without a deal.
        last_step: the step in which the session ended.
        utilities: of the buyer and the seller in `last_step`; without a deal, of the reservations.
        end: 0 agreed, 1 walked, 2 deadline, 3 failed.
        ways: how each side was played: ``"plan"``, ``"compiled"``, ``"arrays"`` or ``"one by one"``.
    """

    domain: Domain
    agreed: NDArray[np.bool_]
    outcome: Integers
    step: Integers
    last_step: Integers
    utilities: tuple[Floats, Floats]
    end: Integers
    ways: tuple[str, str] = field(compare=False)

    @cached_property
    def agreement(self) -> dict[str, NDArray[Any]]:
        """Issue -> the values agreed on. Without a deal: -1 for integers, None for others."""
        at = np.unravel_index(np.where(self.agreed, self.outcome, 0), self.domain.sizes)
        found: dict[str, NDArray[Any]] = {}
        for (name, values), places in zip(self.domain.issues.items(), at, strict=True):
            whole = type(values[0]) is int
            column = np.array(list(values), None if whole else object)[places]
            column[~self.agreed] = -1 if whole else None
            found[name] = column
        return found

    def reasons(self) -> dict[str, int]:
        """How many sessions ended in which way."""
        counts = np.bincount(self.end, minlength=len(ENDS))
        return {name: int(count) for name, count in zip(ENDS, counts, strict=True)}

    def __len__(self) -> int:
        return len(self.outcome)


def negotiate_many(
    buyer: Skills,
    seller: Skills,
    domain: Domain,
    *,
    n: int,
    deadline: int | Integers = 100,
    reservation: tuple[Any, Any] = (0.0, 0.0),
    utilities: tuple[Any, Any] | None = None,
    discount: tuple[Any, Any] = (1.0, 1.0),
    seed: int = 0,
    workers: int = 1,
    way: Way | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Batch:
    """Play n sessions. Session i is ``negotiate`` with the i-th values and ``seed=coase.session_seed(seed, i)``.

    Args:
        buyer: a skill, or a `SkillArray` of n.
        seller: the same.
        domain: what they bargain over.
        n: number of sessions.
        deadline: the last step, for all or an array.
        reservation: the utility of no deal, of the buyer and the seller, each for all or an array.
        utilities: of the buyer and the seller, each as for `negotiate`, or an array of shape (n, outcomes).
        discount: as for `negotiate`, each for all or an array.
        seed: of the skills' random draws.
        workers: threads; the result is the same for any number. Skills that run one by one gain nothing from them.
        way: how to play skills that react; by default the fastest that works. ``"one by one"`` is `negotiate` itself.
        progress: called with how many of how many sessions are done.

    Raises:
        UsageError: an argument is not usable; or (`runtimes_differ`) a skill is not a pure function of what it is
            given, found by playing some sessions again one by one.
        TermsError: it is no domain, or the utilities do not fit it.
    """
    check_domain(domain)
    _check_count(n, "n")
    _check_count(workers, "workers", most=1024)
    sides = [_skills(skill, n) for skill in (buyer, seller)]
    tables = [
        Tables(domain, party, utility, n)
        for party, utility in zip(PARTIES, pair_of(utilities or (None, None), "utilities"), strict=True)
    ]
    limits = [_column(limit, n, "reservation") for limit in pair_of(reservation, "reservation")]
    patience = [_column(factor, n, "discount") for factor in pair_of(discount, "discount")]
    for column in patience:
        check_discount(column.min())
        check_discount(column.max())
    deadlines = _deadlines(deadline, n)
    job = _Job(domain, sides, tables, limits, patience, deadlines, seed, _ended(n), (np.empty(n), np.empty(n)), n)
    ways = _ways(job, way)
    loops = _loops()
    done = 0
    if "one by one" in (ways[0][0], ways[1][0]):
        workers = 1
    rounds = -(-n // (workers * _chunk(job, ways)))
    size = -(-n // (workers * rounds))  # the same work for each worker
    spans = ((low, min(n, low + size)) for low in range(0, n, size))
    played = _spread(lambda span: _play(job, loops, ways, *span), spans, workers)
    for low, high in played:
        done += high - low
        progress(done, n)
    if {"compiled", "arrays"} & {ways[0][0], ways[1][0]}:
        _check(job, range(0, n, max(1, n // CHECKED)))
    return _batch(job, (ways[0][0], ways[1][0]))


class _Ended(NamedTuple):
    outcome: Integers
    step: Integers
    end: Integers

    def part(self, low: int, high: int) -> _Ended:
        return _Ended(*(column[low:high] for column in self))


def _ended(n: int) -> _Ended:
    return _Ended(*(np.empty(n, np.int64) for _ in range(3)))


@dataclass
class _Job:
    domain: Domain
    sides: list[SkillArray]
    tables: list[Tables]
    limits: list[Floats]
    patience: list[Floats]
    deadlines: Integers
    seed: int
    ended: _Ended
    worth: tuple[Floats, Floats]
    n: int

    def columns(self, low: int, high: int) -> list[Columns]:
        return [
            Columns(
                t,
                np.ascontiguousarray(r[low:high]),
                np.ascontiguousarray(self.deadlines[low:high]),
                self.seed,
                low,
                p,
                d[low:high],
            )
            for p, (t, r, d) in enumerate(zip(self.tables, self.limits, self.patience, strict=True))
        ]

    @cached_property
    def hopes(self) -> list[Integers]:
        """For each party, the best rank of anything that the other offers down to its own rank r."""
        if not all(t.shared for t in self.tables):
            return [NO_HOPE, NO_HOPE]
        a, b = (t.ranking.order for t in self.tables)
        return [np.minimum.accumulate(me.rank_of[you.ranked]) for me, you in ((a, b), (b, a))]


_built: dict[Any, Any] = {}


def _ways(job: _Job, wanted: Way | None) -> list[tuple[Way, Any]]:
    return [_way(job, party, wanted) for party in (0, 1)]


def _way(job: _Job, party: int, wanted: Way | None) -> tuple[Way, Any]:
    skill = job.sides[party].first
    kinds = kinds_of(skill)
    stepped = any(getattr(k, x) is not getattr(Negotiator, x) for k in kinds for x in ("begin", "step", "answer"))
    if stepped or wanted == "one by one":
        return "one by one", None
    if is_plan(skill):
        return "plan", None
    if wanted == "arrays" or (wanted is None and all(k.arrays for k in kinds)):  # type: ignore[attr-defined]
        return "arrays", None
    key = kinds, job.tables[party].shared, _types(skill)
    if key not in _built and (wanted == "compiled" or job.n >= FEW):
        try:
            _built[key] = _build(job, party)
        except Exception as refusal:  # noqa: BLE001  # numba's many kinds of no, an author's own among them
            _built[key] = refusal
    built = _built.get(key)
    if isinstance(built, tuple):
        return "compiled", built
    if wanted == "compiled":
        raise UsageError(f"{type(skill).__name__} does not compile: {built}", code="not_compiled") from built
    return "one by one", None


def _types(skill: Negotiator) -> tuple[Any, ...]:
    values = [getattr(skill, name) for name in type(skill).model_fields]
    return tuple(_types(value) if is_skill(value) else type(value) for value in values)


def _build(job: _Job, party: int) -> tuple[Any, Any]:
    from coase.negotiation import compiled

    skills, c = job.sides[party], job.columns(0, 1)[party]
    built = compiled.build(skills.first, skills.first.start(c.problem(0)), c.shared, skills.columns)
    table = _table(c, _ended(1))
    CompiledSide(skills.part(0, 1), c, built, table).turn(None, table, 0, 1)
    return built


def _loops() -> Any:
    try:
        import numba  # noqa: F401
    except ImportError:
        from coase.negotiation import batch_arrays

        return batch_arrays
    from coase.negotiation import kernels

    return kernels


def _chunk(job: _Job, ways: list[tuple[Way, Any]]) -> int:
    """How many sessions at a time keep tables within bounds: utilities or states of all outcomes, and curves."""
    wide = 1
    for skills, tables, (way, _) in zip(job.sides, job.tables, ways, strict=True):
        if not tables.shared or way in ("compiled", "arrays"):
            wide = max(wide, job.domain.size)
        if way == "plan" and (skills.columns or job.deadlines.min() < job.deadlines.max()):
            wide = max(wide, int(job.deadlines.max()))
    return max(1, min(CHUNK, NUMBERS // wide))


def _spread(work: Callable[[Any], None], spans: Iterator[tuple[int, int]], workers: int) -> Iterator[tuple[int, int]]:
    if workers == 1:
        for span in spans:
            work(span)
            yield span
        return
    with ThreadPoolExecutor(workers) as pool:
        todo = list(spans)
        for span, _ in zip(todo, pool.map(work, todo), strict=True):
            yield span


def _play(job: _Job, loops: Any, ways: list[tuple[Way, Any]], low: int, high: int) -> None:
    _play_chunk(job, loops, ways, low, high)
    _value(job, low, high)


def _play_chunk(job: _Job, loops: Any, ways: list[tuple[Way, Any]], low: int, high: int) -> None:
    names = [name for name, _ in ways]
    if "one by one" in names:
        for i in range(low, high):
            _alone(job, i, job.ended, i)
        return
    columns, ended = job.columns(low, high), job.ended.part(low, high)
    sides = [skills.part(low, high) for skills in job.sides]
    if names == ["plan", "plan"] and hasattr(loops, "meet"):
        _meet([Curves(*side) for side in zip(sides, columns, job.hopes, strict=True)], loops, ended)
        return
    try:
        _lockstep(sides, columns, ways, loops, ended)
    except Exception:  # noqa: BLE001  # an author's code raised in some session; alone, only that session ends
        for i in range(low, high):
            _alone(job, i, job.ended, i)


def _meet(sides: list[Curves], loops: Any, ended: _Ended) -> None:
    """Two plans. Curves of the sessions' own are drawn some steps at a time, for the sessions that still run."""
    deadline, last = sides[0].c.deadline, sides[0].last
    block = max(SHORTEST, -(-last // BLOCKS)) if any(side.own for side in sides) else last
    rows, first = np.arange(len(deadline)), 0
    while rows.size:
        until = min(last, first + block)
        loops.meet(rows, first, until, deadline, *(side.plan(rows, first, until) for side in sides), *ended)
        rows = rows[(ended.end[rows] == DEADLINE) & (deadline[rows] > until)]
        first = until


def _table(c: Columns, ended: _Ended) -> Table:
    return Table(np.arange(c.n), c.deadline, np.full(c.n, -1), *ended)


def _lockstep(
    sides: list[SkillArray], columns: list[Columns], ways: list[tuple[Way, Any]], loops: Any, ended: _Ended
) -> None:
    deadline = columns[0].deadline
    table = _table(columns[0], ended)
    ended.outcome[:], ended.step[:], ended.end[:] = -1, deadline, DEADLINE
    players: list[Side] = []
    for skills, c, (name, built) in zip(sides, columns, ways, strict=True):
        if name == "plan":
            players.append(PlanSide(skills, c))
        else:
            players.append(ArraySide(skills, c) if name == "arrays" else CompiledSide(skills, c, built, table))
    left, first = len(deadline), int(deadline.min())
    for k in range(1, int(deadline.max()) + 1):
        if k > first:
            left = loops.expire(table, left, k)
        for player in players:
            left = player.turn(loops, table, left, k)
        if not left:
            return


def _alone(job: _Job, i: int, ended: _Ended, at: int) -> None:
    a, b = (skills.at(i) for skills in job.sides)
    result = negotiate(
        a,
        b,
        job.domain,
        deadline=int(job.deadlines[i]),
        reservation=(float(job.limits[0][i]), float(job.limits[1][i])),
        utilities=(job.tables[0].of(i), job.tables[1].of(i)),
        discount=(float(job.patience[0][i]), float(job.patience[1][i])),
        seed=session_seed(job.seed, i),
    )
    kinds = {"agreed": AGREED, "walked": WALKED, "deadline": DEADLINE, "failed": FAILED}
    ended.outcome[at] = -1 if result.agreement is None else job.domain.number(result.agreement)
    ended.step[at], ended.end[at] = result.step, kinds[result.reason.split(":")[0]]


def _check(job: _Job, sample: range) -> None:
    for i in sample:
        again = _ended(1)
        _alone(job, i, again, 0)
        if any(int(a[i]) != int(b[0]) for a, b in zip(job.ended, again, strict=True)):
            raise UsageError(
                f"session {i} ends otherwise alone than in the batch",
                hint='a skill is no pure function of its state and `now`, or compiles to another: way="one by one"',
                code="runtimes_differ",
            )


def _value(job: _Job, low: int, high: int) -> None:
    """What the sessions low to high - 1 came to for each party."""
    outcome, step, _ = job.ended.part(low, high)
    rows = np.flatnonzero(outcome >= 0)
    for tables, limit, patience, worth in zip(job.tables, job.limits, job.patience, job.worth, strict=True):
        column = worth[low:high]
        column[:] = limit[low:high]
        column[rows] = tables.worth(rows + low, outcome[rows])
        if patience[low:high].min() < 1:
            column *= remaining_each(patience[low:high], step)


def _batch(job: _Job, ways: tuple[str, str]) -> Batch:
    outcome, last, end = job.ended
    agreed = outcome >= 0
    return Batch(job.domain, agreed, outcome, np.where(agreed, last, -1), last, job.worth, end, ways)


def _skills(skill: Any, n: int) -> SkillArray:
    if isinstance(skill, SkillArray):
        if len(skill) != n:
            raise UsageError(f"{skill!r} for n={n}", hint="one value a session", code="bad_columns")
        return skill
    if not isinstance(skill, Negotiator):
        raise UsageError(f"{skill!r} is not a skill", hint='for example coase.skill("boulware")', code="not_a_skill")
    return SkillArray(skill, {})


def _column(value: Any, n: int, what: str) -> Floats:
    try:
        column = np.broadcast_to(np.asarray(value, np.float64), n)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} for {n} sessions: {error}", hint="a number, or n", code=f"bad_{what}") from error
    if not np.isfinite(column).all():
        raise UsageError(f"a {what} is not finite", hint="a finite utility", code=f"bad_{what}")
    return column


def _deadlines(value: Any, n: int) -> Integers:
    given = np.asarray(value)
    if given.dtype.kind not in "iu" or given.shape not in ((), (n,)) or given.min() < 1 or given.max() > LONGEST:
        raise UsageError(f"deadline {value!r}", hint=f"steps, 1 to {LONGEST:,}, one or n", code="bad_deadline")
    return np.broadcast_to(given.astype(np.int64), n)


def _check_count(value: Any, what: str, most: int = 10**9) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise UsageError(f"{what}={value!r}", hint=f"a whole number, 1 to {most:,}", code=f"bad_{what}")
