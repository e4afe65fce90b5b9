"""`coase registry`: search the listings of a market, and look at one. Files are only read, also while a market runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.homes import markets
from coase.errors import ConfigurationError, RegistryRefused, SignatureError, UsageError

if TYPE_CHECKING:
    from coase.registry.store import SqliteStorage
    from coase.terms.listing import Listing

app = typer.Typer(help="Search the listings of a market.", no_args_is_help=True)

FILE = "registry.db"
START = 14  # characters of an address in a table: few enough for a terminal, enough for `show`
MOST = 1000

Home = Annotated[
    Path | None,
    typer.Option(
        help="A run, or a folder of runs of which the newest is taken; COASE_HOME, ./.coase and ./runs otherwise.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("search")
def search(
    query: Annotated[
        str, typer.Argument(help='For example: kind=compute memory_mib>=2048 "training steps". Prices in base units.')
    ] = "",
    home: Home = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Listings that match, cheapest first. Without a query: all of them."""
    with _opened(home) as (run, storage):
        found = _found(storage, run, query, limit)
    if as_json:
        typer.echo(json.dumps({"run": str(run), "listings": [_row(listing) for listing in found]}))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.text import Text

    from coase.cli.tables import plain, show_table
    from coase.money import show as amount

    console = Console()
    table = plain(("agent", "kind", "unit", "expires"), numbers=("price",), last=("title", "attributes"))
    for one in found:
        words = (one.agent[:START], one.kind, one.unit, _time(one.expires)[:10])
        row = (*words, amount(one.price), one.title, _attributes(one))
        table.add_row(*map(Text, row))  # as Text: a title in brackets is not markup
    if found:
        show_table(console, f"Listings of {escape(str(run))}", table)
    else:
        console.print("Nothing matches. Without a query, everything is listed.")
    if len(found) == limit:
        typer.echo(f"The first {limit}; there may be more (--limit).")


@app.command("show")
def show(
    agent: Annotated[str, typer.Argument(help="The seller's address, or its beginning.")],
    key: Annotated[str, typer.Argument(help="One of its listings; all without.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The listings of one agent as they were signed. The signatures are checked."""
    if not re.fullmatch(r"agent1[a-z0-9]{0,59}", agent) or not re.fullmatch(r"([a-z][a-z0-9_]{0,31})?", key):
        raise UsageError(
            f"{agent[:80]!r} and {key[:40]!r} are not an agent address and a key",
            hint="coase registry search prints both",
            code="bad_address",
        )
    with _opened(home) as (run, storage):
        found = _found(storage, run, f"agent>={agent} agent<{agent}~" + (f" key={key}" if key else ""), MOST)
    if len({listing.agent for listing in found}) != 1:
        why = "several agents have an address" if found else f"nothing{f' under {key!r}' if key else ''} by an agent"
        raise RegistryRefused(
            f"{why} that begins with {agent}, in {run}",
            hint="give more of the address" if found else "see coase registry search",
            code="listing_ambiguous" if found else "listing_unknown",
        )
    if as_json:
        typer.echo(json.dumps({"run": str(run), "listings": [_row(listing) for listing in found]}))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for listing in found:
        table = Table(show_header=False, box=None)
        table.add_column()
        table.add_column(overflow="fold")
        for name, value in _told(listing).items():
            table.add_row(Text(name), Text(value))
        Console().print(table)


def _told(listing: Listing) -> dict[str, str]:
    """The fields of a listing for people."""
    from coase.money import show as amount

    row = {name: str(value) for name, value in _row(listing).items()}
    row |= {name: amount(getattr(listing, name)) for name in ("price", "lowest", "tick")}
    row |= {name: _time(getattr(listing, name)) for name in ("issued", "expires")}
    return row | {"attributes": _attributes(listing), "signature": "valid"}


def _row(listing: Listing) -> dict[str, Any]:
    return {**listing.model_dump(mode="json"), "digest": listing.digest}


def _attributes(listing: Listing) -> str:
    """As a query writes them, one a line."""
    plain = {name: v if isinstance(v, str) else json.dumps(v) for name, v in sorted(listing.attributes.items())}
    return "\n".join(f"{name}={value}" for name, value in plain.items())


def _time(seconds: int) -> str:
    """Chain time, UTC, to the minute."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return str(seconds)


def _found(storage: SqliteStorage, run: Path, query: str, limit: int) -> list[Listing]:
    """Listings that had not expired when the newest one was issued: a stopped market has no other time."""
    from coase.registry.registry import Registry

    listings = Registry(storage, now=storage.newest).search(query, limit=limit)
    for listing in listings:
        try:
            listing.verify()
        except SignatureError as error:
            raise ConfigurationError(
                f"{run / FILE} was tampered with: {listing.key!r} of {listing.agent} is not signed as it stands",
                hint="delete the file; sellers publish again when they open",
                code="registry_tampered",
            ) from error
    return listings


@contextmanager
def _opened(home: Path | None) -> Iterator[tuple[Path, SqliteStorage]]:
    """The newest market that has a registry, and its listings."""
    from coase.registry.store import SqliteStorage

    began = {folder: (folder / FILE).stat().st_mtime_ns for folder in markets(home) if (folder / FILE).is_file()}
    if not began:
        where = home if home is not None else "the state folder, ./.coase or ./runs"
        raise ConfigurationError(
            f"there is no registry in {where}", hint="coase demo makes a market in runs/", code="no_registry"
        )
    run = max(began, key=lambda folder: (began[folder], folder))
    storage = SqliteStorage(run / FILE, read_only=True)
    try:
        yield run, storage
    finally:
        storage.close()
