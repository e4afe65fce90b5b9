"""Runs studies, alone or over a grid of parameters: in parallel, resumable, the same for any number of workers."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from coase import loading, parallel
from coase.errors import ConfigurationError, UsageError
from coase.market.rows import save_rows
from coase.market.study import Row, Shown, Study
from coase.negotiation.draws import session_seed
from coase.page import Page

WORK = "coase.market.experiment:measure"
RESULTS = "results.sqlite"
MOST_CELLS = 1_000_000


def study(what: Any, /, **parameters: Any) -> Study:
    """A study by name (``"zip_convergence"``), by path (``"./my_study.py"``) or by class, with these parameters.

    Raises:
        UnknownName: no study of this name, or no file at this path.
        ConfigurationError: the file does not load, holds no study or several, or the parameters are wrong.
    """
    made: Study = loading.make(what if isinstance(what, type) else loading.find("studies", what), parameters)
    return made


@dataclass(frozen=True)
class StudyResult:
    """What a study measured.

    Args:
        study: with its parameters.
        rows: what `measure` returned, in the order of the cells, each with the cell's own values in front.
    """

    study: Study
    rows: tuple[Row, ...]

    @cached_property
    def shown(self) -> Shown:
        """Findings, comparisons and pictures."""
        return self.study.show(self.rows)

    @property
    def name(self) -> str:
        """Of the study."""
        return name_of(self.study)

    def save(self, path: str | Path) -> Path:
        """Write the rows to a .parquet, .csv or .json file."""
        return save_rows(self.rows, path)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        shown = self.shown
        return {
            "study": self.name,
            "parameters": self.study.model_dump(mode="json"),
            "findings": list(shown.findings),
            "comparisons": [one.as_dict() for one in shown.comparisons],
            "summary": [dict(row) for row in shown.summary],
        }

    def report(self, path: str | Path) -> Path:
        """Write a page with question, method, findings, comparisons and pictures; one file.

        Raises:
            MissingExtra: matplotlib is not installed.
        """
        shown, kind = self.shown, type(self.study)
        headline, *others = shown.findings
        page = Page(self.name.replace("_", " "), headline)
        page.heading("Question").text(kind.question).heading("Method").text(kind.method)
        page.heading("Findings")
        for sentence in others or [headline]:
            page.text(sentence)
        for picture in shown.pictures:
            page.figure(picture.figure, picture.caption)
        if shown.comparisons:
            page.heading("Beside known figures")
            names = ("what", "ours", "standard error", "known", "verdict", "source, confidence")
            rows = [
                (
                    c.what,
                    c.ours,
                    c.error or None,
                    c.known,
                    _verdict(c.agrees),
                    f"{c.source}, {c.confidence}".strip(", "),
                )
                for c in shown.comparisons
            ]
            page.table(names, rows, {"agrees": "good", "differs": "bad"})
            page.text("Confidence: A proven or recomputed, B read in the source, C secondary.")
            for remark in dict.fromkeys(c.why for c in shown.comparisons if c.why):
                about = [c.what for c in shown.comparisons if c.why == remark]
                page.text(f"{about[0]}{' and others' if len(about) > 1 else ''}: {remark}")
        if shown.summary:
            page.heading("Table").table(list(shown.summary[0]), [list(row.values()) for row in shown.summary])
        parameters = self.study.model_dump(mode="json")
        page.heading("Parameters").table(("name", "value"), [(n, json.dumps(v)) for n, v in parameters.items()])
        return page.write(path)


def run_study(
    chosen: Study,
    *,
    workers: int = 1,
    executor: parallel.Where = "processes",
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> StudyResult:
    """Measure all cells of a study.

    Args:
        chosen: the study.
        workers: processes; the result is the same for any number.
        executor: "ray" for a Ray cluster of one's own.
        folder: where finished cells are kept; run again with the same folder, only the rest is measured.
        progress: called with how many cells of how many are done.

    Raises:
        ConfigurationError: a cell or a row is not plain JSON, or the folder cannot be used.
    """
    return sweep(chosen, {}, workers=workers, executor=executor, folder=folder, progress=progress)[0]


def sweep(
    chosen: Study,
    grid: Mapping[str, Sequence[Any]],
    *,
    workers: int = 1,
    executor: parallel.Where = "processes",
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[StudyResult]:
    """Run a study for every combination of these parameters' values, all cells in one pool of work.

    Args:
        chosen: the study; its parameters hold where the grid says nothing.
        grid: parameter -> its values. The last varies fastest.

    Returns:
        A result a combination, in the grid's order. Further arguments and errors as for `run_study`.
    """
    given = chosen.model_dump()
    variants = [
        loading.make(type(chosen), {**given, **dict(zip(grid, values, strict=True))})
        for values in itertools.product(*grid.values())
    ]
    tasks: list[list[dict[str, Any]]] = [_tasks(variant, workers, executor) for variant in variants]
    flat = [task for some in tasks for task in some]
    if not flat or len(flat) > MOST_CELLS:
        raise UsageError(f"{len(flat):,} cells", hint=f"1 to {MOST_CELLS:,} in all", code="bad_grid")
    store = None if folder is None else Path(folder) / RESULTS
    homeless = {} if loading.origin(chosen) else {_label(variant): variant for variant in variants}
    _alone.update(homeless)
    try:
        done = parallel.run(WORK, flat, workers=workers, executor=executor, store=store, progress=progress)
    finally:
        for label in homeless:
            del _alone[label]
    measured = iter(done)
    results = []
    for variant, some in zip(variants, tasks, strict=True):
        found = [{**task["cell"], **row} for task in some for row in next(measured)]
        results.append(StudyResult(variant, tuple(found)))
    return results


def measure(task: Mapping[str, Any]) -> list[Row]:
    """One cell, in whatever process: the study is made again from its name or path, its file's hash and parameters."""
    label = task["study"]
    if label in _alone:
        chosen = _alone[label]
    else:
        kind = loading.find("studies", label)
        origin = loading.origin(kind)
        if origin is None or origin.sha256 != task["sha256"]:
            raise ConfigurationError(
                f"the study {label} is not the file that this run began with",
                hint="run it again from the start, in another folder",
                code="other_study",
            )
        chosen = loading.make(kind, dict(task["parameters"]))
    return [_plain(row) for row in chosen.measure(task["cell"], int(task["seed"]))]


