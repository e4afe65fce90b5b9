"""The days of a continuous double auction as machine code: the steps of `coase.market.driver`, in the same order.

Imported only where numba is there. All of it is in one file, for numba keeps machine code by the file that it is from.

Each trader has one live order. Each side of the book is a row of price levels; a seller's levels are counted from the
highest price down, so that on both sides the best level is the highest one. The orders of a level are a ring of nodes
that begins and ends at the level's own node, and an order that is nowhere is a ring of one: taking any order out is the
same four writes, without a question that the processor would have to guess. A bit for each level says whether it is
live; 64 are searched at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, njit, types, uint64
from numba.cpython.unsafe import numbers

from coase.market import addresses
from coase.market.called import FAILED, STOPPED
from coase.market.trader import TAPE
from coase.negotiation import draws

KINDS = 8  # kinds of traders in one market
BLOCK = 64  # price levels
SHOWN = 15  # fields of a view that are numbers
RING = 32  # draws of whose turn it is that are known ahead
SMALL = 500  # traders whose rows are at hand anyhow; of more, they are fetched
FARTHER, FAR, NEAR = 24, 12, 5  # turns ahead, in which a trader's name, its row and its neighbours are fetched

# All of the book is one table of words. First a word for each price level, then some for no level, then a row for each
# trader, as long as a cache line. A word that is a node holds two halves: the nodes that come after it and before it.
AFTER, BEFORE = 0, 1
AT, QUANTITY, PLACED, WORTH, LEFT, STATE = range(1, 7)  # of a row: its level; of its order: what is left, since when
ROW = 8
INSIDE = ROW - STATE  # words of a state that fit into the row
LIVE = 2  # of `marks`: the best level of each side, then the bits
WORDS, GIVEN, HEARS, LATE, FIRST_ONE, COUNT, APART, CALLED = range(8)  # of `kinds`; apart: states have other rows
TURNS, REFUSED, QUOTES = range(3)  # of `counts`
ENDED = -1  # in place of the number of trades: a trader that is called ended the run

PAIR = types.UniTuple(int64, 2)  # type: ignore[no-untyped-call]
TURN = types.FunctionType(PAIR(*[int64] * 6))
HEAR = types.FunctionType(types.void(*[int64] * 14))
BEGIN = types.FunctionType(types.void(*[int64] * 7))
TABLE, VECTOR = int64[:, ::1], int64[::1]
BARE: Any = {"cache": True, "nogil": True, "_nrt": False}  # no reference counts: they cost more than all the rest

GOLDEN, FIRST, SECOND = (np.uint64(n) for n in (draws.GOLDEN, draws.FIRST, draws.SECOND))
S27, S30, S31, S32 = (np.uint64(n) for n in (27, 30, 31, 32))
SLOTS = np.uint64(draws.SLOTS)

call: Any = addresses.call
fetch: Any = addresses.fetch
halves_at: Any = addresses.halves_at
leading_zeros: Any = numbers.leading_zeros
words_at: Any = addresses.words_at


@njit(inline="always")
def mix(number: Any) -> Any:
    """SplitMix64, as `coase.negotiation.draws.mix`."""
    number += GOLDEN
    number = (number ^ (number >> S30)) * FIRST
    number = (number ^ (number >> S27)) * SECOND
    return number ^ (number >> S31)


@njit(inline="always")
def put(links: Any, marks: Any, levels: int, side: int, level: int, node: int) -> int:
    """A node to the end of a level's queue; which node the level is."""
    at = side * levels + level
    last = links[2 * at + BEFORE]
    links[2 * node + AFTER] = np.int32(at)
    links[2 * node + BEFORE] = last
    links[2 * last + AFTER] = np.int32(node)
    links[2 * at + BEFORE] = np.int32(node)
    marks[LIVE + (at >> 6)] |= np.int64(1) << (at & 63)
    marks[side] = max(marks[side], level)
    return at


