"""The error tree: as drawn, with codes that programs can rely on."""

from __future__ import annotations

import inspect
import re

import pytest

from coase import errors
from coase.errors import CoaseError, MandateRefused, MissingExtra, RegistryRefused, TransactionReverted

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, CoaseError) and kind.__module__ == errors.__name__
}
DRAWN = re.compile(r"^ {4}([│ ├└─]*)([A-Z]\w+)")


def drawn() -> dict[str, str]:
    """Each class of the drawing with the one above it, by depth."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for found in filter(None, map(DRAWN.match, str(errors.__doc__).splitlines())):
        depth = len(found[1]) // 4
        parents[found[2]] = above[depth - 1] if depth else ""
        above[depth:] = [found[2]]
    return parents


def test_the_drawing_is_the_tree() -> None:
    """The tree at the top of the file has every class, under its base, and no other."""
    found = {name: kind.__mro__[1].__name__ if kind is not CoaseError else "" for name, kind in CLASSES.items()}
    assert drawn() == found


def test_every_class_has_its_own_code() -> None:
    """A code names one class, in words separated by underscores."""
    codes = [kind.default_code for kind in CLASSES.values()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_class_says_what_it_means(kind: type[CoaseError]) -> None:
    """Each class has its own docstring."""
    assert "__doc__" in vars(kind)
    assert str(kind.__doc__).strip()


def test_an_error_as_an_object() -> None:
    """An error gives its code, message and hint, and prints its message."""
    error = RegistryRefused("expired", hint="sign it again")
    assert error.as_dict() == {"code": "registry_refused", "message": "expired", "hint": "sign it again"}
    assert str(error) == "expired"


def test_a_code_is_narrowed_for_one_instance() -> None:
    """A code given to one error leaves the class's own as it was."""
    assert RegistryRefused("expired", code="listing_expired").code == "listing_expired"
    assert RegistryRefused("expired").code == "registry_refused"


def test_a_missing_extra_says_how_to_get_it() -> None:
    """MissingExtra names what needs the extra and the command that installs it."""
    error = MissingExtra("the embedded chain", "chain")
    assert (error.extra, error.code) == ("chain", "missing_extra")
    assert "the embedded chain" in error.message
    assert error.hint == 'pip install "coase[chain]"'


def test_a_refused_mandate_names_its_line() -> None:
    """MandateRefused carries the entry that was hit, in its code too."""
    error = MandateRefused("too dear", line="budget")
    assert (error.line, error.code) == ("budget", "mandate_budget")
    assert "'budget'" in error.hint
    assert MandateRefused("too dear", line="budget", hint="wait").hint == "wait"


def test_a_revert_carries_its_reason() -> None:
    """TransactionReverted keeps the contract's decoded error apart from the sentence."""
    error = TransactionReverted("the contract said no", reason="Escrow_TooEarly(1)")
    assert (error.reason, error.code) == ("Escrow_TooEarly(1)", "reverted")
