"""Traders compiled as they stand: an author's methods, by numba, over rows of numbers.

A trader's methods are pure functions of tuples of numbers, so numba compiles them where they keep to numbers:
parameters become a tuple, states a row of 64-bit words. What does not compile runs in plain Python, with the same
trades.

What all traders do at each event is compiled for many at a time (vector code) where it may be: code that raises when
something is divided by zero cannot be, so there the processor's flags are read instead, after the run. If one was
raised, the run is made again by code that raises (`exact`). Whole-number division leaves no flag and is always exact.
"""

from __future__ import annotations

import dis
import types
import typing
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from coase.market import floating
from coase.market.trader import TAPE, Event, Trader, View
from coase.negotiation import draws

WIDTH = 8  # words of a state at most; one cache line
SEEN = len(View._fields) - 1  # what a view holds besides the tape

_TEMPLATE = """
def begin(who, count, words, given, side, limit, key):
    words, reals, given = words_at(words), reals_at(words), reals_at(given)
    state = start({own}, side, limit, key)
{pack}

def turn(who, count, words, given, seen, tape):
    words, reals, given, seen = words_at(words), reals_at(words), reals_at(given), words_at(seen)
    state, quote = ask({own}, State({unpack}), View({view}, carray(words_at(tape), ({tape}, 3))))
{pack}
    return quote.price | 0, quote.quantity | 0

def all_hear({rows}, limits, left, given, time, side, price, traded, paid, buyer, seller, low, high):
    own = {own}
    for who in range(len(limits)):
        mine = 1 if who == buyer or who == seller else 0
        event = Event(time, side, price, traded, paid, mine, limits[who], left[who], low, high)
        state = listen(own, State({row_values}), event)
{row_writes}

def hear(count, words, given, limits, left, time, side, price, traded, paid, buyer, seller, low, high):
    all_hear({row_arrays}, carray(words_at(limits), count), carray(words_at(left), count),
             carray(reals_at(given), {given}), time, side, price, traded, paid, buyer, seller, low, high)
"""


@dataclass(frozen=True)
class Compiled:
    """A kind of trader as machine code.

    Args:
        begin: writes a first state.
        turn: makes a quote.
        hear: lets all traders hear an event; None where the kind does not listen.
        width: words of a state.
        kind: the trader's class.
        exact: whether a division by zero raises; otherwise flags have to be read (`coase.market.floating`).
    """

    begin: Any
    turn: Any
    hear: Any
    width: int
    kind: type[Trader]
    exact: bool


def available() -> bool:
    """Whether numba is there."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def parameters(trader: Trader) -> Any:
    """The trader's parameters as a row of 64-bit floats; None where one is not a number."""
    values = [getattr(trader, name) for name in type(trader).model_fields]
    if not all(isinstance(v, (bool, int, float)) and abs(v) < 2**53 for v in values):
        return None
    return np.array([*values, 0.0], np.float64)


@lru_cache(128)
def compiled(kind: type[Trader], exact: bool = False) -> Compiled | None:
    """The kind as machine code, or None: numba is missing, or the methods are not made of numbers alone.

    Args:
        kind: the trader's class.
        exact: do without vector code.
    """
    if not available() or not _eligible(kind):
        return None
    from numba.core.errors import NumbaError

    state = _state(kind)
    if state is None:
        return None
    refusals = (NumbaError, TypeError, ValueError, KeyError, NotImplementedError, AssertionError, RecursionError)
    if not exact and _for_many(kind.observe):
        try:
            return _build(kind, *state, exact=False)
        except refusals:
            pass  # what is compiled into one piece has more limits than what is called
    try:
        return _build(kind, *state, exact=True)
    except refusals:
        return None


def _for_many(function: Callable[..., Any]) -> bool:
    """Whether it hears, and divides nothing by whole numbers without a fraction; nor does what it calls."""
    plain = typing.cast("types.FunctionType", function)
    if plain is Trader.observe or not floating.watched():
        return False
    whole = {i.argrepr for i in dis.get_instructions(plain) if i.opname == "BINARY_OP"} & {"//", "%", "//=", "%="}
    return not whole and all(_for_many(helper) for helper in _helpers(plain).values())


def _eligible(kind: type[Trader]) -> bool:
    numbers = {bool: True, int: True, float: True}
    return all(numbers.get(field.annotation, False) for field in kind.model_fields.values())  # type: ignore[arg-type]


def _state(kind: type[Trader]) -> tuple[type[Any], list[bool]] | None:
    """The NamedTuple that `start` is annotated to return, and which of its fields are floats."""
    try:
        found = typing.get_type_hints(kind.start)["return"]
        hints = typing.get_type_hints(found)
    except (KeyError, NameError, TypeError, AttributeError):
        return None
    names = getattr(found, "_fields", None)
    if not names or len(names) > WIDTH or any(hints[n] not in (int, float) for n in names):
        return None
    return found, [hints[name] is float for name in names]


