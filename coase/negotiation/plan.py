"""A skill that overrides nothing but `target` is a plan: its whole curve is evaluated at once, in one numpy call.

The same call on the same shapes (parameters (n, 1), times (1, T)) serves one session and a million, so rounding cannot
tell them apart. It would otherwise: numpy's array power differs from Python's in the last bit in 5% of cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from coase.negotiation.utility import SLACK, Floats, Integers

if TYPE_CHECKING:
    from coase.negotiation.problem import Problem
    from coase.negotiation.skill import Negotiator

RUNGS = ("start", "ask", "bid", "begin", "step", "answer")
KEPT = 4096  # plans remembered per ranking
LONG = 10_000  # steps; longer curves are not remembered
TOGETHER = 300_000  # numbers of curves evaluated at a time: few calls, so that threads seldom wait for each other

_known: dict[tuple[type, ...], bool] = {}


def is_plan(skill: Negotiator) -> bool:
    """Whether moves depend on time alone and `target` takes arrays. Decided once per class, so the same everywhere."""
    return bool(_once(_is_plan, skill))


def _once(function: Any, *arguments: Any) -> Any:
    """What a function that remembers gives, also for a skill with a parameter that has no hash, a list for example."""
    try:
        return function(*arguments)
    except TypeError:
        return getattr(function, "__wrapped__", function)(*arguments)


@lru_cache(KEPT)
def _is_plan(skill: Negotiator) -> bool:
    kinds = kinds_of(skill)
    if kinds not in _known:
        _known[kinds] = _probe(skill)
    return _known[kinds]


def curves(
    skill: Negotiator, times: Floats, varied: Mapping[tuple[str, ...], Any], rows: int, out: Floats | None = None
) -> Floats:
    """Shares asked for, shape (rows, T); in `out`, if it is given.

    Args:
        skill: a plan.
        times: relative times, shape (1, T) or (rows, T).
        varied: parameters that differ between rows, each of length `rows`, by where they are.
        rows: number of sessions.
        out: an array of this shape to write to.
    """
    shares = np.empty((rows, times.shape[1])) if out is None else out
    size = max(1, TOGETHER // times.shape[1])
    for low in range(0, rows, size):
        high = min(rows, low + size)
        some = with_arrays(skill, {path: column[low:high] for path, column in varied.items()}, (high - low, 1))
        part = shares[low:high]
        with np.errstate(all="ignore"):
            part[:] = some.target(times if len(times) == 1 else times[low:high])
            if np.isnan(part.sum()):
                part[np.isnan(part)] = 1.0
            np.clip(part, 0.0, 1.0, out=part)
    return shares


def plan_of(skill: Negotiator, problem: Problem) -> Integers | None:
    """The rank asked for at each step (-1: nothing is worth the reservation), or None for a skill that reacts."""
    if not is_plan(skill):
        return None
    plans = problem.ranking.plans
    key = (skill, problem.reservation, problem.deadline)
    try:
        found = plans.get(key)
    except TypeError:  # a parameter that has no hash, a list for example
        return _ranks(skill, problem)
    if found is None:
        if len(plans) >= KEPT:
            plans.clear()
        found = plans[key] = _ranks(skill, problem)
    return found


def _ranks(skill: Negotiator, problem: Problem) -> Integers:
    if not problem.count:
        return np.full(problem.deadline, -1)
    curve = minus_shares if problem.deadline <= LONG else minus_shares.__wrapped__
    wanted: Floats = problem.span * _once(curve, skill, problem.deadline)
    wanted -= problem.reservation
    wanted += SLACK  # now minus (reservation + span * share - SLACK), to the bit
    return problem.ranking.order.falling[1 : problem.count].searchsorted(wanted, "right")  # at least rank 0, the best


@lru_cache(256)
def minus_shares(skill: Negotiator, deadline: int) -> Floats:
    """Minus the share asked for at each step: it depends on the skill alone, so that one curve serves every domain."""
    shares: Floats = curves(skill, np.arange(1, deadline + 1)[None, :] / (deadline + 1), {}, 1)[0]
    np.negative(shares, out=shares)
    shares.flags.writeable = False
    return shares


def is_skill(value: object) -> bool:
    """Whether a parameter is a skill."""
    return hasattr(type(value), "target") and hasattr(type(value), "model_fields")


def kinds_of(skill: Any) -> tuple[type, ...]:
    """The class of a skill and of those inside."""
    inner = [getattr(skill, name) for name in type(skill).model_fields]
    return (type(skill), *(kind for value in inner if is_skill(value) for kind in kinds_of(value)))


def with_arrays(skill: Negotiator, varied: Mapping[tuple[str, ...], Any], shape: tuple[int, ...]) -> Negotiator:
    """The skill with every number replaced by an array of this shape; `varied` gives values by where they are."""
    fields: dict[str, Any] = {}
    for name in type(skill).model_fields:
        value = getattr(skill, name)
        if (name,) in varied:
            value = np.asarray(varied[(name,)]).reshape(shape)
        elif isinstance(value, (bool, int, float)):
            value = np.full(shape, value)
        elif is_skill(value):
            value = with_arrays(value, {path[1:]: v for path, v in varied.items() if path[0] == name}, shape)
        fields[name] = value
    return type(skill).model_construct(**fields)


def _probe(skill: Negotiator) -> bool:
    from coase.negotiation.skill import Negotiator

    kinds = kinds_of(skill)
    if any(getattr(kind, name) is not getattr(Negotiator, name) for kind in kinds for name in RUNGS):
        return False
    times = [0.01, 0.4, 0.99]
    try:
        many = curves(skill, np.array([times]), {}, 2)
        one = np.clip([float(skill.target(t)) for t in times], 0.0, 1.0)
    except Exception:  # noqa: BLE001  # an author's code may raise anything; it then runs number by number, as `ask`
        return False
    return bool(np.allclose(many, np.nan_to_num(one, nan=1.0), rtol=0, atol=1e-9))
