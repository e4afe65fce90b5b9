"""`coase simulate`: the list, a run, parameters, and the files it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run


def test_studies_are_listed_with_their_questions(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    assert run(["simulate"]) == 0
    assert "bilateral_bound" in capsys.readouterr().out
    assert run(["simulate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["studies"]["bilateral_bound"].endswith("?")


def test_a_run_tells_its_answer_and_leaves_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, need: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences, known figures, a page and a table of rows; by default below ./runs."""
    need("matplotlib")
    need("pyarrow")
    monkeypatch.chdir(tmp_path)
    assert run(["simulate", "bilateral_bound", "--quick", "--set", "pairs=5000"]) == 0
    out = capsys.readouterr().out
    assert "Private information costs" in out
    assert "0.84375" in out
    folder = tmp_path / "runs" / "study-bilateral_bound"
    assert {path.name for path in folder.iterdir()} >= {"report.html", "rows.parquet", "results.sqlite"}


def test_json_is_one_object(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Parameters, findings, comparisons and where the files are."""
    arguments = ["--quick", "--set", "pairs=5000", "--seed", "3", "--out", str(tmp_path), "--json"]
    assert run(["simulate", "bilateral_bound", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == {"seed": 3, "cells_": 4, "pairs": 5000}
    assert Path(found["files"]["report"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no_such"], "unknown_name"),
        (["bilateral_bound", "--set", "pairs"], "bad_parameters"),
        (["bilateral_bound", "--set", "pairs=few"], "bad_parameters"),
        (["bilateral_bound", "--out", "/dev/null/x"], "bad_folder"),
    ],
)
def test_what_is_refused(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown study, a setting without a value, a value of the wrong kind, a place that is no folder."""
    assert run(["simulate", *arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


WIDE = '''
import coase

class Wide(coase.Study):
    """Many columns."""

    question = "How wide?"

    def cells(self):
        return [{"n": 1}]

    def measure(self, cell, seed):
        return [{"x": 1 / 3}]

    def show(self, rows):
        shares = {f"share of the possible gains, {n}": rows[0]["x"] for n in range(9)}
        row = {"rule": "a [rule]", **shares, "gone": None}
        return coase.Shown(["It is wide."], summary=[row])
'''


@pytest.mark.parametrize("columns", [40, 70, 200])
def test_no_number_is_cut_on_a_narrow_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns for which there is no room are named, and the others are whole."""
    monkeypatch.setenv("COLUMNS", str(columns))
    path = tmp_path / "wide.py"
    path.write_text(WIDE)
    assert run(["simulate", str(path), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    shown = out.count("0.3333")
    assert ("a [rule]" in out, "…" in out) == (True, False)
    assert (1 < shown < 9) == (columns < 200)
    assert ("In the report, for want of room here" in out) == (shown < 9)


def test_who_interrupts_is_told_what_is_kept_and_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the third cell: two are kept, and the same command measures the others alone."""
    path = tmp_path / "wide.py"
    path.write_text(WIDE.replace('[{"n": 1}]', '[{"n": n} for n in range(4)]'))
    measured: list[int] = []

    def measure(task: Any) -> list[dict[str, Any]]:
        measured.append(task["cell"]["n"])
        if len(measured) == 3:
            raise KeyboardInterrupt
        return [{"x": 0.5}]

    monkeypatch.setattr("coase.market.experiment.measure", measure)
    command = ["simulate", str(path), "--out", str(tmp_path / "out")]
    assert run(command) == 130
    assert f"2 of 4 cells kept in {tmp_path / 'out'}" in capsys.readouterr().err
    assert run(command) == 0
    assert measured == [0, 1, 2, 2, 3]
