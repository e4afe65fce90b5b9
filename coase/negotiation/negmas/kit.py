"""What is used of NegMAS, and its negotiators by name. It is imported when first asked for: it takes two seconds."""

from __future__ import annotations

import difflib
import warnings
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from coase.errors import ConfigurationError, MissingExtra, UnknownName


@lru_cache(1)
def kit() -> Any:
    """NegMAS' classes under one roof.

    Raises:
        MissingExtra: NegMAS is not installed (the extra `negmas`).
    """
    with warnings.catch_warnings():  # its modules warn while they load
        warnings.simplefilter("ignore")
        try:
            sao = import_module("negmas.sao")
        except ImportError as error:
            raise MissingExtra("NegMAS' negotiators", "negmas") from error
        outcomes, preferences = import_module("negmas.outcomes"), import_module("negmas.preferences")
    return SimpleNamespace(
        negotiators=sao.negotiators,
        bargainer=import_module("negmas.gb").GBNegotiator,  # the wider kind, which alternating offers also take
        by_call=sao.SAOCallNegotiator,
        mechanism=sao.SAOMechanism,
        response=sao.SAOResponse,
        accept=sao.ResponseType.ACCEPT_OFFER,
        reject=sao.ResponseType.REJECT_OFFER,
        leave=sao.ResponseType.END_NEGOTIATION,
        wait=sao.ResponseType.WAIT,
        space=outcomes.make_os,
        issue=outcomes.make_issue,
        table=preferences.MappingUtilityFunction,
    )


def kind_of(name: str) -> type[Any]:
    """A class of negotiators for alternating offers: `MiCRONegotiator`, or `my_module.MyNegotiator`.

    Raises:
        UnknownName: there is none of this name.
        ConfigurationError: its module does not load, or it is no negotiator for alternating offers.
    """
    theirs = kit()
    module, _, last = name.rpartition(".")
    if module:
        try:
            found = getattr(import_module(module), last, None)
        except Exception as error:
            raise ConfigurationError(
                f"{module} does not load: {type(error).__name__}: {error}",
                hint="give the name of a module that Python can import, and of a class in it",
                code="negotiator_does_not_load",
            ) from error
    else:
        found = getattr(theirs.negotiators, name, None)
    if found is None:
        close = difflib.get_close_matches(last, dir(theirs.negotiators), 3)
        raise UnknownName(
            f"NegMAS has no negotiator '{name}'",
            hint=f"did you mean {' or '.join(close)}?" if close else "for example AspirationNegotiator",
        )
    if not (isinstance(found, type) and issubclass(found, theirs.bargainer)):
        raise ConfigurationError(
            f"{name} is no negotiator for alternating offers",
            hint="a subclass of negmas.sao.SAONegotiator or negmas.gb.GBNegotiator",
            code="not_a_negotiator",
        )
    return found
