"""What is bargained over: issues with their values. An outcome is one value of each, and has a number."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from coase.errors import TermsError

if TYPE_CHECKING:
    from coase.terms.exclusion import Exclusion

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
    price list costs nothing. `without` rules out combinations; what is ruled out keeps its number, but is no outcome.

    Raises:
        TermsError: no issue, an empty one, a value of another kind or twice, or more than a million outcomes.
    """

    __slots__ = ("_axes", "_hash", "_index", "excluded", "issues", "size", "sizes")

    issues: Mapping[str, Sequence[Value]]
    excluded: tuple[Exclusion, ...]  # combinations ruled out
    size: int  # number of outcomes, with those ruled out
    sizes: tuple[int, ...]  # number of values of each issue
    _axes: tuple[tuple[str, Sequence[Value], int], ...]  # issue, values, how many outcomes lie between two of them
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
        axes = []
        for name, values in kept.items():
            size //= len(values)
            axes.append((name, values, size))
        write("_axes", tuple(axes))
        write("excluded", ())
        write("_index", {})
        write("_hash", hash(self._key()))

    def without(self, **values: Value | Iterable[Value]) -> Domain:
        """The domain in which no outcome combines these, for example ``without(speed="fast", price=range(0, 20))``.

        An outcome is ruled out if it has, for each of the issues named, one of the values given. Ruled out for both
        parties, it is never proposed, accepted or counted as possible.

        Raises:
            TermsError: an issue or a value that the domain does not have, more than 64 exclusions, or no outcome left.
        """
        from coase.terms.exclusion import MOST, Exclusion, allowed

        if not values or not values.keys() <= self.issues.keys():
            raise TermsError(f"{_short(list(values))} are not issues of the domain", code="bad_domain")
        if len(self.excluded) >= MOST:
            raise TermsError(f"more than {MOST} exclusions", hint="join some into one", code="too_large")
        kept: dict[str, Sequence[Value]] = {}
        for name, own in self.issues.items():
            if name in values:
                given = values[name]
                some = [given] if isinstance(given, (str, bool, int)) else given
                kept[name] = _values(name, some, len(own))
        places = tuple(
            frozenset(self._position(name, value) for value in kept[name]) if name in kept else None
            for name in self.issues
        )
        domain = type(self).__new__(type(self))
        write = super(Domain, domain).__setattr__
        for name in ("issues", "sizes", "size", "_axes"):
            write(name, getattr(self, name))
        write("excluded", (*self.excluded, Exclusion(MappingProxyType(kept), places)))
        write("_index", {})
        write("_hash", hash(domain._key()))
        if not allowed(domain.excluded, self.sizes).any():
            raise TermsError("no outcome is left", hint="exclude less", code="bad_domain")
        return domain

    def outcome(self, number: int) -> dict[str, Value]:
        """The outcome of a number from 0 to ``size - 1``, as {issue: value}."""
        plain = self.check(number)
        return {name: values[plain // inner % len(values)] for name, values, inner in self._axes}

    def number(self, outcome: Mapping[str, object]) -> int:
        """The number of an outcome. It must name each issue once, with one of its values."""
        if not isinstance(outcome, Mapping) or outcome.keys() != self.issues.keys():
            named = list(outcome) if isinstance(outcome, Mapping) else outcome
            raise TermsError(f"an outcome names {', '.join(self.issues)}, not {_short(named)}", code="unknown_outcome")
        number = 0
        for name, values in self.issues.items():
            number = number * len(values) + self._position(name, outcome[name])
        return self.check(number) if self.excluded else number

    def check(self, number: object) -> int:
        """Return `number` if it is the number of an outcome; raise `TermsError` otherwise."""
        if type(number) is int and 0 <= number < self.size and not self.excluded:
            return number
        if isinstance(number, bool) or not isinstance(number, SupportsIndex):
            raise TermsError(f"{_short(number)} is not the number of an outcome", code="unknown_outcome")
        plain = operator.index(number)
        if not 0 <= plain < self.size:
            raise TermsError(f"no outcome {plain}: there are {self.size}", code="unknown_outcome")
        if self.excluded:
            at = self._places(plain)
            for one in self.excluded:
                if one.covers(at):
                    given = ", ".join(f"{name} {_short(values)}" for name, values in one.values.items())
                    raise TermsError(f"outcome {plain} is ruled out: not {given} together", code="excluded_outcome")
        return plain

    def _places(self, number: int) -> list[int]:
        """The place of each issue's value in the outcome of a number."""
        return [number // inner % len(values) for _, values, inner in self._axes]

    def to_json(self) -> dict[str, Any]:
        """The domain as JSON: ranges as ``[first, after last, step]``, without floats, so that it can be signed."""
        written: dict[str, Any] = {"issues": _rows(self.issues)}
        if self.excluded:
            written["without"] = [_rows(one.values) for one in self.excluded]
        return written

    @classmethod
    def from_json(cls, data: object, *, limit: int = MAXIMUM_OUTCOMES) -> Domain:
        """Read what `to_json` wrote. The data may come from anyone: at most `limit` outcomes, nothing else accepted."""
        if not isinstance(data, dict) or not {"issues"} <= data.keys() <= {"issues", "without"}:
            raise TermsError(f"{_short(data)} is not a domain", code="bad_domain")
        domain = cls.__new__(cls)
        domain._fill(_issues(data["issues"]), min(limit, MAXIMUM_OUTCOMES))
        exclusions = data.get("without", [])
        if not isinstance(exclusions, list) or ("without" in data and not exclusions):
            raise TermsError(f"{_short(exclusions)} are not exclusions", code="bad_domain")
        for rows in exclusions:
            domain = domain.without(**_issues(rows))
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
        issues = tuple((name, type(values[0]), values) for name, values in self.issues.items())
        return (issues, tuple(one.places for one in self.excluded)) if self.excluded else issues

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Domain) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        shown = f"Domain({_arguments(self.issues)})"
        return "".join((shown, *(f".without({_arguments(one.values)})" for one in self.excluded)))

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


def _arguments(issues: Mapping[str, Sequence[Value]]) -> str:
    return ", ".join(f"{n}={v!r}" if isinstance(v, range) else f"{n}={list(v)!r}" for n, v in issues.items())


def _rows(issues: Mapping[str, Sequence[Value]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, values in issues.items():
        if isinstance(values, range):
            rows.append({"name": name, "range": [values.start, values.stop, values.step]})
        else:
            rows.append({"name": name, "values": list(values)})
    return rows


def _issues(rows: object) -> dict[str, Iterable[Value]]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAXIMUM_ISSUES:
        raise TermsError(f"{_short(rows)} are not issues", code="bad_domain")
    issues: dict[str, Iterable[Value]] = {}
    for row in rows:
        name, values = _row(row)
        if name in issues:
            raise TermsError(f"issue '{name}' comes twice", code="bad_domain")
        issues[name] = values
    return issues


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


def check_domain(domain: object) -> None:
    """Raise `TermsError` where it is none: a caller's own mistake."""
    if not isinstance(domain, Domain):
        raise TermsError(f"{_short(domain)} is not a domain", hint="coase.Domain(price=range(100))", code="bad_domain")


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, (dict, list)) else str(type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."