_alone: dict[str, Study] = {}  # studies of classes that no file brought, for runs in this process


def name_of(chosen: Study) -> str:
    """The study's name: of its folder or file, or of its class."""
    origin = loading.origin(chosen)
    if origin is None:
        return type(chosen).__name__
    path = Path(origin.name)
    return path.parent.name if path.name == "study.py" else path.stem


def _label(chosen: Study) -> str:
    return f"{type(chosen).__module__}.{type(chosen).__qualname__}:{chosen.model_dump_json()}"


def _tasks(chosen: Study, workers: int, executor: parallel.Where) -> list[dict[str, Any]]:
    origin = loading.origin(chosen)
    if origin is None and (workers > 1 or executor != "processes"):
        raise UsageError(
            f"{type(chosen).__name__} was not loaded by name or path, so other processes cannot load it",
            hint="put it into a file and use coase.study('./my_study.py'), or one worker",
            code="study_without_file",
        )
    who = {
        "study": _label(chosen) if origin is None else origin.name,
        "sha256": "" if origin is None else origin.sha256,
        "parameters": chosen.model_dump(mode="json"),
    }
    seeds = (session_seed(chosen.seed, index) for index in itertools.count())
    return [{**who, "cell": _plain(cell), "seed": seed} for cell, seed in zip(chosen.cells(), seeds, strict=False)]


def _plain(row: Mapping[str, Any]) -> Row:
    """The row as JSON holds it; numpy's numbers become Python's."""
    none = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if none:
        raise ConfigurationError(
            f"the study measured {none[0]} as {row[none[0]]}, which is no number",
            hint="where nothing trades, nothing is measured: try more traders, turns or runs; authors put None there",
            code="bad_row",
        )
    try:
        found: Row = json.loads(json.dumps(row, default=_item, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"a study's cell or row is not plain JSON: {error}",
            hint="numbers, texts and booleans; None instead of not-a-number",
            code="bad_row",
        ) from error
    return found


def _item(value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} in a row")


def _verdict(agrees: bool | None) -> str:
    return {True: "agrees", False: "differs", None: ""}[agrees]
