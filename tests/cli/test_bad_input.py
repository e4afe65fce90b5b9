"""Bad input: one clear sentence, no traceback, a non-zero exit, and an error object with `--json`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run

Run = Callable[..., Any]

GOOD_SELLER = 'agent = "validator"\n[parameters]\nlist_price = "1.00"\nfloor_price = "0.50"\n'
FILES = {
    "broken.toml": "agent = [unclosed",
    "binary.toml": b"\xff\xfe\x00".decode("latin-1"),
    "nobody.toml": 'agent = "no_such_agent"\n',
    "poor.toml": 'agent = "buyer"\n[parameters]\nbudget = "0"\n',
    "float.toml": 'agent = "buyer"\n[parameters]\nbudget = 25.5\n',
    "skill.toml": GOOD_SELLER + 'negotiator = "no_such_skill"\n',
    "upside.toml": 'agent = "validator"\n[parameters]\nlist_price = "1"\nfloor_price = "2"\n',
    "typo.toml": 'agent = "buyer"\nparametres = {}\n',
    "want.toml": 'agent = "buyer"\n[parameters]\nbudget = "5"\n[[want]]\nkind = "Model!"\n',
    "lonely.toml": 'agent = "buyer"\n[parameters]\nbudget = "5"\n[[want]]\nkind = "dataset"\n',
    "seller.toml": GOOD_SELLER,
}
CASES = {
    "unknown fault": (["demo", "--fault", "gremlins"], "unknown_fault"),
    "negative seed": (["demo", "--seed", "-1"], "usage"),
    "unknown option": (["demo", "--sede", "1"], "usage"),
    "unknown verb": (["dmeo"], "usage"),
    "unknown transport": (["demo", "--transport", "pigeon"], "unknown_transport"),
    "malformed TOML": (["run", "broken.toml"], "bad_toml"),
    "binary TOML": (["run", "binary.toml"], "bad_toml"),
    "missing file": (["run", "missing.toml"], "unreadable_file"),
    "unknown agent": (["run", "nobody.toml"], "unknown_name"),
    "budget of zero": (["run", "poor.toml"], "budget_zero"),
    "budget as a float": (["run", "float.toml"], "bad_parameters"),
    "missing skill": (["run", "skill.toml"], "unknown_name"),
    "floor above list": (["run", "upside.toml"], "bad_parameters"),
    "unknown key": (["run", "typo.toml"], "bad_configuration"),
    "malformed want": (["run", "want.toml"], "bad_want"),
    "nothing on offer": (["run", "lonely.toml"], "nothing_found"),
    "unknown skill": (["negotiate", "boulware", "no_such_skill"], "unknown_name"),
    "unknown deal": (["deals", "show", "no-such-deal"], "unknown_deal"),
    "no such home": (["deals", "list", "--home", "nowhere"], "no_such_home"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the cases name."""
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    return tmp_path


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_sentence_and_one_object(
    case: str, as_json: bool, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people a sentence on standard error; with `--json` an error object alone on standard output."""
    arguments, code = CASES[case]
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COASE_HOME", str(folder / "home"))
    assert run([*arguments, *(["--json"] if as_json else [])]) not in (0, None)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if as_json:
        error = json.loads(out)["error"]
        assert error["code"] == code
        assert error["message"]
    else:
        assert err.startswith("Error: ")


def test_names_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence begins with a capital, unless it begins with a file's name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(3)\n")
    for arguments, sentence in (
        (["new", "skill", "mine"], "Error: mine.py is there already"),
        (["negotiate", "./mine.py", "linear"], "Error: mine.py does not load: SystemExit: 3 (line 2)"),
        (["negotiate", "nobody", "linear"], "Error: No skill 'nobody'"),
    ):
        assert run(arguments) == 1
        assert capsys.readouterr().err.startswith(sentence)


def test_a_port_in_use_is_named(coase: Run, tmp_path: Path) -> None:
    """The broker's port is taken: the sentence names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = coase("demo", "--transport", "mqtt", "--port", str(port), "--json", cwd=tmp_path)
    assert done.returncode != 0
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "port_in_use"
    assert str(port) in error["message"]


def test_a_home_that_cannot_be_written_is_named(coase: Run, tmp_path: Path) -> None:
    """The state folder lies under a file: nothing is started."""
    (tmp_path / "file").write_text("")
    done = coase("demo", "--json", cwd=tmp_path, COASE_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode != 0
    assert json.loads(done.stdout)["error"]["code"] == "home_not_writable"


def test_a_used_folder_is_not_overwritten(coase: Run, tmp_path: Path) -> None:
    """`--out` never mixes two runs."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    done = coase("demo", "--json", "--out", "mine", cwd=tmp_path)
    assert json.loads(done.stdout)["error"]["code"] == "folder_not_empty"
