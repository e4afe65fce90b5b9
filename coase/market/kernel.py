"""The continuous double auction as machine code: the same steps as `coase.market.driver`, in the same order.

Each trader has one live order, so orders are numbered by their owners. Each side of the book is an array of price
levels with a queue each; a seller's levels are counted from the highest price down, so that on both sides the best
level is the highest one, and 64 levels are searched at a time.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from coase.market import floating
from coase.market.compiling import WIDTH, Compiled, compiled
from coase.market.crowd import Crowd
from coase.market.session import COLUMNS, Rules, Session
from coase.market.trader import TAPE, Trader
from coase.negotiation import draws

KINDS = 8  # kinds of traders in one market; of more, plain Python
MOST_LEVELS = 2**24  # prices in the range; of more, plain Python
BLOCK = 64  # price levels
SHOWN = 15  # fields of a view that are numbers
Ints = np.ndarray[Any, np.dtype[np.int64]]


AFTER, BEFORE, LEVEL, QUANTITY, PLACED, CASH, PLACE, TURN = range(8)  # columns of `orders`: a trader's cache line
HEAD, TAIL = 0, 1  # columns of `ends`: the queue of a price level
WORDS, GIVEN, HEARS, LATE, FIRST_ONE, COUNT, STRIDE = range(7)  # columns of `kinds`; a stride of 0: rows by field
RING = 16  # draws of whose turn it is that are known ahead
FAR, NEAR = 12, 5  # turns ahead, in which a trader is fetched, and then its neighbours in the queue
LIVE = 2  # of `marks`: the best level of each side, then a bit for each level that is live, 64 to a word


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


def run(crowd: Crowd, rules: Rules, seed: int, machines: tuple[Compiled, ...]) -> Session | None:
    """One run, as `coase.market.driver.run` would have it; None where a trader raises (the plain path says who)."""
    kinds = tuple(machine.kind for machine in machines)
    if kinds not in _divided and not all(machine.exact for machine in machines):
        floating.clear()
        session = _run(crowd, rules, seed, machines)
        if not floating.raised():
            return session
        _divided.add(kinds)
    if kinds in _divided:
        machines = tuple(compiled(kind, exact=True) or machine for kind, machine in zip(kinds, machines, strict=True))
    return _run(crowd, rules, seed, machines)


def _run(crowd: Crowd, rules: Rules, seed: int, machines: tuple[Compiled, ...]) -> Session | None:
    n, limits = crowd.n, crowd.limits(seed, rules.days)
    keys = crowd.keys(seed)
    words = _aligned(n, WIDTH)
    given = [crowd.parameters(kind) for kind in range(len(machines))]
    setting = Setting(
        n, len(machines), rules.units, rules.days, rules.steps, rules.low, rules.high,
        int(rules.clear_book), int(rules.improve), rules.budget, crowd.world_key(seed),
    )  # fmt: skip
    room = rules.days * min(2 * rules.steps + 1, rules.units * min(crowd.buyers, n - crowd.buyers) + 1)
    trades = np.empty((room, len(COLUMNS)), np.int64)
    counts = np.zeros((rules.days, 3), np.int64)
    pad = KINDS - len(machines)
    begin, days = _begin(), _kernel()
    turns = tuple(m.turn for m in machines) + (machines[0].turn,) * pad
    hears = tuple(m.hear or _silent() for m in machines) + (_silent(),) * pad
    hearing = [m.hear is not None for m in machines]
    kinds = np.array(  # see the columns of `kinds`
        [
            (
                words.ctypes.data + int(first) * 8 * WIDTH,
                row.ctypes.data,
                hear,
                late,
                first,
                count,
                0 if hear else m.width,
            )
            for m, first, count, row, hear, late in zip(
                machines, crowd.first[:-1], crowd.counts, given, hearing, crowd.latency, strict=True
            )
        ],
        np.int64,
    )
    arguments = (
        *turns, *hears, np.array(setting, np.int64), kinds, crowd.kind_of if len(machines) > 1 else crowd.first,
        limits, crowd.windows(seed, rules), trades, counts, *_room(n, rules, any(crowd.latency)),
    )  # fmt: skip
    try:
        for machine, row in zip(machines, kinds, strict=True):
            begin(machine.begin, row, crowd.sides, limits[0], keys)
        made = days(*arguments)
    except Exception as error:  # a trader's; nothing else in there raises
        if "No matching definition" in str(error):  # numba's, of arguments that we got wrong
            raise
        return None
    return Session(trades[:made].copy(), limits, counts[:, 0], counts[:, 1], counts[:, 2], (), True)


def _aligned(rows: int, width: int) -> Ints:
    """Zeros that begin where a cache line does."""
    held = np.zeros(rows * width + 8, np.int64)
    start = -(held.ctypes.data // 8) % 8
    return held[start : start + rows * width].reshape(rows, width)


def _room(n: int, rules: Rules, delayed: bool) -> tuple[Any, ...]:
    """Arrays to work in: orders, ends, marks, left, active, past, tape, seen, ring. The kernel makes none: without
    reference counts it runs three times as fast.
    """
    levels = -(-(rules.high - rules.low + 1) // BLOCK) * BLOCK  # a word of marks belongs to one side
    orders, marks = _aligned(n, 8), np.zeros(LIVE + 2 * levels // BLOCK, np.int64)
    orders[:, LEVEL] = marks[:LIVE] = -1
    past = np.full((rules.steps + 1 if delayed else 1, 2), -1, np.int64)
    left, active = np.zeros((2, n), np.int64)
    return (
        orders, np.full((2 * levels, 2), -1, np.int64), marks, left, active, past, np.zeros((TAPE, 3), np.int64),
        np.zeros(SHOWN, np.int64), np.zeros(RING, np.uint64),
    )  # fmt: skip


def machines(traders: tuple[Trader, ...]) -> tuple[Compiled, ...] | None:
    """The kinds of a crowd as machine code; None where one of them has to run in plain Python."""
    if len(traders) > KINDS:
        return None
    found = []
    for trader in traders:
        machine = compiled(type(trader))
        if machine is None:
            return None
        found.append(machine)
    return tuple(found)


@lru_cache(1)
def _types() -> Any:
    from numba import int64, types, void

    pair = types.UniTuple(int64, 2)  # type: ignore[no-untyped-call]
    turn = types.FunctionType(pair(*[int64] * 6))
    hear = types.FunctionType(void(*[int64] * 14))
    begin = types.FunctionType(void(*[int64] * 7))
    return turn, hear, begin


@lru_cache(1)
def _silent() -> Any:
    from numba import int64, njit, void

    def silent(count: int, words: int, given: int, limits: int, left: int, time: int, side: int, price: int,
               traded: int, paid: int, buyer: int, seller: int, low: int, high: int) -> None:  # fmt: skip
        return

    return njit(void(*[int64] * 14), nogil=True)(silent)


@lru_cache(1)
def _begin() -> Any:
    from numba import int64, njit, void

    _, _, begin = _types()
    vector = int64[::1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # first-class functions are called experimental; the equality tests watch them
        return njit(void(begin, vector, vector, vector, vector), cache=True, nogil=True)(_begin_all)


def _begin_all(begin: Any, kind: Any, sides: Any, limits: Any, keys: Any) -> None:
    for place in range(kind[COUNT]):
        who = kind[FIRST_ONE] + place
        begin(place, kind[COUNT], kind[WORDS], kind[GIVEN], sides[who], limits[who], keys[who])


@lru_cache(1)
def _kernel() -> Any:
    from numba import int64, njit, uint64
    from numba.cpython.unsafe import numbers

    from coase.market import addresses

    turn, hear, _ = _types()
    table, vector = int64[:, ::1], int64[::1]
    signature = int64(
        *[turn] * KINDS, *[hear] * KINDS, vector, table, vector, table, table, table, table,
        table, table, vector, vector, vector, table, table, vector, uint64[::1],
    )  # fmt: skip
    globals()["leading_zeros"], globals()["fetch"] = numbers.leading_zeros, addresses.fetch
    for name in ("_mix", "_insert", "_remove"):
        globals()[name] = njit(globals()[name], **BARE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return njit(signature, **BARE)(_days)


GOLDEN, FIRST, SECOND = (np.uint64(n) for n in (draws.GOLDEN, draws.FIRST, draws.SECOND))
S27, S30, S31, S32 = (np.uint64(n) for n in (27, 30, 31, 32))
SLOTS = draws.SLOTS
ONE = np.int64(1)
BARE: Any = {"cache": True, "nogil": True, "_nrt": False}  # no reference counts: they cost more than all the rest
leading_zeros: Any = None  # numba's, once there is need of it
fetch: Any = None


def _mix(number: Any) -> Any:
    """SplitMix64, as `coase.negotiation.draws.mix`."""
    number += GOLDEN
    number = (number ^ (number >> S30)) * FIRST
    number = (number ^ (number >> S27)) * SECOND
    return number ^ (number >> S31)


def _insert(orders: Any, ends: Any, marks: Any, levels: int, side: int, who: int, level: int, quantity: int,
            step: int) -> None:  # fmt: skip
    at = side * levels + level
    last = ends[at, TAIL]
    orders[who, BEFORE] = last
    orders[who, AFTER] = -1
    ends[at, TAIL] = who
    if last < 0:
        ends[at, HEAD] = who
        marks[LIVE + (at >> 6)] |= ONE << (at & 63)
        if level > marks[side]:
            marks[side] = level
    else:
        orders[last, AFTER] = who
    orders[who, LEVEL] = level
    orders[who, QUANTITY] = quantity
    orders[who, PLACED] = step


def _remove(orders: Any, ends: Any, marks: Any, levels: int, side: int, who: int) -> None:
    level = orders[who, LEVEL]
    at = side * levels + level
    before, after = orders[who, BEFORE], orders[who, AFTER]
    if before < 0:
        ends[at, HEAD] = after
    else:
        orders[before, AFTER] = after
    if after < 0:
        ends[at, TAIL] = before
    else:
        orders[after, BEFORE] = before
    orders[who, LEVEL] = -1
    if ends[at, HEAD] < 0:
        block = at >> 6
        word = marks[LIVE + block] & ~(ONE << (at & 63))
        marks[LIVE + block] = word
        if level == marks[side]:
            first = (side * levels) >> 6
            while word == 0 and block > first:
                block -= 1
                word = marks[LIVE + block]
            marks[side] = -1 if word == 0 else ((block - first) << 6) + 63 - leading_zeros(word)


def _days(t0: Any, t1: Any, t2: Any, t3: Any, t4: Any, t5: Any, t6: Any, t7: Any,
          h0: Any, h1: Any, h2: Any, h3: Any, h4: Any, h5: Any, h6: Any, h7: Any,
          setting: Any, kinds: Any, kind_of: Any, limits: Any, windows: Any, trades: Any, counts: Any,
          orders: Any, ends: Any, marks: Any, left: Any, active: Any, past: Any, tape: Any,
          seen: Any, ring: Any) -> int:  # fmt: skip
    turns, hears = (t0, t1, t2, t3, t4, t5, t6, t7), (h0, h1, h2, h3, h4, h5, h6, h7)
    n, several, units, days, steps, low, high, clear, improve, budget, world = setting
    levels = ends.shape[0] // 2
    top = high - low
    delayed = past.shape[0] > 1
    listens = False
    for kind in range(several):
        listens = listens or kinds[kind, HEARS] != 0
    made, end, last_price = 0, 0, -1
    rows_at, left_at = np.int64(orders.ctypes.data), np.int64(left.ctypes.data)
    seen_at, tape_at = np.int64(seen.ctypes.data), np.int64(tape.ctypes.data)
    yesterday_low, yesterday_high = -1, -1
    for day in range(days):
        worth = limits[min(day, limits.shape[0] - 1)]
        worth_at = np.int64(worth.ctypes.data)
        staged = windows.shape[0] > 0  # traders come and go
        alive, pending, buyers, sellers = 0, 0, 0, 0
        for who in range(n):
            if orders[who, LEVEL] >= 0:
                _remove(orders, ends, marks, levels, 0 if who & 1 == 0 else 1, who)
            orders[who, CASH] = budget
            left[who] = units
            if staged:
                left[who] = 0
        row = 2 * day
        here = n
        if staged:
            here = 0
            while here < n and windows[row, here] >= 0:
                left[windows[row, here]] = units
                here += 1
        else:
            for who in range(n):
                active[who] = who
                orders[who, PLACE] = who
            alive = n
        for who in range(n):
            if left[who] > 0:
                if who & 1 == 0:
                    buyers += units
                else:
                    sellers += units
        if listens:
            for kind in range(several):
                if kinds[kind, HEARS]:
                    at = 8 * kinds[kind, FIRST_ONE]
                    hears[kind](kinds[kind, COUNT], kinds[kind, WORDS], kinds[kind, GIVEN], worth_at + at, left_at + at,
                                day * steps, 0, -1, 0, -1, -1, -1, low, high)  # fmt: skip
        today_low, today_high = -1, -1
        for time in range(day * steps + 1, day * steps + RING + 1):
            ring[time & (RING - 1)] = _mix(np.uint64(world) + np.uint64(time) * np.uint64(SLOTS))
        for step in range(1, steps + 1):
            if buyers == 0 or sellers == 0:
                break
            if staged:
                while pending < here and windows[row + 1, pending] <= step:
                    who = windows[row, pending]
                    active[alive] = who
                    orders[who, PLACE] = alive
                    alive += 1
                    pending += 1
            if delayed:
                past[step, 0] = marks[0]
                past[step, 1] = marks[1]
            time = day * steps + step
            bits = ring[time & (RING - 1)]
            ring[(time + RING) & (RING - 1)] = _mix(np.uint64(world) + np.uint64(time + RING) * np.uint64(SLOTS))
            if alive == 0:  # nobody is there, and yet the draws go on
                continue
            soon = active[np.int64(((ring[(time + FAR) & (RING - 1)] >> S32) * np.uint64(alive)) >> S32)]
            fetch(rows_at + 64 * soon)
            fetch(worth_at + 8 * soon)
            fetch(left_at + 8 * soon)
            if several == 1 and kinds[0, STRIDE]:
                fetch(kinds[0, WORDS] + 8 * kinds[0, STRIDE] * soon)
            soon = active[np.int64(((ring[(time + NEAR) & (RING - 1)] >> S32) * np.uint64(alive)) >> S32)]
            fetch(rows_at + 64 * orders[soon, AFTER])
            fetch(rows_at + 64 * orders[soon, BEFORE])
            who = active[np.int64(((bits >> S32) * np.uint64(alive)) >> S32)]
            kind = kind_of[who] if several > 1 else 0
            sign = 1 - 2 * (who & 1)
            mine = who & 1
            if orders[who, LEVEL] >= 0:
                _remove(orders, ends, marks, levels, mine, who)
            bid, ask = marks[0], marks[1]
            late = kinds[kind, LATE]
            if late > 0:
                bid, ask = past[max(step - late, 1), 0], past[max(step - late, 1), 1]
            seen[0] = time
            seen[1] = day
            seen[2] = step
            seen[3] = steps
            seen[4] = worth[who]
            seen[5] = left[who]
            seen[6] = low + bid if bid >= 0 else -1
            seen[7] = high - ask if ask >= 0 else -1
            seen[8] = last_price
            seen[9] = low
            seen[10] = high
            seen[11] = yesterday_low
            seen[12] = yesterday_high
            seen[13] = 0
            seen[14] = end
            price, quantity = turns[kind](who - kinds[kind, FIRST_ONE], kinds[kind, COUNT], kinds[kind, WORDS],
                                          kinds[kind, GIVEN], seen_at, tape_at)  # fmt: skip
            counts[day, 0] += 1
            if quantity == 0:
                continue
            if quantity < 0 or quantity > left[who] or price < low or price > high or (
                budget >= 0 and sign > 0 and price * quantity > orders[who, CASH]
            ):  # fmt: skip
                counts[day, 1] += 1
                continue
            level = price - low if sign > 0 else high - price
            if improve and level <= marks[mine]:
                continue
            counts[day, 2] += 1
            wanted = quantity
            traded = 0
            while True:
                paid = -1
                buyer, seller = -1, -1
                best = marks[1 - mine]
                if wanted > 0 and best >= 0 and best >= top - level:
                    other = ends[(1 - mine) * levels + best, HEAD]
                    size = min(wanted, orders[other, QUANTITY])
                    paid = low + best if mine == 1 else high - best
                    wanted -= size
                    buyer = who if sign > 0 else other
                    seller = other if sign > 0 else who
                    orders[other, QUANTITY] -= size
                    if orders[other, QUANTITY] == 0:
                        _remove(orders, ends, marks, levels, 1 - mine, other)
                    for party in (buyer, seller):
                        left[party] -= size
                        if left[party] == 0:
                            alive -= 1
                            moved = active[alive]
                            active[orders[party, PLACE]] = moved
                            orders[moved, PLACE] = orders[party, PLACE]
                    buyers -= size
                    sellers -= size
                    orders[buyer, CASH] -= paid * size
                    trades[made, 0] = day
                    trades[made, 1] = step
                    trades[made, 2] = buyer
                    trades[made, 3] = seller
                    trades[made, 4] = paid
                    trades[made, 5] = paid
                    trades[made, 6] = size
                    trades[made, 7] = sign
                    trades[made, 8] = step - orders[other, PLACED]
                    made += 1
                    last_price = paid
                    today_low = paid if today_low < 0 or paid < today_low else today_low
                    today_high = max(today_high, paid)
                    if clear:
                        wanted = 0
                        for side in range(2):
                            while marks[side] >= 0:
                                _remove(orders, ends, marks, levels, side, ends[side * levels + marks[side], HEAD])
                elif traded:
                    break
                if end == TAPE:
                    for i in range(TAPE // 2):
                        for j in range(3):
                            tape[i, j] = tape[i + TAPE // 2, j]
                    end = TAPE // 2
                tape[end, 0] = sign
                tape[end, 1] = paid if paid >= 0 else price
                tape[end, 2] = 1 if paid >= 0 else 0
                end += 1
                if paid < 0:  # it rests, and then everybody hears of it
                    _insert(orders, ends, marks, levels, mine, who, level, wanted, step)
                    wanted = 0
                if listens:
                    for kind in range(several):
                        if kinds[kind, HEARS]:
                            since = kinds[kind, FIRST_ONE]
                            hears[kind](kinds[kind, COUNT], kinds[kind, WORDS], kinds[kind, GIVEN],
                                        worth_at + 8 * since, left_at + 8 * since, time, sign, price,
                                        1 if paid >= 0 else 0, paid, buyer - since, seller - since,
                                        low, high)  # fmt: skip
                if paid < 0:
                    break
                traded = 1
            if wanted > 0:
                _insert(orders, ends, marks, levels, mine, who, level, wanted, step)
        yesterday_low, yesterday_high = today_low, today_high
    return made
