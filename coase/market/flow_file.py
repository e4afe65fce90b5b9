"""Order flow on disk, as JSON lines or as Parquet; what is read is a stranger's file until it has been checked.

JSON lines: the first line is the head, each other an order. Parquet: the columns of `COLUMNS`, whole numbers of 64
bits; first a row for each day and trader with its limit as the price, in turn 0 with quantity 0, then a row an order;
the head is in the file's metadata. Nothing is read that is larger than a flow can be, and no value is taken for what it
is not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coase.errors import ConfigurationError
from coase.market.crowd import MOST_TRADERS
from coase.market.rows import arrow
from coase.terms.reading import read_json
from coase.whole import write_whole

FORMAT = "coase-flow-1"
COLUMNS = ("day", "step", "trader", "price", "quantity")
MOST_ORDERS = 10_000_000
MOST_LIMITS = 10_000_000  # days times traders
LARGEST = 2**30  # bytes of a file
_KEY = b"coase"
_MAGIC = b"PAR1"


class Parts(NamedTuple):
    """What a file holds, with orders as rows of `COLUMNS`; not checked beyond its form."""

    head: dict[str, Any]
    limits: tuple[tuple[int, ...], ...]
    orders: list[Any]


def write(parts: Parts, path: str | Path) -> Path:
    """Write Parquet where the name ends in .parquet, else JSON lines; whole or not at all, the same bytes each time.

    Raises:
        MissingExtra: Parquet without pyarrow.
        ConfigurationError: the disk or the folder does not take it.
    """
    if Path(path).suffix.lower() == ".parquet":
        return write_whole(path, lambda part: _write_parquet(parts, part))
    head = {"format": FORMAT, **parts.head, "limits": parts.limits, "orders": len(parts.orders)}
    lines = "".join(json.dumps(line) + "\n" for line in (head, *parts.orders))
    return write_whole(path, lambda part: part.write_text(lines, encoding="utf-8"))


def read(path: str | Path) -> Parts:
    """Read either kind, told apart by its first bytes.

    Raises:
        MissingExtra: Parquet without pyarrow.
        ConfigurationError: `bad_flow`: no such file, too large, or not a flow.
    """
    if not Path(path).is_file():
        raise bad_flow(f"{path} is no file")
    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise bad_flow(f"cannot read {path}: {error.strerror}") from error
    if size > LARGEST:
        raise bad_flow(f"{path} has {size:,} bytes, more than {LARGEST:,}")
    parts, orders = (_read_parquet if magic == _MAGIC else _read_lines)(path)
    if orders != len(parts.orders):
        raise bad_flow(f"{path} has {len(parts.orders)} of {orders} orders: it was cut")
    return parts


def bad_flow(what: str) -> ConfigurationError:
    """The one refusal."""
    return ConfigurationError(what, hint="record one with coase.record", code="bad_flow")


def _read_lines(path: str | Path) -> tuple[Parts, Any]:
    try:
        head, *rest = (read_json(line) for line in Path(path).read_text(encoding="utf-8").splitlines())
        if head["format"] != FORMAT:
            raise bad_flow(f"{path} is no order flow")
        return Parts(head, tuple(tuple(row) for row in head["limits"]), rest), head["orders"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise bad_flow(f"{path} is no order flow: {type(error).__name__}: {str(error)[:100]}") from error


def _write_parquet(parts: Parts, path: Path) -> None:
    pa, pq = arrow()
    days, traders = len(parts.limits), len(parts.limits[0])
    table = np.empty((days * traders + len(parts.orders), len(COLUMNS)), np.int64)
    table[: days * traders] = _limit_rows(days, traders)
    table[: days * traders, 3] = np.array(parts.limits, np.int64).ravel()
    table[days * traders :] = np.array(parts.orders, np.int64).reshape(-1, len(COLUMNS))
    head = {"format": FORMAT, **parts.head, "days": days, "traders": traders, "orders": len(parts.orders)}
    fields = [pa.field(name, pa.int64(), nullable=False) for name in COLUMNS]
    schema = pa.schema(fields, metadata={_KEY: json.dumps(head).encode()})
    pq.write_table(pa.table(list(table.T.copy()), schema=schema), path)


def _read_parquet(path: str | Path) -> tuple[Parts, Any]:
    pa, pq = arrow()
    try:
        with pq.ParquetFile(path) as file:
            head = _parquet_head(path, file)
            limits, rows = head["days"] * head["traders"], file.metadata.num_rows
            if not limits <= rows <= limits + MOST_ORDERS:
                raise bad_flow(f"{path} has {rows:,} rows for {limits:,} limits")
            table = np.empty((rows, len(COLUMNS)), np.int64)
            at = 0
            for batch in file.iter_batches(65_536):
                if at + batch.num_rows > rows or any(column.null_count for column in batch.columns):
                    raise bad_flow(f"{path} has rows without a value, or more rows than it says")
                for number, column in enumerate(batch.columns):
                    table[at : at + batch.num_rows, number] = column.to_numpy()
                at += batch.num_rows
    except (OSError, pa.ArrowException, MemoryError) as error:
        raise bad_flow(f"{path} is no order flow: {type(error).__name__}: {str(error)[:100]}") from error
    if at != rows:
        raise bad_flow(f"{path} has {at:,} of {rows:,} rows: it was cut")
    if not np.array_equal(np.delete(table[:limits], 3, 1), np.delete(_limit_rows(head["days"], head["traders"]), 3, 1)):
        raise bad_flow(f"{path} does not begin with a limit for each day and trader")
    found = table[:limits, 3].reshape(head["days"], head["traders"])
    return Parts(head, tuple(tuple(row) for row in found.tolist()), table[limits:].tolist()), head["orders"]


def _parquet_head(path: str | Path, file: Any) -> dict[str, Any]:
    """The head, if it and the columns are those of a flow."""
    schema, groups = file.schema_arrow, file.metadata
    if tuple(schema.names) != COLUMNS or any(str(field.type) != "int64" for field in schema):
        raise bad_flow(f"{path} has other columns than {', '.join(COLUMNS)}, in whole numbers of 64 bits")
    if sum(groups.row_group(i).total_byte_size for i in range(groups.num_row_groups)) > LARGEST:
        raise bad_flow(f"{path} unpacks to more than {LARGEST:,} bytes")
    try:
        head = read_json((schema.metadata or {})[_KEY])
        days, traders = head["days"], head["traders"]
        if head["format"] != FORMAT or type(days) is not int or type(traders) is not int:
            raise bad_flow(f"{path} is no order flow")
    except (ValueError, TypeError, KeyError) as error:
        raise bad_flow(f"{path} is no order flow: {type(error).__name__}: {str(error)[:100]}") from error
    if not (days >= 1 and 2 <= traders <= MOST_TRADERS and days * traders <= MOST_LIMITS):
        raise bad_flow(f"{path} is for {traders:,} traders on {days:,} days")
    found: dict[str, Any] = head
    return found


def _limit_rows(days: int, traders: int) -> Any:
    """The rows that hold limits, with 0 in place of the price."""
    rows = np.zeros((days * traders, len(COLUMNS)), np.int64)
    rows[:, 0], rows[:, 2] = np.repeat(np.arange(days), traders), np.tile(np.arange(traders), days)
    return rows
