"""`coase bench`: the list, the table, the rows as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from coase.bench import benches
from coase.bench.row import Row
from coase.cli.app import run


def rows() -> Iterator[Row]:
    """One of each kind."""
    yield Row("fast", "calls/s", 300, 100, "peer 1.0", target=2)
    yield Row("dear", "gas", 95, 100, "[peer]", less_is_better=True, limit=90)


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that takes no time."""
    module = ModuleType("coase.bench.made_up")
    module.__dict__.update(rows=rows, __spec__=object())
    monkeypatch.setitem(sys.modules, "coase.bench.made_up", module)
    monkeypatch.setattr(benches, "BENCHES", {"made_up": "nothing"})


def test_without_a_name_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A name and what it measures."""
    assert run(["bench"]) == 0
    assert "made_up       nothing" in capsys.readouterr().out


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures, ratio, target, and whether it was met."""
    assert run(["bench", "made_up"]) == 0
    out = capsys.readouterr().out
    assert [word in out for word in ("fast", "3x", "2x", "met", "missed", "[peer]", "<= 90")] == [True] * 7


def test_rows_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """A list of rows and nothing else."""
    assert run(["bench", "made_up", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["case"] for row in found] == ["fast", "dear"]
    assert found[0]["ratio"] == 3


def test_check_fails_when_a_target_is_missed() -> None:
    """For machines that watch speed."""
    assert run(["bench", "--all", "--check"]) == 1


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names those that there are."""
    assert run(["bench", "made_upp", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["hint"]) == ("unknown_name", "did you mean made_up?")
