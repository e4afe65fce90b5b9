"""What one may ask of a registry: ``kind=compute memory_mib>=2048 price<=5000 region!=eu digits "training steps"``.

Terms are separated by spaces and all must hold. A term with an operator (``= != < <= > >= ~``) compares a field or an
attribute; anything else is looked for in title and description, word by word, and in double quotes as a phrase.

- A missing attribute matches nothing, not even ``!=``; neither does one of another type than the value.
- Digits are an integer, ``true`` and ``false`` are booleans, all else is text. Texts compare by code point.
- ``~`` finds a part of a text, whatever its case (Unicode case folding).
- The fields `agent account key kind unit content` are texts and `sequence price issued expires` integers. An attribute
  of the same name is not seen.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, get_args

from coase.errors import RegistryRefused
from coase.terms.listing import Listing

MAX_LENGTH = 500
MAX_TERMS = 16
TEXTS = frozenset({"agent", "account", "key", "kind", "unit", "content"})
INTEGERS = frozenset({"sequence", "price", "issued", "expires"})
FIELDS = TEXTS | INTEGERS

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

_TERM = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,31})(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_WORD = re.compile(r"[^\W_]+")
_OPERATOR = re.compile(r"[=<>~]")
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
            return contains(found, str(self.value))
        wanted: Any = self.value
        if isinstance(found, bool) != isinstance(wanted, bool) or isinstance(found, str) != isinstance(wanted, str):
            return False
        order = int(found > wanted) - int(found < wanted)
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
    """All comparisons must hold, and all phrases (words separated by one space) occur in title or description."""

    comparisons: tuple[Comparison, ...] = ()
    phrases: tuple[str, ...] = ()


def contains(text: object, part: str) -> bool:
    """What ``~`` means. SQLite's own `lower` knows ASCII only, so a database calls this too."""
    return isinstance(text, str) and part.casefold() in text.casefold()


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        RegistryRefused: `query_malformed`, when it is too long, has too many terms or an open quote, or a term that
            says nothing or compares a field with what it can never be.
    """
    if len(text) > MAX_LENGTH:
        raise _malformed(f"it has {len(text)} characters, more than {MAX_LENGTH}")
    try:
        text.encode()
        lexer = shlex.shlex(text, posix=True, punctuation_chars="")
        lexer.whitespace_split, lexer.commenters, lexer.escape, lexer.quotes = True, "", "", '"'
        terms = list(lexer)
    except UnicodeEncodeError as error:
        raise _malformed("half a surrogate pair is no text") from error
    except ValueError as error:
        raise _malformed(str(error).lower()) from error
    if len(terms) > MAX_TERMS:
        raise _malformed(f"it has {len(terms)} terms, more than {MAX_TERMS}")
    comparisons, phrases = [], []
    for term in terms:
        if found := _TERM.fullmatch(term):
            comparisons.append(_comparison(found[1].lower(), found[2], found[3]))
        elif phrase := "" if _OPERATOR.search(term) else " ".join(_WORD.findall(unicodedata.normalize("NFC", term))):
            phrases.append(phrase)
        else:
            raise _malformed(f"{term!r} is neither a word nor a comparison of a name with a value")
    return Query(tuple(comparisons), tuple(phrases))


def _comparison(name: str, operator: str, text: str) -> Comparison:
    value: Value = text
    if _OPERATOR.match(text):
        raise _malformed(f"{operator + text[0]!r} is no operator; there are {' '.join(OPERATORS)}")
    if operator != "~":
        if _INTEGER.fullmatch(text):
            value = int(text)
            if not -(2**63) <= value < 2**63:
                raise _malformed(f"{text} is too large to compare")
        else:
            value = _BOOLEANS.get(text, text)
    if name in INTEGERS and (isinstance(value, bool) or not isinstance(value, int)):
        raise _malformed(f"'{name}' is an integer (base units, seconds), and {text!r} is none")
    if name in TEXTS and not isinstance(value, str):
        value = text
    return Comparison(name, next(known for known in OPERATORS if known == operator), value)


def _malformed(why: str) -> RegistryRefused:
    return RegistryRefused(
        f"the query cannot be read: {why}",
        hint='for example: kind=compute memory_mib>=2048 price<=5000 "training steps"',
        code="query_malformed",
    )
