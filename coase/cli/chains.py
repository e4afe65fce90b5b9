"""Which chain a command talks to, and what is known of it: ``chain.json`` in the state folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.errors import UsageError

if TYPE_CHECKING:
    from coase.settlement.rpc import RpcChain

FILE = "chain.json"  # {"url", "chain_id", "folder", "contracts": {name: account}}
VARIABLE = "COASE_RPC"

Home = Annotated[
    Path | None,
    typer.Option(
        help="The folder of your state; COASE_HOME, ./.coase or your user folder otherwise.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Rpc = Annotated[
    str | None,
    typer.Option(
        help="A node's address, http://host:port; COASE_RPC, or the chain of the last `coase chain up`, otherwise.",
        show_default=False,
    ),
]


def known(home: Path) -> dict[str, Any]:
    """What the state folder knows of its chain; empty at first."""
    from coase.agent.home import read_json

    found = read_json(home / FILE)
    return found if isinstance(found, dict) else {}


def remember(home: Path, **facts: Any) -> None:
    """Add to what the state folder knows."""
    from coase.agent.home import usable, write_json

    write_json(usable(home) / FILE, {**known(home), **facts})


@asynccontextmanager
async def connected(rpc: str | None, home: Path) -> AsyncIterator[RpcChain]:
    """The chain that is meant.

    Raises:
        UsageError: `no_chain`, when none is.
        ChainUnavailable: it does not answer.
        ConfigurationError: it is not the chain that the folder's contracts are on.
    """
    from coase.settlement.records import Patience
    from coase.settlement.rpc import RpcChain

    facts = known(home)
    url = rpc or os.environ.get(VARIABLE) or facts.get("url")
    if not url:
        raise UsageError(
            "no chain is known here", hint="start one with `coase chain up`, or name one with --rpc", code="no_chain"
        )
    expected = facts.get("chain_id") if url == facts.get("url") else None
    patience = Patience(attempts=2, pause=0.2)
    async with RpcChain(str(url), chain_id=expected, patience=patience) as chain:
        yield chain
