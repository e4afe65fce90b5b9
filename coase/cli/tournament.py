"""`coase tournament`: skills against each other, and who wins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.tables import console_for_people, plain

if TYPE_CHECKING:
    from coase.negotiation.tournament.result import TournamentResult


def tournament(
    skills: Annotated[
        list[str],
        typer.Argument(help="By name or path: boulware micro ./my_haggler.py boulware:beta=0.1", show_default=False),
    ],
    scenarios: Annotated[
        list[str] | None,
        typer.Option(
            help="anac-like (without), price-only, multi-issue, opposed, cooperative; several times if need be.",
            show_default=False,
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Fresh scenarios of each pack.")] = 20,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes. The result is the same for any number.")] = 1,
    ray: Annotated[bool, typer.Option("--ray", help="Over a Ray cluster of your own (extra ray).")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder where finished work is kept; the same folder again goes on after a kill."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Also write a page (.html).", show_default=False)] = None,
    seconds: Annotated[float, typer.Option(help="A skill of your own may think in one negotiation.")] = 10.0,
    memory: Annotated[int, typer.Option(help="MiB that it may use in one negotiation.")] = 512,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Let skills bargain, every one with every other in both roles, and rank them by mean utility.

    A skill that raises, hangs or breaks a rule loses that negotiation, and the table says why.

        coase tournament boulware conceder ./my_haggler.py --report tournament.html
    """
    from coase.negotiation.tournament.tournament import tournament as hold

    if report:
        from coase.negotiation.tournament.report import check

        check(report)
    where: Any = "ray" if ray else "processes"
    with _watched(not as_json) as tell, _interrupted(out):
        result = hold(
            skills,
            scenarios or ["anac-like"],
            repeats=repeats,
            seed=seed,
            workers=workers,
            executor=where,
            folder=out,
            limits=(seconds, memory),
            progress=tell,
        )
    page = result.report(report) if report else None
    if as_json:
        typer.echo(json.dumps(result.as_dict() | {"report": str(page) if page else None}))
    else:
        _show(result, page)


@contextmanager
def _watched(wanted: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, and what moves it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = console_for_people(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (wanted and console.is_terminal)) as bar:
        line = bar.add_task("tournament", total=None)
        yield lambda done, of: bar.update(line, completed=done, total=of)


@contextmanager
def _interrupted(out: Path | None) -> Iterator[None]:
    """On Ctrl-C, what becomes of the work."""
    try:
        yield
    except KeyboardInterrupt:
        left = f"what is done is kept in {out}: the same command goes on" if out else "nothing is kept without --out"
        typer.echo(f"Interrupted; {left}", err=True)
        raise


def _show(result: TournamentResult, page: Path | None) -> None:
    from rich.markup import escape

    from coase.negotiation.tournament.scores import HEADS

    table = plain(HEADS[:1], numbers=HEADS[1:])
    for line in result.standings:
        name, *numbers = line.cells()
        shown = ["-" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in numbers]
        table.add_row(escape(name), *shown)
    console = console_for_people()
    console.print(table)
    for line in result.standings:
        if line.failed:
            console.print(f"[red]{escape(line.skill)} failed {line.failed} times:[/] {escape(line.why)}")
    if page:
        typer.echo(f"report  {page}")
