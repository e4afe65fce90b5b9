"""What one may ask of a registry: ``kind=compute memory_mib>=2048 price<=5000 region!=eu digits "training steps"``.

Terms are separated by spaces and all must hold. A term with an operator (``= != < <= > >= ~``) compares a field or an
attribute; anything else is full-text search over title and description. A missing attribute matches nothing, not even
``!=``; integers compare as numbers, texts as texts, and ``~`` finds a part of a text, whatever its case.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any, Literal, get_args

from coase.errors import RegistryRefused
from coase.terms.listing import Listing

MAX_LENGTH = 500
MAX_TERMS = 16
FIELDS = frozenset({"agent", "account", "key", "kind", "unit", "price", "content", "issued", "expires", "sequence"})

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

_TERM = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,31})(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,30}", re.ASCII)
_WORD = re.compile(r"\w+")
_BOOLEANS = {"true": True, "false": False}

Value = int | str | bool


@dataclass(frozen=True)
class Comparison:
    """A field or attribute against a value."""

    name: str
    operator: Operator
    value: Value

    def holds(self, listing: Listing) -> bool:
        """Whether a listing satisfies it: what the compiled SQL must agree with."""
        found: Any = getattr(listing, self.name) if self.name in FIELDS else listing.attributes.get(self.name)
        if found is None:
            return False
        if self.operator == "~":
            return isinstance(found, str) and str(self.value).lower() in found.lower()
        wanted: Any = self.value
        if isinstance(found, bool) != isinstance(wanted, bool) or isinstance(found, str) != isinstance(wanted, str):
            return False
        order = (found > wanted) - (found < wanted)
        return {
            "=": order == 0,
            "!=": order != 0,
            "<": order < 0,
            "<=": order <= 0,
            ">": order > 0,
            ">=": order >= 0,
        }[self.operator]


@dataclass(frozen=True)
class Query:
    """All comparisons must hold, and all words must occur in title or description."""

    comparisons: tuple[Comparison, ...] = ()
    words: tuple[str, ...] = ()


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        RegistryRefused: `query_malformed`, when it is too long, has too many terms or an open quote.
    """
    if len(text) > MAX_LENGTH:
        raise _malformed(f"it has {len(text)} characters, more than {MAX_LENGTH}")
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars="")
        lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
        terms = list(lexer)
    except ValueError as error:
        raise _malformed(str(error).lower()) from error
    if len(terms) > MAX_TERMS:
        raise _malformed(f"it has {len(terms)} terms, more than {MAX_TERMS}")
    comparisons, words = [], []
    for term in terms:
        if found := _TERM.fullmatch(term):
            comparisons.append(_comparison(found[1], found[2], found[3]))
        else:
            words += _WORD.findall(term)
    return Query(tuple(comparisons), tuple(words[:MAX_TERMS]))


def _comparison(name: str, operator: str, text: str) -> Comparison:
    value: Value = text
    if operator != "~":
        if _INTEGER.fullmatch(text):
            value = int(text)
            if not -(2**63) <= value < 2**63:
                raise _malformed(f"{text} is too large to compare")
        else:
            value = _BOOLEANS.get(text, text)
    return Comparison(name, next(known for known in OPERATORS if known == operator), value)


def _malformed(why: str) -> RegistryRefused:
    return RegistryRefused(
        f"the query cannot be read: {why}",
        hint='for example: kind=compute memory_mib>=2048 price<=5000 "training steps"',
        code="query_malformed",
    )
