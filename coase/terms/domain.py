"""What is bargained over: issues with their values. An outcome is one value of each, and has a number."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, SupportsIndex

from coase.errors import TermsError

Value = int | str | bool

MAXIMUM_OUTCOMES = 1_000_000
MAXIMUM_ISSUES = 16
MAXIMUM_TEXT = 200
LARGEST = 2**96 - 1  # the largest amount of money; issues hold amounts

_TEXT_KINDS: dict[type, str] = {int: "integers", str: "texts", bool: "booleans"}


class Domain:
    """Issues and their values, for example ``Domain(price=range(0, 100), speed=["slow", "fast"])``.

    Values are integers, texts or booleans, of one kind within an issue, each once, in an order that is kept. Outcomes
    are numbered from 0 in row-major order: the last issue varies fastest. A domain never changes; domains with the
    same issues, values and order are equal. Three or more evenly spaced integers are kept as a `range`, so a long
    price list costs nothing.

    Raises:
        TermsError: no issue, an empty one, a value of another kind or twice, or more than a million outcomes.
    """

    __slots__ = ("_hash", "_index", "issues", "size", "sizes")

    issues: Mapping[str, Sequence[Value]]
    size: int  # number of outcomes
    sizes: tuple[int, ...]  # number of values of each issue
    _index: dict[str, dict[object, int]]  # value -> place, made when first asked for
    _hash: int

    def __init__(self, **issues: Iterable[Value]) -> None:
        self._fill(issues, MAXIMUM_OUTCOMES)

    def _fill(self, issues: Mapping[str, Iterable[Value]], limit: int) -> None:
        if not 1 <= len(issues) <= MAXIMUM_ISSUES:
            raise TermsError(f"a domain has 1 to {MAXIMUM_ISSUES} issues, not {len(issues)}", code="bad_domain")
        kept: dict[str, Sequence[Value]] = {}
        size = 1
        for name, values in issues.items():
            kept[_name(name)] = chosen = _values(name, values, limit)
            size *= len(chosen)
            if size > limit:
                _too_many(limit)
        write = super().__setattr__
        write("issues", MappingProxyType(kept))
        write("sizes", tuple(len(values) for values in kept.values()))
        write("size", size)
        write("_index", {})
        write("_hash", hash(self._key()))

    def outcome(self, number: int) -> dict[str, Value]:
        """The outcome of a number from 0 to ``size - 1``, as {issue: value}."""
        rest = self.check(number)
        at = []
        for size in reversed(self.sizes):
            rest, index = divmod(rest, size)
            at.append(index)
        return {name: values[i] for (name, values), i in zip(self.issues.items(), reversed(at), strict=True)}

    def number(self, outcome: Mapping[str, object]) -> int:
        """The number of an outcome. It must name each issue once, with one of its values."""
        if not isinstance(outcome, Mapping) or outcome.keys() != self.issues.keys():
            named = list(outcome) if isinstance(outcome, Mapping) else outcome
            raise TermsError(f"an outcome names {', '.join(self.issues)}, not {_short(named)}", code="unknown_outcome")
        number = 0
        for name, values in self.issues.items():
            number = number * len(values) + self._position(name, outcome[name])
        return number

    def check(self, number: object) -> int:
        """Return `number` if it is the number of an outcome; raise `TermsError` otherwise."""
        if type(number) is int and 0 <= number < self.size:
            return number
        if isinstance(number, bool) or not isinstance(number, SupportsIndex):
            raise TermsError(f"{_short(number)} is not the number of an outcome", code="unknown_outcome")
        plain = operator.index(number)
        if not 0 <= plain < self.size:
            raise TermsError(f"no outcome {plain}: there are {self.size}", code="unknown_outcome")
        return plain

    def to_json(self) -> dict[str, Any]:
        """The domain as JSON: ranges as ``[first, after last, step]``, without floats, so that it can be signed."""
        rows: list[dict[str, Any]] = []
        for name, values in self.issues.items():
            if isinstance(values, range):
                rows.append({"name": name, "range": [values.start, values.stop, values.step]})
            else:
                rows.append({"name": name, "values": list(values)})
        return {"issues": rows}

    @classmethod
    def from_json(cls, data: object, *, limit: int = MAXIMUM_OUTCOMES) -> Domain:
        """Read what `to_json` wrote. The data may come from anyone: at most `limit` outcomes, nothing else accepted."""
        rows = data.get("issues") if isinstance(data, dict) and data.keys() == {"issues"} else None
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAXIMUM_ISSUES:
            raise TermsError(f"{_short(data)} is not a domain", code="bad_domain")
        issues: dict[str, Iterable[Value]] = {}
        for row in rows:
            name, values = _row(row)
            if name in issues:
                raise TermsError(f"issue '{name}' comes twice", code="bad_domain")
            issues[name] = values
        domain = cls.__new__(cls)
        domain._fill(issues, min(limit, MAXIMUM_OUTCOMES))
        return domain

    def _position(self, name: str, value: object) -> int:
        values = self.issues[name]
        if type(value) is type(values[0]):
            if isinstance(values, range):
                if isinstance(value, int) and value in values:
                    return values.index(value)
            else:
                if name not in self._index:
                    self._index[name] = {v: i for i, v in enumerate(values)}
                if value in self._index[name]:
                    return self._index[name][value]
        raise TermsError(
            f"{_short(value)} is not a value of '{name}'", hint=f"it takes {_short(values)}", code="unknown_outcome"
        )

    def _key(self) -> tuple[Any, ...]:
        return tuple((name, type(values[0]), values) for name, values in self.issues.items())

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Domain) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        shown = (f"{n}={v!r}" if isinstance(v, range) else f"{n}={list(v)!r}" for n, v in self.issues.items())
        return f"Domain({', '.join(shown)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Domain never changes: make a new one instead of setting '{name}'")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Domain never changes: '{name}' stays")

    def __reduce__(self) -> tuple[Any, ...]:
        return Domain.from_json, (self.to_json(),)


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.isidentifier() or len(name) > MAXIMUM_TEXT:
        raise TermsError(
            f"{_short(name)} is no name for an issue", hint="letters, digits and underscores", code="bad_domain"
        )
    return name


def _values(name: str, values: Iterable[Value], limit: int) -> Sequence[Value]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TermsError(f"issue '{name}' needs a list of values, not {_short(values)}", code="bad_domain")
    if isinstance(values, range):
        count = max(0, -((values.stop - values.start) // -values.step))  # len() overflows beyond 2**63
        if count > limit:
            _too_many(limit)
        if count >= 3:
            _bounded(name, values[0])
            _bounded(name, values[-1])
            return range(values.start, values[-1] + values.step, values.step)
    kept: list[Value] = []
    for value in values:
        if len(kept) >= limit:
            _too_many(limit)
        kept.append(_value(name, value))
    if not kept:
        raise TermsError(f"issue '{name}' has no values", code="bad_domain")
    if {type(value) for value in kept} != {type(kept[0])}:
        raise TermsError(f"issue '{name}' mixes kinds of values", hint="use one kind in an issue", code="bad_domain")
    if len(set(kept)) < len(kept):
        raise TermsError(f"issue '{name}' has a value twice", code="bad_domain")
    return _evenly_spaced(kept) or tuple(kept)


def _evenly_spaced(values: list[Value]) -> range | None:
    first, second = values[0], values[1] if len(values) > 2 else values[0]
    if type(first) is not int or type(second) is not int or first == second:
        return None
    step = second - first
    spaced = range(first, first + step * len(values), step)
    return spaced if all(a == b for a, b in zip(spaced, values, strict=True)) else None


def _value(name: str, value: object) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAXIMUM_TEXT or any("\ud800" <= c <= "\udfff" for c in value):
            raise TermsError(f"issue '{name}': {_short(value)} is too long or not UTF-8", code="bad_domain")
        return str(value)
    if isinstance(value, SupportsIndex):
        return _bounded(name, operator.index(value))
    raise TermsError(
        f"issue '{name}': {_short(value)} is neither an integer, nor a text, nor a boolean",
        hint="write fractions in smaller units: cents, not dollars",
        code="bad_domain",
    )


def _bounded(name: str, value: int) -> int:
    if not -LARGEST <= value <= LARGEST:
        raise TermsError(f"issue '{name}': an integer beyond 96 bits", code="bad_domain")
    return value


def _too_many(limit: int) -> NoReturn:
    raise TermsError(
        f"more than {limit:,} outcomes", hint="use fewer values, for example range(low, high, step)", code="too_large"
    )


def _row(row: object) -> tuple[str, Iterable[Value]]:
    if isinstance(row, dict) and row.keys() == {"name", "range"}:
        name, span = _name(row["name"]), row["range"]
        if isinstance(span, list) and len(span) == 3 and all(type(x) is int for x in span) and span[2] != 0:
            for x in span:
                _bounded(name, abs(x) - 1)  # the end of a range lies one step beyond its last value
            return name, range(*span)
    elif isinstance(row, dict) and row.keys() == {"name", "values"} and isinstance(row["values"], list):
        return _name(row["name"]), row["values"]
    raise TermsError(f"{_short(row)} is not an issue", code="bad_domain")


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, (dict, list)) else str(type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."
