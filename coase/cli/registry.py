"""`coase registry`: search the listings of a market, and look at one. Files are only read, also while a market runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.errors import ConfigurationError, RegistryRefused, SignatureError, UsageError

if TYPE_CHECKING:
    from coase.terms.listing import Listing

app = typer.Typer(help="Search the listings of a market.", no_args_is_help=True)

FILE = "registry.db"
_START = 14  # characters of an address; few enough for a terminal, and enough for `show`

Home = Annotated[
    Path | None,
    typer.Option(help="A run, or a folder of runs; COASE_HOME, ./.coase and ./runs otherwise.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("search")
def search(
    query: Annotated[
        str, typer.Argument(help="""For example: kind=compute memory_mib>=2048 price<=5000 "training steps".""")
    ] = "",
    home: Home = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Listings that match, cheapest first. Prices are in base units, as the query compares them."""
    found = sorted(_found(home, query, limit), key=lambda row: (row[1].price, row[1].agent, row[1].key, row[0]))[:limit]
    if as_json:
        typer.echo(json.dumps({"listings": [_row(run, listing) for run, listing in found]}))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Listings", title_justify="left", header_style="bold")
    for name in ("kind", "title", "price", "unit", "attributes", "key"):
        table.add_column(name, justify="right" if name == "price" else "left", overflow="fold")
    table.add_column("agent", no_wrap=True, min_width=_START)
    if len({run for run, _ in found}) > 1:
        table.add_column("run", overflow="fold")
    for run, listing in found:
        attributes = " ".join(f"{name}={_plain(value)}" for name, value in sorted(listing.attributes.items()))
        offer = listing.kind, listing.title, str(listing.price), listing.unit, attributes, listing.key
        row = (*offer, listing.agent[:_START], run.name)[: len(table.columns)]
        table.add_row(*map(Text, row))  # as Text: a title in brackets is not markup
    Console().print(table if found else "Nothing matches. Without a query, everything is listed.")


@app.command("show")
def show(
    agent: Annotated[str, typer.Argument(help="The seller's address, or its beginning.")],
    key: Annotated[str, typer.Argument(help="The slot, as `coase registry search` prints it.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One listing as it was signed. Its signature is checked."""
    if not re.fullmatch(r"agent1[a-z0-9]{0,59}", agent) or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", key):
        raise UsageError(
            f"{agent[:80]!r} and {key[:40]!r} are not an agent address and a key",
            hint="coase registry search prints both",
            code="bad_address",
        )
    found = _found(home, f"agent~{agent} key={key}", 2)
    if not found or len({listing.agent for _, listing in found}) > 1:
        why = "several agents" if found else "no agent"
        raise RegistryRefused(
            f"{why} here with an address from {agent} and a listing under '{key}'",
            hint="see coase registry search",
            code="listing_ambiguous" if found else "listing_unknown",
        )
    if as_json:
        typer.echo(json.dumps({"listings": [_row(run, listing) for run, listing in found]}))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for run, listing in found:
        table = Table(show_header=False)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
        fields = _row(run, listing) | {"signature": "valid"}
        del fields["attributes"]
        for name, value in {**fields, **listing.attributes}.items():  # no attribute has the name of a field
            table.add_row(Text(name), Text(_plain(value)))
        Console().print(table)


def _plain(value: str | int | bool) -> str:
    """As a query writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _row(run: Path, listing: Listing) -> dict[str, Any]:
    return {"run": str(run), "digest": listing.digest, **listing.model_dump(mode="json")}


def _found(home: Path | None, query: str, limit: int) -> list[tuple[Path, Listing]]:
    """Listings of every registry here that had not expired when the newest of that registry was issued."""
    from coase.registry.registry import Registry
    from coase.registry.store import SqliteStorage

    found = []
    for file in _files(home):
        storage = SqliteStorage(file, read_only=True)
        registry = Registry(storage, now=storage.newest)
        try:
            listings = registry.search(query, limit=limit)
        finally:
            registry.close()
        for listing in listings:
            try:
                listing.verify()
            except SignatureError as error:
                raise ConfigurationError(
                    f"{file} was tampered with: {listing.key!r} of {listing.agent} is not signed as it stands",
                    hint="delete the file; sellers publish again when they open",
                    code="registry_tampered",
                ) from error
        found += [(file.parent, listing) for listing in listings]
    return found


def _files(home: Path | None) -> list[Path]:
    from coase.agent.home import HERE, find_home

    if home is not None and not home.is_dir():
        raise UsageError(f"there is no folder {home}", hint="coase demo makes runs/", code="no_such_home")
    files: dict[Path, Path] = {}
    for place in [home] if home is not None else [find_home(), HERE, Path()]:
        folders = [place, place / "market", *(place / "runs").glob("*"), *(place.glob("*") if home else ())]
        files |= {(folder / FILE).resolve(): folder / FILE for folder in folders if (folder / FILE).is_file()}
    if not files:
        raise ConfigurationError(
            f"there is no market in {home or find_home()}", hint="coase demo makes one in runs/", code="no_registry"
        )
    return sorted(files.values())
