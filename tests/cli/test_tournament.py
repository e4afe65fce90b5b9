"""`coase tournament`: a table for people, one object for programs, a page, and a folder to go on from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coase.cli.app import run


def test_a_tournament_is_told_and_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The table names each skill; the same folder again plays nothing anew."""
    arguments = ["tournament", "boulware", "conceder:beta=2", "--repeats", "2", "--out", str(tmp_path / "kept")]
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert "conceder(beta=2.0)" in shown
    assert run(arguments) == 0
    assert capsys.readouterr().out == shown
    assert run([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["negotiations"], found["report"]) == (8, None)
    assert [line["skill"] for line in found["table"]] == ["boulware", "conceder(beta=2.0)"]


def test_a_report_that_cannot_be_written_is_said_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Before anything is played: the folder of finished work is not even begun."""
    pytest.importorskip("matplotlib")
    for report, code in ((tmp_path / "no" / "page.html", "unwritable_file"), (tmp_path / "page.txt", "bad_page")):
        arguments = ["tournament", "boulware", "--out", str(tmp_path / "kept"), "--report", str(report), "--json"]
        assert run(arguments) == 1
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", [False, True])
def test_an_interruption_says_what_becomes_of_the_work(
    out: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, the shell's exit code, and the same command goes on."""
    arguments = ["tournament", "boulware", "nash_seeker", "--repeats", "2", *(["--out", str(tmp_path)] if out else [])]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("coase.negotiation.tournament.play._one", stop)
        assert run(arguments) == 130
    said = capsys.readouterr().err
    assert ("the same command goes on" in said, "nothing is kept" in said) == (out, not out)
    assert run(arguments) == 0
    assert "nash_seeker " in capsys.readouterr().out  # a parameter as it ships is not told


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With a code, and the name that was probably meant."""
    assert run(["tournament", "bulware", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["hint"]) == ("unknown_name", "did you mean boulware?")
