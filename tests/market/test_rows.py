"""Tidy tables on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ConfigurationError, UsageError
from coase.market.rows import columns, save_rows

ROWS: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"a": 2, "c": 0.5}]


def test_columns() -> None:
    """In the order of first appearance, with None where a row has nothing."""
    assert columns(ROWS) == {"a": [1, 2], "b": ["x", None], "c": [None, 0.5]}
    assert columns([]) == {}


def test_each_format_can_be_read_again(tmp_path: Path, need: Any) -> None:
    """Parquet, CSV and JSON."""
    pq = need("pyarrow.parquet")
    assert pq.read_table(save_rows(ROWS, tmp_path / "t.parquet")).to_pydict() == columns(ROWS)
    assert save_rows(ROWS, tmp_path / "t.csv").read_text() == "a,b,c\n1,x,\n2,,0.5\n"
    assert json.loads(save_rows(ROWS, tmp_path / "t.json").read_text()) == ROWS


def test_what_is_refused(tmp_path: Path) -> None:
    """Another kind of file; a folder that is not there. Nothing half-written stays."""
    with pytest.raises(UsageError, match=r"bad\.txt"):
        save_rows(ROWS, tmp_path / "bad.txt")
    with pytest.raises(ConfigurationError, match="cannot write"):
        save_rows(ROWS, tmp_path / "no" / "t.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path) -> None:
    """/dev/full takes nothing: the error is ours."""
    (tmp_path / "t.csv.part").symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match="No space left"):
        save_rows(ROWS * 10_000, tmp_path / "t.csv")


FULL = """
import resource, sys
from pathlib import Path
import coase
from coase.errors import ConfigurationError

made = dict(traders={"zi_c": 20}, demand=coase.Uniform(1, 99), supply=coase.Uniform(1, 99), runs=9, seed=1)
run, flow = coase.simulate(**made), coase.record(**made)[0]
folder = Path(sys.argv[1])
run.save(folder / "warm.parquet")
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))  # from here on, no file takes more
files = [(run, "r.parquet"), (run, "r.csv"), (run, "r.json"), (flow, "f.jsonl"), (flow, "f.parquet")]
for what, name in files:
    try:
        what.save(folder / name)
    except ConfigurationError as error:
        print(error.code, bool(error.hint), len(run.table()))
print(sorted(path.name for path in folder.iterdir()))
"""


def test_a_disk_that_takes_no_more(tmp_path: Path, need: Any) -> None:
    """Each kind of file is refused with a sentence, nothing half-written stays, and the results are still there."""
    need("pyarrow.parquet")
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["unwritable_file True 9"] * 5 + ["['warm.parquet']"]
