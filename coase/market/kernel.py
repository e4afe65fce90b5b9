"""Runs a continuous double auction as machine code: what `coase.market.days` needs to know, and what it leaves behind.

Traders whose methods compile run compiled. Of the others, those that hear nothing are called back in their turns
(`coase.market.called`); where one of them listens, the run is the plain driver's.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from coase.market import floating
from coase.market.called import Called
from coase.market.compiling import WIDTH, Compiled, available, compiled
from coase.market.crowd import Crowd
from coase.market.session import COLUMNS, Rules, Session
from coase.market.trader import TAPE, Trader

MOST_LEVELS = 2**24  # prices in the range; of more, plain Python
Ints = np.ndarray[Any, np.dtype[np.int64]]

_divided: set[tuple[type[Trader], ...]] = set()  # kinds that divided by zero, or seemed to: their code is exact


class Setting(NamedTuple):
    """The numbers of a run, as `Rules` and `Crowd` have them."""

    n: int
    kinds: int
    units: int
    days: int
    steps: int
    low: int
    high: int
    clear: int
    improve: int
    budget: int
    key: int


def run(crowd: Crowd, rules: Rules, seed: int) -> Session | None:
    """One run, as `coase.market.driver.run` would have it.

    None where it has to be the plain driver's: without numba, with too many kinds or prices, with traders that listen
    and do not compile, or with one that raises in machine code (the plain driver says who).
    """
    if not available() or rules.high - rules.low >= MOST_LEVELS:
        return None
    if rules.budget >= 0 and rules.high * rules.units >= 2**63:  # what a quote costs has to fit into a word
        return None
    days = _code()
    if len(crowd.traders) > days.KINDS:
        return None
    kinds = tuple(type(trader) for trader in crowd.traders)
    machines = [compiled(kind) if crowd.parameters(at) is not None else None for at, kind in enumerate(kinds)]
    for machine, kind in zip(machines, kinds, strict=True):
        if machine is None and kind.observe is not Trader.observe:
            return None
    if kinds not in _divided and None not in machines and not all(m.exact for m in machines if m):
        floating.clear()
        session = _run(crowd, rules, seed, machines)
        if not floating.raised():
            return session
        _divided.add(kinds)
    return _run(crowd, rules, seed, [m and (compiled(m.kind, exact=True) or m) for m in machines])


def _run(crowd: Crowd, rules: Rules, seed: int, machines: list[Compiled | None]) -> Session | None:
    days = _code()
    n, limits, keys = crowd.n, crowd.limits(seed, rules.days), crowd.keys(seed)
    setting = Setting(
        n, len(machines), rules.units, rules.days, rules.steps, rules.low, rules.high,
        int(rules.clear_book), int(rules.improve), rules.budget, crowd.world_key(seed),
    )  # fmt: skip
    pad = days.KINDS - len(machines)
    turns = [m.turn if m else days.turn_by_call for m in machines] + [days.turn_by_call] * pad
    hears = [m.hear if m and m.hear else days.silent for m in machines] + [days.silent] * pad
    room = rules.days * min(2 * rules.steps + 1, rules.units * min(crowd.buyers, n - crowd.buyers) + 1)
    trades, counts = np.empty((len(COLUMNS), room), np.int64), np.zeros((rules.days, 3), np.int64)
    book, marks = _book(n, rules.high - rules.low + 1)
    seen, tape = np.zeros(days.SHOWN, np.int64), np.zeros((TAPE, 3), np.int64)
    left, active, places, cash, gone = np.zeros((5, n), np.int64)
    past = np.full((rules.steps + 1 if any(crowd.latency) else 1, 2), -1, np.int64)
    failed: dict[int, str] = {}
    called: list[Called] = []
    given, kinds, states = [], np.zeros((len(machines), 8), np.int64), []
    for at, machine in enumerate(machines):
        first, until = crowd.first[at : at + 2].tolist()
        mine = slice(first, until)
        inside = book[-days.ROW * (n - first) :][days.STATE :]  # states in the rows of the book
        if machine is None:
            called.append(Called(crowd.traders[at], first, failed))
            called[-1].begin(crowd.sides[mine], limits[0, mine], keys[mine], seen, tape)
            given.append(called[-1].slots)
        else:
            given.append(crowd.parameters(at))
        hear = machine is not None and machine.hear is not None
        apart = machine is not None and (hear or machine.width > days.INSIDE)
        states.append(_aligned(until - first, WIDTH) if apart else inside)
        kinds[at] = (
            states[-1].ctypes.data, given[-1].ctypes.data, hear, crowd.latency[at], first, until - first,
            apart and not hear, machine is None,
        )  # fmt: skip
    gone[list(failed)] = 1
    try:
        for machine, row in zip(machines, kinds, strict=True):
            if machine is not None:
                days.begin(machine.begin, row, crowd.sides, limits[0], keys)
        made = days.days(
            *turns, *hears, np.array(setting, np.int64), kinds, crowd.kind_of if len(machines) > 1 else crowd.first,
            limits, crowd.windows(seed, rules), trades, counts, book, marks, left, active, places, cash, gone, past,
            tape, seen, np.zeros(days.RING, np.uint64),
        )  # fmt: skip
    except Exception as error:  # a compiled trader's; nothing else in there raises
        if "No matching definition" in str(error):  # numba's, of arguments that we got wrong
            raise
        return None
    for one in called:
        if one.broken is not None:
            raise one.broken
    taken, refused, quotes = counts.T.copy()
    return Session(trades[:, :made].T, limits, taken, refused, quotes, tuple(failed.items()), not called)


@lru_cache(1)
def _code() -> Any:
    """The module of the machine code, compiled the first time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # first-class functions are called experimental; the equality tests watch them
        from coase.market import days
    return days


def _aligned(rows: int, width: int) -> Ints:
    """Zeros that begin where a cache line does."""
    held = np.zeros(rows * width + 8, np.int64)
    start = -(held.ctypes.data // 8) % 8
    return held[start : start + rows * width].reshape(rows, width)


def _book(n: int, prices: int) -> tuple[Ints, Ints]:
    """An empty book of n traders, and the marks of its levels: see `coase.market.days`."""
    days = _code()
    levels = -(-prices // days.BLOCK) * days.BLOCK  # a word of marks belongs to one side
    words = 2 * levels + days.ROW * (n + 1)
    book, marks = _aligned(1, words)[0], np.full(days.LIVE + 2 * levels // days.BLOCK + 1, 0, np.int64)
    marks[: days.LIVE] = -1
    nodes = np.concatenate((np.arange(2 * levels), np.arange(2 * levels, words, days.ROW)))
    book[nodes] = nodes * (2**32 + 1)  # a ring of one: itself after it and before it
    book[2 * levels + days.ROW + days.AT :: days.ROW] = 2 * levels
    return book, marks
