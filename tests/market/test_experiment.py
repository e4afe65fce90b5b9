"""Studies of one's own: cells, seeds, resume, sweeps, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import coase
from coase.errors import ConfigurationError, UnknownName, UsageError
from coase.market.experiment import RESULTS

SOURCE = '''
"""Throws dice."""
from __future__ import annotations
import random
from typing import Any, ClassVar
import coase

class Dice(coase.Study):
    """Throws dice."""
    question: ClassVar[str] = "Is the mean 3.5?"
    method: ClassVar[str] = "Throw."
    sides: int = 6
    throws: int = 3

    def cells(self) -> Any:
        return [{"throw": n} for n in range(self.throws)]

    def measure(self, cell: Any, seed: int) -> Any:
        return [{"eyes": random.Random(seed).randint(1, self.sides)}]

    def show(self, rows: Any) -> coase.Shown:
        mean = sum(row["eyes"] for row in rows) / len(rows)
        return coase.Shown([f"The mean is {mean}."], [coase.Comparison("mean", mean, 3.5, error=1)], [{"mean": mean}])
'''


class Counting(coase.Study):
    """A study whose class no file brought."""

    question: ClassVar[str] = "How many?"
    cells_: int = 2
    bad: Any = None

    def cells(self) -> Sequence[dict[str, Any]]:
        return [{"n": n} for n in range(self.cells_)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        return [{"square": cell["n"] ** 2, "seed": seed, "bad": {1, 2} if self.bad is True else self.bad}]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        return coase.Shown([f"{len(rows)}"])


@pytest.fixture
def dice(tmp_path: Path) -> Path:
    """A file with a study."""
    path = tmp_path / "dice.py"
    path.write_text(SOURCE)
    return path


def test_rows_carry_their_cell_and_come_in_order() -> None:
    """The cell's values in front, then what was measured; each cell has a seed of its own."""
    rows = coase.run_study(Counting()).rows
    assert [list(row) for row in rows] == [["n", "square", "seed", "bad"]] * 2
    assert [row["square"] for row in rows] == [0, 1]
    assert rows[0]["seed"] != rows[1]["seed"]
    assert rows == coase.run_study(Counting()).rows
    assert rows != coase.run_study(Counting(seed=2)).rows


def test_the_same_bytes_for_any_number_of_workers(dice: Path, tmp_path: Path) -> None:
    """Files and tables, on one process and on three."""
    study = coase.study(str(dice), throws=9)
    files = [coase.run_study(study, workers=n).save(tmp_path / f"{n}.parquet").read_bytes() for n in (1, 3)]
    assert files[0] == files[1]


def test_a_killed_study_goes_on(dice: Path, tmp_path: Path) -> None:
    """kill -9 in the middle; the second run measures the rest, and the rows are those of an unbroken run."""
    code = "import coase, sys; coase.run_study(coase.study(sys.argv[1]), folder=sys.argv[2])"
    folder = tmp_path / "out"
    environment = {**os.environ, "COASE_CRASH_AT": "4"}
    assert subprocess.run([sys.executable, "-c", code, str(dice), str(folder)], env=environment).returncode == -9
    known: list[int] = []
    result = coase.run_study(coase.study(str(dice)), folder=folder, progress=lambda done, of: known.append(done))
    assert known == [2, 3]
    assert result.rows == coase.run_study(coase.study(str(dice))).rows
    assert (folder / RESULTS).is_file()


def test_a_changed_file_shares_nothing_with_what_was_kept(dice: Path, tmp_path: Path) -> None:
    """Cells are kept under the hash of the study's file."""
    coase.run_study(coase.study(str(dice)), folder=tmp_path / "out")
    dice.write_text(SOURCE.replace("randint(1,", "randint(0,"))
    known: list[int] = []
    coase.run_study(coase.study(str(dice)), folder=tmp_path / "out", progress=lambda done, of: known.append(done))
    assert known[0] == 0


def test_a_sweep_is_every_combination(dice: Path) -> None:
    """In the grid's order, the last parameter fastest; parameters that the grid does not name stay."""
    results = coase.sweep(coase.study(str(dice), seed=5), {"sides": [2, 20], "throws": [1, 4]}, workers=2)
    assert [(r.study.sides, r.study.throws, len(r.rows)) for r in results] == [  # type: ignore[attr-defined]
        (2, 1, 1),
        (2, 4, 4),
        (20, 1, 1),
        (20, 4, 4),
    ]
    assert results[3].rows == coase.run_study(coase.study(str(dice), seed=5, sides=20, throws=4)).rows


def test_what_a_study_shows(dice: Path, tmp_path: Path, need: Any) -> None:
    """As an object for programs and as a page for people."""
    need("matplotlib")
    result = coase.run_study(coase.study(str(dice), throws=200))
    found = result.as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["study"] == "dice"
    assert found["comparisons"][0]["agrees"] is True
    html = result.report(tmp_path / "r.html").read_text()
    assert "Is the mean 3.5?" in html
    assert "agrees" in html


def test_a_class_without_a_file_stays_in_this_process() -> None:
    """Other processes could not make it again."""
    with pytest.raises(UsageError) as caught:
        coase.run_study(Counting(), workers=2)
    assert caught.value.code == "study_without_file"


def test_rows_are_plain(tmp_path: Path) -> None:
    """What JSON cannot hold is refused, with what to do."""
    with pytest.raises(ConfigurationError) as caught:
        coase.run_study(Counting(bad=True))
    assert caught.value.code == "bad_row"
    with pytest.raises(ConfigurationError, match="measured bad as nan") as caught:
        coase.run_study(Counting(bad=np.float64("nan")))
    assert "nothing trades" in caught.value.hint


def test_what_is_not_there(dice: Path) -> None:
    """An unknown name, a wrong parameter, no cells."""
    with pytest.raises(UnknownName):
        coase.study("no_such_study")
    with pytest.raises(ConfigurationError, match="sides"):
        coase.study(str(dice), sides="many")
    with pytest.raises(UsageError, match="0 cells"):
        coase.run_study(Counting(cells_=0))


def test_comparisons() -> None:
    """Three standard errors, or what the author allows; nothing known, nothing judged."""
    assert coase.Comparison("a", 1.3, 1.0, error=0.1).agrees is True
    assert coase.Comparison("a", 1.31, 1.0, error=0.1).agrees is False
    assert coase.Comparison("a", 1.31, 1.0, tolerance=0.5).agrees is True
    assert coase.Comparison("a", float("nan"), 1.0, tolerance=0.5).agrees is False
    assert coase.Comparison("a", 1.0).agrees is None
