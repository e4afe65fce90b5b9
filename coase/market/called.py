"""Traders in plain Python, called from machine code when it is their turn.

The machine code calls a C function with the trader's number, which resumes a generator here: whatever happens in it,
an interrupt included, happens inside its `try`, and nothing is lost on the way back through C. The answer is the price
of a quote for one unit, the common case; anything else is in two slots, a price and a quantity.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator
from typing import Any

import numpy as np

from coase.market.trader import NO_QUOTE, Quote, Trader, View, raised, whole

SLOTS = -1  # the answer is in the slots
FAILED, STOPPED = -2, -3  # quantities: the trader failed; the run has to end
REFUSED = (0, -1)  # what no market takes
MOST = 2**62  # beyond it, a number does not fit a slot
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Called:
    """The traders of one kind.

    Args:
        trader: their skill.
        first: the number of the first of them.
        failed: where to note those that raise or answer nonsense: trader -> sentence.
    """

    def __init__(self, trader: Trader, first: int, failed: dict[int, str]) -> None:
        self._trader, self._first, self._failed = trader, first, failed
        self._states: list[Any] = []
        self.slots = np.zeros(3, np.int64)  # the address of the function; a price and a quantity
        self.broken: BaseException | None = None

    def begin(self, sides: Ints, limits: Ints, keys: Ints, seen: Ints, tape: Ints) -> None:
        """Start all of them, and be ready for their turns.

        Args:
            sides: of each of the kind; limits and keys likewise.
            limits: of the first day.
            keys: of their draws.
            seen: the numbers of a view, filled in before each call.
            tape: of the view.
        """
        for who, (side, limit, key) in enumerate(zip(sides.tolist(), limits.tolist(), keys.tolist(), strict=True)):
            state = None
            try:
                state = self._trader.start(side, limit, key)
            except Exception as error:  # noqa: BLE001 - a stranger's code
                self._failed[self._first + who] = raised(error)
            self._states.append(state)
        turns = self._turns(seen, tape)
        next(turns)
        self._function = FUNCTION(turns.send)  # kept, for as long as its address is in use
        self.slots[0] = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def _turns(self, seen: Ints, tape: Ints) -> Generator[int, int, None]:
        ask, states, numbers, new = self._trader.quote, self._states, seen.tolist, tuple.__new__
        answer = SLOTS
        while True:
            try:
                who = yield answer
                answer = SLOTS
                try:
                    states[who], quote = ask(states[who], new(View, (*numbers(), tape)))
                except Exception as error:  # noqa: BLE001 - a stranger's code
                    self._fail(who, raised(error))
                    continue
                if type(quote) is Quote:
                    price, quantity = quote
                    if type(price) is int and 0 <= price < MOST and type(quantity) is int and quantity == 1:
                        answer = price
                        continue
                self._answer(who, quote)
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - an interrupt; told to the caller once the run has ended
                self.broken = error
                self.slots[1:] = 0, STOPPED
                answer = SLOTS

    def _answer(self, who: int, quote: Any) -> None:
        try:
            price, quantity = whole(NO_QUOTE if quote is None else quote)
        except ValueError as error:
            return self._fail(who, str(error))
        within = 0 <= price < MOST and 0 < quantity < MOST
        self.slots[1:] = (0, 0) if quantity == 0 else (price, quantity) if within else REFUSED
        return None

    def _fail(self, who: int, sentence: str) -> None:
        self._failed[self._first + who] = sentence
        self.slots[1:] = 0, FAILED
