"""`coase simulate`: run a study, watch it, and get its answer as sentences, a table, a page and a file of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from coase.cli.tables import console_for_people, plain, show_table
from coase.errors import ConfigurationError, MissingExtra, UsageError

if TYPE_CHECKING:
    from coase.market.experiment import StudyResult
    from coase.market.study import Study

SENTENCE = 32  # characters; longer cells wrap
HEADING = 11  # characters in a line of a column's heading, unless a word is longer


def simulate(
    study: Annotated[str | None, typer.Argument(help="A name or a path; without one, the studies are listed.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="A parameter, as name=value; several times if need be.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness.", show_default=False)] = None,
    quick: Annotated[bool, typer.Option("--quick", help="At reduced size, in seconds.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes. The result is the same for any number.")] = 1,
    ray: Annotated[bool, typer.Option("--ray", help="Over a Ray cluster of your own (extra ray).")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the results; the same folder again goes on after a kill. runs/study-NAME without."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run a study: a market experiment with a question, a method, and an answer beside what is known."""
    if study is None:
        _list(as_json)
        return
    from coase.market.experiment import name_of, run_study

    chosen = _chosen(study, parameter or [], seed, quick)
    folder = out or Path("runs") / f"study-{name_of(chosen)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot use the folder {folder}: {error.strerror}", hint="choose another with --out", code="bad_folder"
        ) from error
    where: Any = "ray" if ray else "processes"
    with _watched(chosen, folder, shown=not as_json) as tell:
        result = run_study(chosen, workers=workers, executor=where, folder=folder, progress=tell)
    files, missing = _write(result, folder)
    if as_json:
        typer.echo(json.dumps({**result.as_dict(), "files": {name: str(path) for name, path in files.items()}}))
        return
    _tell(result)
    for name, path in files.items():
        typer.echo(f"{name:<8}{path}")
    for line in missing:
        typer.echo(line)


def _list(as_json: bool) -> None:
    from coase.loading import find, names

    found = {name: find("studies", name) for name in names("studies")}
    if as_json:
        typer.echo(json.dumps({"studies": {name: kind.question for name, kind in found.items()}}))
        return
    table = plain(("study",), last=("question",))
    for name, kind in found.items():
        table.add_row(name, kind.question)
    show_table(console_for_people(), "Studies", table)


def _chosen(name: str, settings: list[str], seed: int | None, quick: bool) -> Study:
    from coase.loading import find, make

    kind = find("studies", name)
    parameters: dict[str, Any] = dict(kind.quick) if quick else {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}", hint="write it as name=value", code="bad_parameters")
        try:
            parameters[key] = json.loads(text)
        except ValueError:
            parameters[key] = text
    if seed is not None:
        parameters["seed"] = seed
    made: Study = make(kind, parameters)
    return made


@contextmanager
def _watched(chosen: Study, folder: Path, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, and what moves it. Who interrupts is told what is kept."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from coase.market.experiment import name_of

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = console_for_people(stderr=True)
    kept = "Nothing"

    def tell(done: int, of: int) -> None:
        nonlocal kept
        kept = f"{done:,} of {of:,} cells"
        bar.update(line, completed=done, total=of)

    try:
        with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
            line = bar.add_task(name_of(chosen), total=None)
            yield tell
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {kept} kept in {folder}; the same command goes on from there.", err=True)
        raise


def _write(result: StudyResult, folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The files that could be written, and a line for each that lacks an extra."""
    files: dict[str, Path] = {}
    missing = []
    writers: dict[str, Callable[[], Path]] = {
        "report": lambda: result.report(folder / "report.html"),
        "rows": lambda: result.save(folder / "rows.parquet"),
    }
    for name, write in writers.items():
        try:
            files[name] = write()
        except MissingExtra as error:
            missing.append(f"No {name}: {error.message} ({error.hint}).")
    if "rows" not in files:
        files["rows"] = result.save(folder / "rows.csv")
    return files, missing


def _tell(result: StudyResult) -> None:
    console = console_for_people()
    shown = result.shown
    headline, *others = shown.findings
    console.print(f"[bold]{escape(headline)}[/]")
    for sentence in others:
        console.print(escape(sentence))
    if shown.comparisons:
        table = plain(("",), numbers=("ours", "known"), last=("",))
        for one in shown.comparisons:
            known = "" if one.known is None else f"{one.known:.5g}"
            error = f" ± {one.error:.2g}" if one.error else ""
            verdict = {True: "[green]agrees[/]", False: "[yellow]differs[/]", None: ""}[one.agrees]
            table.add_row(escape(one.what), f"{one.ours:.5g}{error}", known, verdict)
        show_table(console, "Beside known figures", table)
    if shown.summary:
        _summarise(console, shown.summary)
    console.print()


def _summarise(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The table of a study, with as many of its columns of numbers as the terminal has room for."""
    texts = [name for name in rows[0] if any(isinstance(row[name], str) for row in rows)]
    prose = [name for name in texts if any(len(_shown(row[name])) > SENTENCE for row in rows)]
    words = [name for name in texts if name not in prose]
    heads = {name: "\n".join(wrap(name, HEADING, break_long_words=False)) for name in rows[0]}
    width = {
        name: max(map(len, (*head.split("\n"), *(_shown(row[name]) for row in rows)))) for name, head in heads.items()
    }
    room = console.width - sum(width[name] + 2 for name in words) - SENTENCE * len(prose)
    numbers: list[str] = []
    for name in rows[0]:
        if name not in texts:
            room -= width[name] + 2
            numbers += [name] if room >= -2 else []  # nothing follows the last one
    order = (*words, *numbers, *prose)
    kept = [[heads[name] for name in some] for some in (words, numbers, prose)]
    table = plain(kept[0], numbers=kept[1], last=kept[2], prose=kept[2])
    for row in rows:
        table.add_row(*(escape(_shown(row[name])) for name in order))
    show_table(console, "Summary", table)
    left = [name for name in rows[0] if name not in order]
    if left:
        console.print(f"[dim]In the report, for want of room here: {escape(', '.join(left))}.[/]")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else f"{value:,.4g}"
