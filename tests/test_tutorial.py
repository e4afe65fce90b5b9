"""The tutorial, from its first command to its last, in one folder: what it shows is what comes out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coase

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SET_UP = ("git clone", "python3.11 -m venv", ".venv/bin/pip install")
COMMANDS = [line for kind, text in BLOCK.findall(PAGE.read_text()) if kind == "sh" for line in text.splitlines()]


def run(command: str, folder: Path) -> str:
    """What one `coase` command prints."""
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/coase"
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"COASE_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "coase", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_it_takes_at_most_ten_commands() -> None:
    """From nothing to the winner, the installation included."""
    assert len(COMMANDS) <= 10
    assert [line for line in COMMANDS if not line.startswith((".venv/bin/coase", *SET_UP))] == []


def test_every_step_does_what_it_says(tmp_path: Path, need: Callable[[str], Any]) -> None:
    """Files are written, commands run, and each line that is shown is printed, in this order; the last table is won."""
    need("numba")
    need("matplotlib")
    printed = ""
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "python" and text.startswith("# my_haggler.py\n"):
            (tmp_path / "my_haggler.py").write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                if not line.startswith(SET_UP):
                    printed = run(line, tmp_path)
        elif kind == "text":
            came = [" ".join(line.split()) for line in printed.splitlines()]
            for line in text.splitlines():
                wanted = " ".join(line.split())
                at = next((n for n, got in enumerate(came) if got.startswith(wanted)), None)
                assert at is not None, f"not printed: {line}\n{printed}"
                came = came[at + 1 :]
    assert printed.splitlines()[1].startswith("my_haggler")
    assert (tmp_path / "tournament.html").is_file()


def test_it_wins_elsewhere_too(tmp_path: Path) -> None:
    """Another seed, more and better rivals."""
    text = next(code for kind, code in BLOCK.findall(PAGE.read_text()) if code.startswith("# my_haggler.py\n"))
    (tmp_path / "my_haggler.py").write_text(text)
    rivals = ["boulware", "linear", "micro", "tit_for_tat", "hybrid", "nash_seeker", "kalai_seeker"]
    result = coase.tournament([*rivals, tmp_path / "my_haggler.py"], repeats=4, seed=2)
    assert result.standings[0].skill == "my_haggler"
