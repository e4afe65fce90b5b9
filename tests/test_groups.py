"""Tests that share something dear go to one worker: what the runner and its plugin have to agree on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GROUPED = """
import os, pathlib, pytest

@pytest.mark.xdist_group("dear")
@pytest.mark.parametrize("number", range(8))
def test_it(number):
    (pathlib.Path(__file__).parent / f"{os.environ['PYTEST_XDIST_WORKER']}-{number}").touch()
"""


def test_a_group_goes_to_one_worker(tmp_path: Path) -> None:
    """pytest 9.2 hides the groups from pytest-xdist 3.8, without a word: each worker then does the dear work again."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-c", "/dev/null", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    used = {path.name.partition("-")[0] for path in tmp_path.glob("gw*-*")}
    assert len(used) == 1
