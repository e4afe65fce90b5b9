# mypy: disable-error-code="untyped-decorator,no-untyped-call,call-arg,attr-defined,arg-type,var-annotated,misc"
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (numba's decorators and intrinsics have no types)
"""A skill's own functions, compiled by numba as they stand; only the loop around them is generated.

`self`, `now` and `problem` become named tuples whose methods numba finds through `overload_method`, so that an
author's code (`self.beta`, `self.inner.ask(state, now)`, `now.rank_for(share)`) compiles unchanged. What numba cannot
compile (a language model, a dictionary) raises here, and the batch then runs that skill one by one.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections import namedtuple
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.extending import overload_method

from coase.negotiation.draws import FIRST, GOLDEN, SECOND, SLOTS, UNIT
from coase.negotiation.kernels import bisect_right, plain, settle, unowned
from coase.negotiation.plan import is_skill
from coase.negotiation.utility import SLACK

OPTIONS: dict[str, Any] = {"forceinline": True}  # a call passes every table by value; inlined, it is ten times faster
UNUSED = {"begin", "step", "answer", "array_of", "driver"}  # what only the scalar runtime calls

PROBLEM: Any = namedtuple("PROBLEM", "deadline count reservation span utility ranked falling rank_of values")
NOW: Any = namedtuple("NOW", "problem key step t offer worth rank")


@nb.njit(**OPTIONS)
def uniform(now: Any, slot: Any = 0) -> Any:
    """`Now.uniform`."""
    if slot < 0 or slot >= SLOTS:
        raise ValueError("the draws of a step are numbered 0 to 1023")
    z = now.key + np.uint64(now.step) * np.uint64(SLOTS) + np.uint64(slot) + np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * UNIT


@nb.njit(**OPTIONS)
def rank_in(problem: Any, share: Any) -> Any:
    """`Problem.rank_for`."""
    if share != share or share > 1.0:
        share = 1.0
    elif not share > 0.0:
        share = 0.0
    wanted = -(problem.reservation + problem.span * share - SLACK)
    return max(bisect_right(problem.falling, wanted, 0, problem.count) - 1, 0)


@nb.njit(**OPTIONS)
def rank_for(now: Any, share: Any) -> Any:
    """`Now.rank_for`."""
    return rank_in(now.problem, share)


@nb.njit(**OPTIONS)
def favourite(now: Any, weights: Any, low: Any, high: Any) -> Any:
    """`Now.favourite`."""
    best, most = high, -np.inf
    for rank in range(high, low + 1):
        values = now.problem.values[now.problem.ranked[rank]]
        score = weights[values[0]]
        for issue in range(1, values.size):
            score = score + weights[values[issue]]
        if score > most:
            best, most = rank, score
    return best


@nb.njit(**OPTIONS)
def acceptable(problem: Any, outcome: Any) -> Any:
    """`Problem.acceptable`."""
    return problem.rank_of[outcome] < problem.count


NOW.methods = {"uniform": uniform, "rank_for": rank_for, "favourite": favourite}
PROBLEM.methods = {"rank_for": rank_in, "acceptable": acceptable}


@lru_cache(None)
def compiled(function: Callable[..., Any]) -> Any:
    """A function compiled to be inlined."""
    return function if hasattr(function, "py_func") else nb.njit(function, **OPTIONS)


@lru_cache(None)
def declare(name: str) -> None:
    """Let compiled code call `thing.name(...)` on named tuples that carry `methods`."""

    @overload_method(types.BaseNamedTuple, name, jit_options=OPTIONS)
    def resolve(self: Any, *args: Any) -> Any:
        function = getattr(self.instance_class, "methods", {}).get(name)
        if function is None:
            return None
        inner = compiled(function)

        def call(self: Any, *args: Any) -> Any:
            return inner(self, *args)

        return call


for _method in (*NOW.methods, *PROBLEM.methods):
    declare(_method)


@lru_cache(None)
def methods(kind: type) -> dict[str, Callable[..., Any]]:
    """The functions of a skill's class that compiled code may call."""
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed(kind.__mro__):
        if hasattr(base, "target") and hasattr(base, "model_fields"):
            found |= {k: v for k, v in vars(base).items() if inspect.isfunction(v) and not k.startswith("__")}
    found = {k: v for k, v in found.items() if k not in UNUSED and not k.startswith("model_")}
    clash = set(found) & {*NOW._fields, *PROBLEM._fields}
    if clash:
        raise TypeError(f"{kind.__name__}: rename {sorted(clash)}, what a skill sees has that name")
    return found


class Shape:
    """How compiled code rebuilds a skill from one array of values per numeric field, those of inner skills included.

    Args:
        skill: the skill of the first session.
        columns: values that differ between sessions, by where they are.
    """

    def __init__(self, skill: Any, columns: dict[tuple[str, ...], Any]) -> None:
        self.classes: dict[str, Any] = {}
        self.values: list[Any] = []
        self.sources: set[str] = set()
        self.expression = self._add(skill, columns)

    def _add(self, skill: Any, columns: dict[tuple[str, ...], Any]) -> str:
        kind, parts = type(skill), []
        for field in kind.model_fields:
            value = columns.get((field,), getattr(skill, field))
            if is_skill(value):
                parts.append(self._add(value, {path[1:]: v for path, v in columns.items() if path[0] == field}))
            elif isinstance(value, (bool, int, float, np.ndarray)):
                parts.append(f"P{len(self.values)}[i]")
                self.values.append(np.asarray(value))
            else:
                raise TypeError(f"{kind.__name__}.{field} is not a number")
        name, fields = f"SELF{len(self.classes)}", list(kind.model_fields)
        if not fields:
            fields, parts = ["nothing_"], ["0"]  # numba drops an empty tuple from a call
        made: Any = namedtuple(name, fields)
        made.methods = methods(kind)
        for method in made.methods:
            declare(method)
        self.classes[name] = made
        self.sources |= {inspect.getsourcefile(base) or "" for base in kind.__mro__ if hasattr(base, "model_fields")}
        return f"{name}({', '.join(parts)})"


@nb.njit(**OPTIONS)
def keep(row: Any, array: Any) -> None:
    """Store an array of the state, unless the author changed it in place."""
    if row.ctypes.data != array.ctypes.data:
        row[:] = array


TEMPLATE = '''"""Generated."""
def {name}(table, left, k, key, count, reservation, span, utility, ranked, falling, rank_of, values{arrays}):
    table = plain(table); {loose}
    kept = 0
    for at in range(left):
        i = table.alive[at]
        problem = PROBLEM(table.deadline[i], count[i], reservation[i], span[i], utility{row}, ranked{row}, falling{row},
                          rank_of{row}, values)
        {body}
    return kept
'''
START = """state = {self}.start(problem)
        {store}"""
BID = """offer, worth, rank = table.offers[i], 0.0, problem.utility.size
        if offer >= 0:
            worth = (problem.utility[offer] - problem.reservation) / (problem.span if problem.span != 0.0 else 1.0)
            rank = problem.rank_of[offer]
        now = NOW(problem, key[i], k, k / (problem.deadline + 1), offer, worth, rank)
        state, floor, place = {self}.bid({state}, now)
        {store}
        table.alive[kept], last = i, count[i] - 1
        kept += settle(table, i, k, problem.ranked, problem.rank_of, min(floor, last), min(place, last))"""


def build(skill: Any, state: Any, shared: bool, columns: dict[tuple[str, ...], Any]) -> tuple[Any, Any]:
    """`start`, and a turn over all running sessions, to be compiled when first called.

    Args:
        skill: the skill of the first session.
        state: its first state.
        shared: whether all sessions have the same utilities.
        columns: values that differ between sessions.

    Raises:
        TypeError: the skill has a parameter or a state that is not numbers and arrays.
    """
    shape = Shape(skill, columns)
    kinds: dict[str, type] = {}
    rebuilt = rebuild(state, iter(range(1000)), kinds)
    found = leaves(state)
    scope: dict[str, Any] = {
        "__name__": __name__,
        "PROBLEM": PROBLEM,
        "NOW": NOW,
        **kinds,
        "unowned": unowned,
        "plain": plain,
        "settle": settle,
        "keep": keep,
        **shape.classes,
    }
    names = [f"S{j}" for j in range(len(found))]
    stores = (
        f"keep({c}[i], state{at})" if np.ndim(x) else f"{c}[i] = state{at}"
        for c, (at, x) in zip(names, found, strict=True)
    )
    store = "; ".join(stores) or "pass"
    loose = "; ".join(f"{x} = unowned({x})" for x in ("utility", "ranked", "falling", "rank_of", "values", *names))
    arrays = "".join(f", P{j}" for j in range(len(shape.values))) + "".join(f", {c}" for c in names)
    made = []
    for name, body in (("start", START), ("turn", BID)):
        text = TEMPLATE.format(
            name=name,
            arrays=arrays,
            row="" if shared else "[i]",
            loose=loose,
            body=body.format(self=shape.expression, state=rebuilt, store=store),
        )
        exec(compile(text, _file(type(skill).__name__, text, shape.sources), "exec"), scope)  # noqa: S102
        made.append(nb.njit(scope[name], cache=True, nogil=True))
    return made[0], made[1]


def leaves(state: Any, at: str = "") -> list[tuple[str, Any]]:
    """The numbers and arrays in a state, with those in the states inside it, and how to get at each."""
    if not (state == () or hasattr(state, "_fields")):
        raise TypeError("start() must return a NamedTuple or ()")
    found = []
    for j, part in enumerate(state):
        inner = isinstance(part, tuple)
        found += leaves(part, f"{at}[{j}]") if inner else [(f"{at}[{j}]", part)]
    return found


def rebuild(state: Any, numbers: Iterator[int], kinds: dict[str, type]) -> str:
    """The expression that makes a session's state again from the columns S0, S1, ...; fills in the classes it names."""
    if state == ():
        return "()"
    name = f"STATE{len(kinds)}"
    kinds[name] = type(state)
    parts = (rebuild(x, numbers, kinds) if isinstance(x, tuple) else f"S{next(numbers)}[i]" for x in state)
    return f"{name}({', '.join(parts)})"


def folder() -> Path:
    """Where compiled skills are kept: ``COASE_KERNELS``, or the user's cache folder. Nobody else may write there."""
    chosen = os.environ.get("COASE_KERNELS")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Path(chosen) if chosen else base / "coase" / "kernels"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def _file(name: str, text: str, sources: set[str]) -> str:
    """A file that numba can cache by. Its name covers all sources, ours too: numba only watches the outer function. It
    also covers where they are, since what numba keeps names the author's modules, and a module's name follows its path.
    """
    here = Path(__file__).parent
    ours = (here / f"{name}.py" for name in ("compiled", "kernels", "batch_table", "draws", "utility"))
    files = sorted({*map(Path, filter(None, sources)), *ours})
    parts = [text.encode(), nb.__version__.encode(), *(str(f.resolve()).encode() + f.read_bytes() for f in files)]
    file = folder() / f"{name}_{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}.py"
    if not file.exists():
        mine = file.with_suffix(f".{os.getpid()}")
        mine.write_text(text)
        mine.replace(file)
    return str(file)