@njit(inline="always")
def take(links: Any, marks: Any, levels: int, side: int, at: int, node: int) -> None:
    """A node out of the level that it is in, or out of none."""
    before, after = links[2 * node + BEFORE], links[2 * node + AFTER]
    links[2 * before + AFTER] = after
    links[2 * after + BEFORE] = before
    links[2 * node + BEFORE] = links[2 * node + AFTER] = np.int32(node)
    empty = before == after
    block = LIVE + (at >> 6)
    word = marks[block] & ~(np.int64(empty) << (at & 63))
    marks[block] = word
    if empty and at - side * levels == marks[side]:
        first = LIVE + ((side * levels) >> 6)
        while word == 0 and block > first:
            block -= 1
            word = marks[block]
        marks[side] = -1 if word == 0 else ((block - first) << 6) + 63 - leading_zeros(word)


@njit(types.void(BEGIN, VECTOR, VECTOR, VECTOR, VECTOR), cache=True, nogil=True)
def begin(first: Any, kind: Any, sides: Any, limits: Any, keys: Any) -> None:
    """The first states of all traders of a kind."""
    for place in range(kind[COUNT]):
        who = kind[FIRST_ONE] + place
        first(place, kind[COUNT], kind[WORDS], kind[GIVEN], sides[who], limits[who], keys[who])


@njit(PAIR(*[int64] * 6), cache=True, nogil=True)
def turn_by_call(who: int, count: int, words: int, given: int, seen: int, tape: int) -> tuple[int, int]:
    """The turn of a trader that is called: by the function at the first given address (see `coase.market.called`)."""
    slots = words_at(given)
    code = call(slots[0], who)
    if code >= 0:
        return code, 1
    return slots[1], slots[2]


@njit(types.void(*[int64] * 14), cache=True, nogil=True)
def silent(count: int, words: int, given: int, limits: int, left: int, time: int, side: int, price: int,
           traded: int, paid: int, buyer: int, seller: int, low: int, high: int) -> None:  # fmt: skip
    """Of traders that hear nothing."""
    return


@njit(int64(*[TURN] * KINDS, *[HEAR] * KINDS, VECTOR, TABLE, VECTOR, TABLE, TABLE, TABLE, TABLE, VECTOR, VECTOR,
            VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, TABLE, TABLE, VECTOR, uint64[::1]), **BARE)  # fmt: skip
