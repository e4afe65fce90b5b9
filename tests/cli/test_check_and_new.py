"""`coase new` and `coase check`: from nothing to a skill that keeps the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coase.cli.app import run


def test_a_new_skill_works_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It passes the kit, and its own test loads; a second one of the name is refused."""
    assert run(["new", "skill", "my_haggler", "--in", str(tmp_path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in made["files"]] == ["my_haggler.py", "test_my_haggler.py"]
    compile((tmp_path / "test_my_haggler.py").read_text(), "test", "exec")
    assert run(["check", str(tmp_path / "my_haggler.py")]) == 0
    assert "keeps every rule" in capsys.readouterr().out
    assert run(["new", "skill", "my_haggler", "--in", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "exists"


def test_a_broken_skill_fails_the_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With exit code 1 and what to mend, as a table and as JSON."""
    file = tmp_path / "raises.py"
    file.write_text(
        "import coase\nclass Raises(coase.Negotiator):\n    def ask(self, state, now):\n        return 1 / 0\n"
    )
    assert run(["check", str(file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    broken = [one for one in found["checks"] if one["ok"] is False]
    assert [one["name"] for one in broken] == ["never raises"]
    assert broken[0]["detail"]
    assert broken[0]["skill"] == str(file)
    assert run(["check", str(file)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_new_agent_is_a_copy_that_loads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With its own name and its own file."""
    from coase import loading

    assert run(["new", "agent", "my_gpu", "--like", "gpu_provider", "--in", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    settings = (tmp_path / "my_gpu" / "agent.toml").read_text()
    assert 'agent = "./agent.py"' in settings
    assert 'name = "my-gpu"' in settings
    assert loading.find("agents", tmp_path / "my_gpu" / "agent.py").__name__ == "GpuProvider"


@pytest.mark.parametrize("name", ["a b", "Class", "class", "../up", "x" * 60, "9lives"])
def test_names_that_are_none(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is written."""
    assert run(["new", "skill", name, "--in", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_name"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_agent(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Is told what there is."""
    assert run(["new", "agent", "mine", "--like", "nobody", "--in", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_name"


def test_a_new_study_runs_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """At reduced size it answers its question; its folder is named after it."""
    assert run(["new", "study", "my_market", "--in", str(tmp_path), "--json"]) == 0
    file = Path(json.loads(capsys.readouterr().out)["files"][0])
    assert (file.parent.name, file.name) == ("my_market", "study.py")
    assert run(["simulate", str(file), "--quick", "--out", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "my_market"
    assert "arrives in the price" in found["findings"][0]
