"""The benches by name."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterator
from importlib import import_module

from coase.bench.row import Row
from coase.errors import UnknownName

BENCHES = {
    "negotiation": "sessions of bargaining a second, beside NegMAS",
    "tournament": "games of a tournament a second, beside NegMAS",
    "market": "quotes and orders a second, beside bourse and BSE",
    "messages": "round trips between agents a second, beside uAgents as it comes",
    "registry": "publishes and searches a second",
    "gas": "what each contract call costs, beside reference designs",
    "chain": "transactions a second, beside web3 sending one by one",
    "verification": "what it costs to take a voucher, beside eth_account",
}


def rows(name: str) -> Iterator[Row]:
    """Run a bench: each module `coase.bench.NAME` has a function `rows`. `UnknownName` where there is none."""
    if name not in names():
        close = difflib.get_close_matches(name, names(), 1)
        raise UnknownName(
            f"no bench '{name}'", hint=f"did you mean {close[0]}?" if close else f"there are {', '.join(names())}"
        )
    yield from import_module(f"coase.bench.{name}").rows()


def names() -> list[str]:
    """The benches that can be run."""
    return [name for name in BENCHES if importlib.util.find_spec(f"coase.bench.{name}") is not None]
