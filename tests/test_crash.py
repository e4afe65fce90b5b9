"""Crash points: counted, and deadly when chosen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from coase import crash

STEPS = """
from coase import crash
try:
    for name in ("one", "two", "three"):
        crash.point(name)
        print(name, flush=True)
finally:
    print("cleaned up", crash.passed, flush=True)
"""


def run(at: str | None) -> subprocess.CompletedProcess[str]:
    """Three points in a process of their own, with one of them chosen."""
    environment = {name: value for name, value in os.environ.items() if name != "COASE_CRASH_AT"}
    if at is not None:
        environment["COASE_CRASH_AT"] = at
    command = [sys.executable, "-c", STEPS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("at", [None, "", "0", "4"])
def test_nobody_dies_unless_a_point_is_chosen(at: str | None) -> None:
    """Without a number, or with one beyond the last point, the process runs to its end and has counted the points."""
    done = run(at)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n") == ["one", "two", "three", "cleaned up 3", ""]


@pytest.mark.parametrize(("at", "printed"), [("1", ""), ("2", "one\n"), ("3", "one\ntwo\n")])
def test_the_chosen_point_kills_without_cleaning_up(at: str, printed: str) -> None:
    """The process dies by SIGKILL at the n-th point, says where, and no `finally` runs."""
    done = run(at)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == printed
    assert done.stderr == f"crash at point {at}: {['one', 'two', 'three'][int(at) - 1]}\n"


@pytest.mark.parametrize("at", ["x", "-1", "1.5", " 3", "٣", "0x3", "9" * 5000])
def test_a_number_that_is_none_is_an_error(at: str) -> None:
    """A wrong number would kill nobody, and a test of recovery would pass: it is refused before the first point."""
    done = run(at)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ConfigurationError: COASE_CRASH_AT is" in done.stderr
    assert len(done.stderr) < 2000


def test_points_are_counted_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each point passed adds one to the count that a report can read."""
    monkeypatch.setattr(crash, "passed", 0)
    monkeypatch.setattr(crash, "_at", 0)
    crash.point("a")
    crash.point("b")
    assert crash.passed == 2