def days(t0: Any, t1: Any, t2: Any, t3: Any, t4: Any, t5: Any, t6: Any, t7: Any,
         h0: Any, h1: Any, h2: Any, h3: Any, h4: Any, h5: Any, h6: Any, h7: Any,
         setting: Any, kinds: Any, kind_of: Any, limits: Any, windows: Any, trades: Any, counts: Any, book: Any,
         bests: Any, left: Any, active: Any, places: Any, cash: Any, gone: Any, past: Any, tape: Any, shown: Any,
         ring: Any) -> int:  # fmt: skip
    """All days; how many trades there were. `coase.market.kernel` makes the arguments."""
    turns, hears = (t0, t1, t2, t3, t4, t5, t6, t7), (h0, h1, h2, h3, h4, h5, h6, h7)
    n, several, units, last_day, steps, low, high, clear, improve, budget, world = setting
    nowhere = book.shape[0] - ROW * (n + 1)
    levels, rows = nowhere // 2, nowhere + ROW
    top = high - low
    delayed, staged = past.shape[0] > 1, windows.shape[0] > 0  # staged: traders come and go
    listens = False
    for kind in range(several):
        listens = listens or kinds[kind, HEARS] != 0
    made, end, last_price = 0, 0, -1
    book_at, seen_at, tape_at = np.int64(book.ctypes.data), np.int64(shown.ctypes.data), np.int64(tape.ctypes.data)
    left_at = np.int64(left.ctypes.data)
    active_at = np.int64(active.ctypes.data)
    word, links = words_at(book_at), halves_at(book_at)
    marks, seen = words_at(np.int64(bests.ctypes.data)), words_at(seen_at)
    yesterday_low, yesterday_high = -1, -1
    for day in range(last_day):
        worth = limits[min(day, limits.shape[0] - 1)]
        worth_at = np.int64(worth.ctypes.data)
        alive, pending, buyers, sellers, here = 0, 0, 0, 0, 0
        for who in range(n):
            row = rows + ROW * who
            take(links, marks, levels, who & 1, word[row + AT], row)
            word[row + AT] = nowhere
            word[row + WORTH] = worth[who]
            word[row + LEFT] = 0
            cash[who] = budget
        if staged:
            while here < n and windows[2 * day, here] >= 0:
                who = windows[2 * day, here]
                word[rows + ROW * who + LEFT] = 0 if gone[who] else units
                here += 1
        else:
            for who in range(n):
                if not gone[who]:
                    word[rows + ROW * who + LEFT] = units
                    active[alive] = who
                    places[who] = alive
                    alive += 1
        for who in range(n):
            left[who] = word[rows + ROW * who + LEFT]
            if who & 1 == 0:
                buyers += left[who]
            else:
                sellers += left[who]
        if listens:
            for kind in range(several):
                if kinds[kind, HEARS]:
                    at = 8 * kinds[kind, FIRST_ONE]
                    hears[kind](kinds[kind, COUNT], kinds[kind, WORDS], kinds[kind, GIVEN], worth_at + at, left_at + at,
                                day * steps, 0, -1, 0, -1, -1, -1, low, high)  # fmt: skip
        seen[1] = day
        seen[3] = steps
        seen[9] = low
        seen[10] = high
        seen[11] = yesterday_low
        seen[12] = yesterday_high
        seen[13] = 0
        today_low, today_high = -1, -1
        took, refused, quoted = 0, 0, 0
        for time in range(day * steps + 1, day * steps + RING + 1):
            ring[time & (RING - 1)] = mix(np.uint64(world) + np.uint64(time) * SLOTS)
        for step in range(1, steps + 1):
            if buyers == 0 or sellers == 0:
                break
            if staged:
                while pending < here and windows[2 * day + 1, pending] <= step:
                    who = windows[2 * day, pending]
                    pending += 1
                    if word[rows + ROW * who + LEFT]:
                        active[alive] = who
                        places[who] = alive
                        alive += 1
            if delayed:
                past[step, 0] = marks[0]
                past[step, 1] = marks[1]
            time = day * steps + step
            bits = ring[time & (RING - 1)]
            ring[(time + RING) & (RING - 1)] = mix(np.uint64(world) + np.uint64(time + RING) * SLOTS)
            if alive == 0:  # nobody is there, and yet the draws go on
                continue
            if n > SMALL:
                fetch(
                    active_at + 8 * np.int64(((ring[(time + FARTHER) & (RING - 1)] >> S32) * np.uint64(alive)) >> S32)
                )
                soon = active[np.int64(((ring[(time + FAR) & (RING - 1)] >> S32) * np.uint64(alive)) >> S32)]
                fetch(book_at + 8 * (rows + ROW * soon))
                if several == 1 and kinds[0, APART]:
                    fetch(kinds[0, WORDS] + 8 * ROW * soon)
                soon = active[np.int64(((ring[(time + NEAR) & (RING - 1)] >> S32) * np.uint64(alive)) >> S32)]
                fetch(book_at + 8 * np.int64(links[2 * (rows + ROW * soon) + AFTER]))
                fetch(book_at + 8 * np.int64(links[2 * (rows + ROW * soon) + BEFORE]))
            who = active[np.int64(((bits >> S32) * np.uint64(alive)) >> S32)]
            row = rows + ROW * who
            kind = kind_of[who] if several > 1 else 0
            mine = who & 1
            sign = 1 - 2 * mine
            take(links, marks, levels, mine, word[row + AT], row)
            word[row + AT] = nowhere
            bid, ask = marks[0], marks[1]
            late = kinds[kind, LATE]
            if late > 0:
                bid, ask = past[max(step - late, 1), 0], past[max(step - late, 1), 1]
            seen[0] = time
            seen[2] = step
            seen[4] = word[row + WORTH]
            seen[5] = word[row + LEFT]
            seen[6] = low + bid if bid >= 0 else -1
            seen[7] = high - ask if ask >= 0 else -1
            seen[8] = last_price
            seen[14] = end
            if several == 1:
                price, quantity = t0(who, n, kinds[0, WORDS], kinds[0, GIVEN], seen_at, tape_at)
            else:
                price, quantity = turns[kind](who - kinds[kind, FIRST_ONE], kinds[kind, COUNT], kinds[kind, WORDS],
                                              kinds[kind, GIVEN], seen_at, tape_at)  # fmt: skip
            took += 1
            if quantity == 0:
                continue
            if quantity < 0 or quantity > word[row + LEFT] or price < low or price > high or (
                budget >= 0 and sign > 0 and price * quantity > cash[who]
            ):  # fmt: skip
                if not kinds[kind, CALLED] or quantity > FAILED:
                    refused += 1
                    continue
                if quantity == STOPPED:
                    return ENDED
                gone[who] = 1
                buyers -= word[row + LEFT] * (1 - mine)
                sellers -= word[row + LEFT] * mine
                word[row + LEFT] = left[who] = 0
                alive -= 1
                moved = active[alive]
                active[places[who]] = moved
                places[moved] = places[who]
                continue
            level = price - low if sign > 0 else high - price
            if improve and level <= marks[mine]:
                continue
            quoted += 1
            wanted = quantity
            traded = 0
            while True:
                paid = -1
                buyer, seller = -1, -1
                best = marks[1 - mine]
                if wanted > 0 and best >= 0 and best >= top - level:
                    facing = (1 - mine) * levels + best
                    resting: Any = np.int64(links[2 * facing + AFTER])
                    other = (resting - rows) // ROW
                    size = min(wanted, word[resting + QUANTITY])
                    paid = low + best if mine == 1 else high - best
                    wanted -= size
                    buyer = who if sign > 0 else other
                    seller = other if sign > 0 else who
                    word[resting + QUANTITY] -= size
                    if word[resting + QUANTITY] == 0:
                        take(links, marks, levels, 1 - mine, facing, resting)
                        word[resting + AT] = nowhere
                    for party in (buyer, seller):
                        still = word[rows + ROW * party + LEFT] - size
                        word[rows + ROW * party + LEFT] = still
                        if listens:
                            left[party] = still
                        if still == 0:
                            alive -= 1
                            moved = active[alive]
                            active[places[party]] = moved
                            places[moved] = places[party]
                    buyers -= size
                    sellers -= size
                    if budget >= 0:
                        cash[buyer] -= paid * size
                    trades[0, made] = day
                    trades[1, made] = step
                    trades[2, made] = buyer
                    trades[3, made] = seller
                    trades[4, made] = paid
                    trades[5, made] = paid
                    trades[6, made] = size
                    trades[7, made] = sign
                    trades[8, made] = step - word[resting + PLACED]
                    made += 1
                    last_price = paid
                    today_low = paid if today_low < 0 or paid < today_low else today_low
                    today_high = max(today_high, paid)
                    if clear:
                        wanted = 0
                        for side in range(2):
                            while marks[side] >= 0:
                                at = side * levels + marks[side]
                                first: Any = np.int64(links[2 * at + AFTER])
                                take(links, marks, levels, side, at, first)
                                word[first + AT] = nowhere
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
                    word[row + AT] = put(links, marks, levels, mine, level, row)
                    word[row + QUANTITY] = wanted
                    word[row + PLACED] = step
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
                word[row + AT] = put(links, marks, levels, mine, level, row)
                word[row + QUANTITY] = wanted
                word[row + PLACED] = step
        counts[day, TURNS], counts[day, REFUSED], counts[day, QUOTES] = took, refused, quoted
        yesterday_low, yesterday_high = today_low, today_high
    return made
