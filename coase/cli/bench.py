"""`coase bench`: measure, and print our figures beside a peer's, taken in the same run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from coase.cli.tables import console_for_people, plain, show_table
from coase.errors import UsageError

if TYPE_CHECKING:
    from coase.bench.row import Row


def bench(
    name: Annotated[str | None, typer.Argument(help="Which; without a name they are listed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of rows and nothing else.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Run all of them, one after another.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a target is not met.")] = False,
) -> int:
    """Measure speed and cost beside a peer's, in the same run. Medians; a ratio above 1 means that coase is better."""
    from coase.bench.benches import BENCHES, names, rows

    chosen = names() if every else [name] if name is not None else []
    if not chosen:
        if as_json:
            raise UsageError("no bench was named", hint=f"one of {', '.join(names())}, or --all", code="no_bench")
        for known in names():
            typer.echo(f"{known:<14}{BENCHES[known]}")
        return 0
    found: list[Row] = []
    for one in chosen:
        measured = _watched(one, rows(one))
        found += measured
        if not as_json:
            _show(one, measured)
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in found], indent=1))
    return int(check and any(row.met is False for row in found))


def _watched(name: str, rows: Iterator[Row]) -> list[Row]:
    """The rows; on a terminal, a line says which was measured last."""
    console = console_for_people(stderr=True)
    measured: list[Row] = []
    with console.status(f"{name}: measuring") if console.is_terminal else nullcontext() as status:
        for row in rows:
            measured.append(row)
            if status is not None:
                status.update(f"{name}: {row.case} is done, measuring on")
    return measured


def _show(name: str, rows: list[Row]) -> None:
    from rich.markup import escape

    table = plain(("case", "unit"), numbers=("ours", "peer", "ratio", "target"), last=("", "beside"))
    for words in (table.columns[0], table.columns[-1]):  # rather these over two lines than a number cut short
        words.no_wrap, words.overflow = False, "fold"
    for row in rows:
        target = f"{row.target:g}x" if row.target is not None else f"<= {row.limit:,.0f}" if row.limit else ""
        verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met]
        ratio = "" if row.ratio is None else f"{_number(row.ratio)}x"
        peer = "" if row.peer is None else _number(row.peer)
        numbers = (_number(row.ours), peer, ratio, target, verdict)
        table.add_row(escape(row.case), row.unit, *numbers, escape(row.peer_name or ""))
    show_table(console_for_people(), name, table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
