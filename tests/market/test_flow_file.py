"""Files of order flow: what is read is what was written, and whatever else is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coase
from coase.errors import ConfigurationError
from coase.market import flow_file
from coase.market.flow import FlowOrder

FLOW = coase.Flow(
    0, 50, 3, 9, ((40, 10, 30), (41, 11, 31)),
    (FlowOrder(0, 1, 1, 20, 3), FlowOrder(0, 4, 0, 25, 2), FlowOrder(1, 2, 2, 31, 1)),
)  # fmt: skip


@pytest.fixture
def pq(need: Any) -> Any:
    """pyarrow's module for Parquet."""
    need("pyarrow")
    return need("pyarrow.parquet")


def refused(path: Path) -> str:
    """The sentence."""
    with pytest.raises(ConfigurationError) as caught:
        coase.Flow.load(path)
    assert caught.value.code == "bad_flow"
    return caught.value.message


def test_a_table_for_other_programs(pq: Any, tmp_path: Path) -> None:
    """Limits in turn 0, then the orders, in whole numbers."""
    table = pq.read_table(FLOW.save(tmp_path / "flow.parquet")).to_pydict()
    assert list(table) == list(flow_file.COLUMNS)
    rows = list(zip(*table.values(), strict=True))
    assert rows[:6] == [(day, 0, who, FLOW.limits[day][who], 0) for day in range(2) for who in range(3)]
    assert rows[6:] == list(FLOW.orders)


def test_nobody_ordered(pq: Any, tmp_path: Path) -> None:
    """A flow without orders is one, too."""
    quiet = FLOW._replace(orders=())
    for kind in ("parquet", "jsonl"):
        assert coase.Flow.load(quiet.save(tmp_path / f"quiet.{kind}")) == quiet


Change = Callable[[Any, Any], Any]


def cell(name: str, row: int, value: int) -> Change:
    """Put a value into a table."""

    def change(pa: Any, table: Any) -> Any:
        values = table[name].to_pylist()
        values[row] = value
        return table.set_column(table.column_names.index(name), table.schema.field(name), pa.array(values, pa.int64()))

    return change


def head(**values: Any) -> Change:
    """Put values into the head."""

    def change(_: Any, table: Any) -> Any:
        held = {**json.loads(table.schema.metadata[b"coase"]), **values}
        return table.replace_schema_metadata({b"coase": json.dumps(held).encode()})

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda pa, table: table.drop_columns(["price"]), "other columns"),
        (lambda pa, table: table.rename_columns(["day", "step", "who", "price", "quantity"]), "other columns"),
        (lambda pa, table: table.cast(pa.schema([(n, pa.float64()) for n in table.column_names])), "other columns"),
        (lambda pa, table: pa.table({n: [[1]] for n in flow_file.COLUMNS}), "other columns"),
        (lambda pa, table: pa.table({n: pa.array([None], pa.int64()) for n in flow_file.COLUMNS}), "no order flow"),
        (lambda pa, table: table.replace_schema_metadata(None), "no order flow"),
        (lambda pa, table: table.replace_schema_metadata({b"coase": b"[" * 100_000}), "no order flow"),
        (lambda pa, table: table.replace_schema_metadata({b"coase": b"[1]"}), "no order flow"),
        (head(format="other"), "no order flow"),
        (head(days="2"), "no order flow"),
        (head(days=True), "no order flow"),
        (head(days=-2, traders=-3), "-3 traders"),
        (head(days=10**9), "on 1,000,000,000 days"),
        (head(days=3), "does not begin"),
        (head(orders=4), "it was cut"),
        (head(low=-1), "prices from"),
        (head(high=2.5), "prices from"),
        (head(steps=None), "prices from"),
        (head(units=0), "0 units"),
        (lambda pa, table: table.slice(0, 5), "5 rows for 6 limits"),
        (lambda pa, table: table.slice(0, 8), "it was cut"),
        (lambda pa, table: table.slice(1), "does not begin"),
        (cell("quantity", 2, 1), "does not begin"),
        (cell("price", 2, -1), "a limit is no price"),
        (cell("price", 7, -1), "outside the rules"),
        (cell("price", 7, 51), "outside the rules"),
        (cell("quantity", 7, -1), "outside the rules"),
        (cell("quantity", 7, 4), "outside the rules"),
        (cell("trader", 7, 3), "unknown"),
        (cell("trader", 7, -1), "unknown"),
        (cell("day", 7, 2), "not after"),
        (cell("step", 7, 10), "not after"),
        (cell("step", 7, -1), "not after"),
    ],
)
def test_a_bad_table_is_refused_with_a_sentence(change: Change, what: str, pq: Any, need: Any, tmp_path: Path) -> None:
    """Columns, types, the head, rows that are missing, numbers that cannot be."""
    pa = need("pyarrow")
    path = FLOW.save(tmp_path / "flow.parquet")
    pq.write_table(change(pa, pq.read_table(path)), path)
    with pytest.raises(ConfigurationError, match=what):
        coase.Flow.load(path)
    assert refused(path)


def test_missing_values_are_refused(pq: Any, need: Any, tmp_path: Path) -> None:
    """In a column that allows them."""
    pa = need("pyarrow")
    path = FLOW.save(tmp_path / "flow.parquet")
    table = pq.read_table(path)
    columns = {name: pa.array([*table[name].to_pylist()[:-1], None], pa.int64()) for name in flow_file.COLUMNS}
    pq.write_table(pa.table(columns).replace_schema_metadata(table.schema.metadata), path)
    assert "without a value" in refused(path)


def test_bytes_that_are_no_table(pq: Any, tmp_path: Path) -> None:
    """Cut short, or with any byte changed: refused, or read as a flow; never another error."""
    path = FLOW.save(tmp_path / "flow.parquet")
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert "no order flow" in refused(path)
    path.write_bytes(b"PAR1")
    assert "no order flow" in refused(path)
    codes = set()
    for place in range(4, len(good), 7):
        path.write_bytes(good[:place] + bytes((good[place] ^ 0x55,)) + good[place + 1 :])
        try:
            coase.Flow.load(path)
        except ConfigurationError as error:
            codes.add(error.code)
    assert codes == {"bad_flow"}


def test_what_is_no_file_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, nothing at all, a file beyond the bound, which is never read."""
    path = FLOW.save(tmp_path / "flow.jsonl")
    assert "is no file" in refused(tmp_path)
    assert "is no file" in refused(tmp_path / "none.parquet")
    assert "is no file" in refused(Path("/dev/zero"))
    monkeypatch.setattr(flow_file, "LARGEST", 100)
    assert "more than 100" in refused(path)


def test_a_table_that_unpacks_to_too_much(pq: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small on disk, large in memory."""
    long = FLOW._replace(orders=(FLOW.orders[0],) * 5000)
    path = long.save(tmp_path / "flow.parquet")
    monkeypatch.setattr(flow_file, "LARGEST", 2 * path.stat().st_size)
    assert coase.Flow.load(path) == long
    monkeypatch.setattr(flow_file, "MOST_ORDERS", 4000)
    assert "5,006 rows" in refused(path)


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    """A negative tick is refused before the disk sees it."""
    bad = FLOW._replace(orders=(FLOW.orders[0]._replace(price=-1),))
    with pytest.raises(ConfigurationError, match="outside the rules"):
        bad.save(tmp_path / "flow.parquet")
    assert list(tmp_path.iterdir()) == []