def _build(kind: type[Trader], state: type[Any], floats: list[bool], *, exact: bool) -> Compiled:
    from numba import int64, njit, void
    from numba.np.numpy_support import carray

    from coase.market import addresses

    fields = list(kind.model_fields)
    casts = {int: "int(given[{}])", bool: "given[{}] != 0.0", float: "given[{}]"}
    shown = [casts[kind.model_fields[name].annotation].format(i) for i, name in enumerate(fields)]  # type: ignore[index]
    own = f"Own({', '.join(shown)})" if fields else "Own(0)"
    hears = kind.observe is not Trader.observe
    # Of traders that listen, each field has a row of its own, so that many of them learn at once.
    place = "{} * count + who" if hears else f"who * {WIDTH} + {{}}"
    held = ["reals" if real else "words" for real in floats]
    unpack = ", ".join(f"{name}[{place.format(i)}]" for i, name in enumerate(held))
    writes = [f"{name}[{place.format(i)}] = state[{i}]" for i, name in enumerate(held)]
    source = _TEMPLATE.format(
        own=own,
        unpack=unpack + ",",
        view=", ".join(f"seen[{i}]" for i in range(SEEN)),
        pack="\n".join("    " + line for line in writes),
        tape=TAPE,
        given=len(fields) + 1,
        rows=", ".join(f"row{i}" for i in range(len(floats))),
        row_values=", ".join(f"row{i}[who]" for i in range(len(floats))) + ",",
        row_writes="\n".join(f"        row{i}[who] = state[{i}]" for i in range(len(floats))),
        row_arrays=", ".join(f"carray({name}_at(words + {8 * i} * count), count)" for i, name in enumerate(held)),
    )
    model: dict[str, Any] = {} if exact else {"error_model": "numpy", "inline": "always"}
    space: dict[str, Any] = {
        "Own": _tuple(kind.__name__, tuple(fields) or ("none",)), "State": state, "View": View, "Event": Event,
        "start": _function(kind.start), "ask": _function(kind.quote), "listen": _function(kind.observe, **model),
        "words_at": addresses.words_at, "reals_at": addresses.reals_at, "carray": carray,
    }  # fmt: skip
    exec(compile(source, f"<{kind.__name__}>", "exec"), space)  # noqa: S102 - a template of ours and field numbers
    begin = njit(void(*[int64] * 7), nogil=True)(space["begin"])
    turn = njit(_pair()(*[int64] * 6), nogil=True)(space["turn"])
    hear = None
    if hears:
        errors: Literal["python", "numpy"] = "python" if exact else "numpy"
        space["all_hear"] = njit(nogil=True, error_model=errors)(space["all_hear"])
        hear = njit(void(*[int64] * 14), nogil=True, error_model=errors)(space["hear"])
    return Compiled(begin, turn, hear, len(floats), kind, exact or not hears)


def _pair() -> Any:
    from numba import int64, types

    return types.UniTuple(int64, 2)  # type: ignore[no-untyped-call]


def _tuple(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(f"{name}Own", fields)


def _helpers(plain: types.FunctionType) -> dict[str, types.FunctionType]:
    """The plain functions that it calls."""
    named = {name: plain.__globals__.get(name) for name in plain.__code__.co_names}
    return {n: f for n, f in named.items() if isinstance(f, types.FunctionType) and f is not draws.uniform}


def _function(function: Callable[..., Any], **model: Any) -> Any:
    """A method as compiled code, with the plain functions that it calls."""
    from numba import njit

    _teach()
    plain = typing.cast("types.FunctionType", function)
    helpers = {name: _function(helper, **model) for name, helper in _helpers(plain).items()}
    space = {**plain.__globals__, **helpers}
    return njit(**model)(
        types.FunctionType(plain.__code__, space, plain.__name__, plain.__defaults__, plain.__closure__)
    )


@lru_cache(1)
def _teach() -> None:
    """Tell numba what `coase.draw` computes."""
    from numba import njit, uint64
    from numba.extending import overload

    golden, first, second = (np.uint64(n) for n in (draws.GOLDEN, draws.FIRST, draws.SECOND))
    s11, s27, s30, s31 = (np.uint64(n) for n in (11, 27, 30, 31))
    unit = draws.UNIT

    @njit(inline="always")
    def bits(number: Any) -> Any:
        number += golden
        number = (number ^ (number >> s30)) * first
        number = (number ^ (number >> s27)) * second
        return (number ^ (number >> s31)) >> s11

    @overload(draws.uniform, inline="always")
    def _draw(key: Any, step: Any, slot: Any = 0) -> Any:
        def draw(key: Any, step: Any, slot: Any = 0) -> Any:
            return bits(uint64(key) + uint64(step) * uint64(1024) + uint64(slot)) * unit

        return draw
