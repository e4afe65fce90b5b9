"""Tidy tables on disk: a row an observation, a column a variable."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coase.errors import MissingExtra, UsageError
from coase.whole import write_whole

FORMATS = (".parquet", ".csv", ".json")


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows by column, in the order in which names first appear; None where a row has none."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def save_rows(rows: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Write rows to a .parquet, .csv or .json file, whole or not at all; the same rows give the same bytes.

    Raises:
        UsageError: another kind of file.
        MissingExtra: Parquet without pyarrow.
        ConfigurationError: the disk or the folder does not take it.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in FORMATS:
        raise UsageError(
            f"cannot write a table as {file.name}", hint=f"end it in {', '.join(FORMATS)}", code="bad_table"
        )
    return write_whole(file, lambda part: _written(rows, kind, part))


def _written(rows: Sequence[Mapping[str, Any]], kind: str, part: Path) -> None:
    if kind == ".parquet":
        _parquet(rows, part)
    elif kind == ".csv":
        with part.open("w", newline="", encoding="utf-8") as out:
            held = columns(rows)
            writer = csv.writer(out)
            writer.writerow(held)
            writer.writerows(zip(*held.values(), strict=True))
    else:
        part.write_text(json.dumps(list(rows), indent=1), encoding="utf-8")


def _parquet(rows: Sequence[Mapping[str, Any]], part: Path) -> None:
    pa, pq = arrow()
    pq.write_table(pa.table(columns(rows)), part)


def arrow() -> tuple[Any, Any]:
    """pyarrow and its module for Parquet; `MissingExtra` without."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("Parquet", "tables") from error
    return pa, pq
