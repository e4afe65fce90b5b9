"""Tournaments: the promised call, reproducible in every way it can be run, and safe from its participants."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import CoaseError
from coase.negotiation.tournament import packs, play, schedule

BAD = Path(__file__).with_name("bad_skills.py")
OWN = '''
from __future__ import annotations
from typing import Any
import coase

class Patient(coase.Negotiator):
    """Hold firm."""
    beta: float = 0.2
    def target(self, t: Any) -> Any:
        return 1 - t ** (1 / self.beta)
'''
SCRIPT = """
import sys, coase
if __name__ == "__main__":
    result = coase.tournament(["boulware", "tit_for_tat", "./own.py"], ["price-only", "opposed"], repeats=2, seed=5,
                              folder=sys.argv[1], workers=int(sys.argv[2]))
    print(result.table())
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of one's own, in an empty folder, with a script that holds a tournament."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "go.py").write_text(SCRIPT)
    return tmp_path


def held(folder: Path, store: str, workers: int = 1, at: int = 0) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own, which dies at a point if one is given."""
    return subprocess.run(
        [sys.executable, "go.py", store, str(workers)],
        cwd=folder,
        env={**os.environ, "COASE_CRASH_AT": str(at)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_kill_at_any_point_changes_nothing(own: Path) -> None:
    """SIGKILL before and after each result is kept; the next start gives the table of an unbroken run."""
    whole = held(own, "whole")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.count("\n") == 4
    for at in (2, 5):
        assert held(own, f"killed-{at}", at=at).returncode == -signal.SIGKILL
        again = held(own, f"killed-{at}")
        assert (again.returncode, again.stdout) == (0, whole.stdout)
    assert held(own, "workers", workers=2).stdout == whole.stdout


ANYWHERE = """
import os, signal, sys, coase
passed, first, last = 0, 0, int(sys.argv[3])

def heard(done, of):
    global first
    first = first or (passed if done else 0)

def count(frame, event, argument):
    global passed
    passed += 1
    if passed == last:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    sys.setprofile(count)
    result = coase.tournament(["boulware", "tit_for_tat", "micro"], ["price-only", "opposed"], repeats=2, seed=5,
                              folder=sys.argv[1], workers=int(sys.argv[2]), progress=heard)
    table = str(result.table())
    sys.setprofile(None)
    print(table)
    print(first, passed, file=sys.stderr)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_kill_between_any_two_calls_changes_nothing(tmp_path: Path, workers: int) -> None:
    """SIGKILL at moments drawn from all calls of functions, those of the store's own code and of imports among them."""
    (tmp_path / "go.py").write_text(ANYWHERE)

    def held_until(last: int, folder: str) -> subprocess.CompletedProcess[str]:
        # it returns when the last process that holds its output has ended: workers do not outlive a kill
        return subprocess.run(
            [sys.executable, "go.py", folder, str(workers), str(last)],
            cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip

    whole = held_until(0, "whole")
    assert whole.returncode == 0, whole.stderr
    first, last = map(int, whole.stderr.split())  # calls until a result is heard of, and all of them
    draw = random.Random(workers)
    kept = set()
    for number in range(6 if workers == 1 else 3):
        folder = f"killed-{number}"
        moment = draw.randrange(first, last) if number % 3 else draw.randrange(1, first)
        assert held_until(moment, folder).returncode in (
            -signal.SIGKILL,
            0,
        )  # with workers their number differs a little
        kept.add(results(tmp_path / folder))
        again = held_until(0, folder)
        assert (again.returncode, again.stdout) == (0, whole.stdout)
    assert len(kept) > 1 if workers == 1 else any(kept)  # they died at different depths


def results(folder: Path) -> int:
    """How many are kept in a folder of finished work."""
    try:
        with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as db:
            return int(db.execute("select count(*) from done").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_many_files_share_a_few_processes(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more files than may run at a time those wait that were needed longest ago; the table is the same."""
    skills = ["linear", *(f"{own}/own.py:beta={beta}" for beta in (0.1, 0.2, 0.5, 1.0))]
    roomy = coase.tournament(skills, "price-only", repeats=1, seed=4)
    monkeypatch.setattr(schedule, "SIDE", 2)
    monkeypatch.setattr(play, "GUESTS", 4)
    running: list[int] = []

    def count(done: int, of: int) -> None:
        running.append(sum(guest._process is not None for guest in play._guests.values()))

    crowded = coase.tournament(skills, "price-only", repeats=1, seed=4, progress=count)
    assert (crowded.rows, str(crowded.table())) == (roomy.rows, str(roomy.table()))
    assert (len(running), max(running)) == (1 + 9, 4)
    assert [(row.buyer, row.seller) for row in crowded.rows] == [(i, j) for i in range(5) for j in range(5)]


def test_pairs_and_scores_are_those_of_negotiate() -> None:
    """Each row is what `negotiate` gives for the same scenario, and a score the mean of a skill's utilities."""
    names = ["boulware", "conceder", "tit_for_tat"]
    result = coase.tournament(names, ["anac-like", "price-only"], repeats=3, seed=2)
    assert len(result.rows) == 6 * 9
    for row in result.rows:
        pack, _, number = result.scenarios[row.place].rpartition("-")
        place = packs.scenario(pack, 2, int(number) - 1)
        alone = coase.negotiate(
            coase.skill(names[row.buyer]),
            coase.skill(names[row.seller]),
            place.domain,
            deadline=place.deadline,
            reservation=place.reservation,
            utilities=place.utilities,
        )
        assert (row.gains, row.step, row.end) == (alone.utilities, alone.step, alone.reason)
    for line in result.standings:
        k = names.index(line.skill)
        mine = [row.gains[side] for row in result.rows for side in (0, 1) if (row.buyer, row.seller)[side] == k]
        assert line.score == pytest.approx(np.mean(mine))
        assert line.low <= line.score <= line.high
    order = [line.score for line in result.standings]
    assert order == sorted(order, reverse=True)


def test_a_file_of_ones_own_plays_as_it_would_here(own: Path) -> None:
    """In its own process a skill gets what the same skill gets in this one, whatever its parameters."""
    there = coase.tournament(["conceder", f"{own}/own.py:beta=0.25"], "multi-issue", repeats=1, seed=3)
    here = coase.tournament(["conceder", "boulware"], "multi-issue", repeats=1, seed=3)
    assert [row.gains for row in there.rows] == [row.gains for row in here.rows]
    assert there.labels == ("conceder", "own(beta=0.25)")


@pytest.mark.parametrize(
    ("skills", "options", "code"),
    [
        ([], {}, "no_skills"),
        ("boulware", {}, "no_skills"),
        (["boulware", "boulware"], {}, "usage"),
        (["bulware"], {}, "unknown_name"),
        (["./nowhere.py"], {}, "unknown_name"),
        ([7], {}, "not_a_skill"),
        (["boulware"], {"scenarios": "anac"}, "unknown_name"),
        (["boulware"], {"scenarios": []}, "bad_scenario"),
        (["boulware"], {"repeats": 0}, "bad_repeats"),
        (["boulware"], {"repeats": 10**9}, "bad_repeats"),
        (["boulware"], {"seed": 1.5}, "bad_seed"),
        (["boulware"], {"workers": 0}, "bad_workers"),
        (["boulware"], {"executor": "threads"}, "bad_executor"),
        (["boulware"], {"limits": (0, 5)}, "bad_limits"),
    ],
)
def test_what_is_refused(skills: Any, options: dict[str, Any], code: str) -> None:
    """Each with a code of its own."""
    with pytest.raises(CoaseError) as caught:
        coase.tournament(skills, **options)
    assert caught.value.code == code


def test_the_report_is_one_file(tmp_path: Path, need: Any) -> None:
    """It says who won, why somebody lost, and names no other resource."""
    need("matplotlib")
    result = coase.tournament(["boulware", "conceder", f"{BAD}:Raises"], "price-only", repeats=2, seed=1)
    text = result.report(tmp_path / "page.html").read_text()
    assert "boulware has the best score" in text
    assert "the skill raised ValueError: no" in text
    assert not [word for word in ("<script", "<link", "url(http", "src='http", 'src="http') if word in text]
    assert result.report(tmp_path / "again.html").read_text() == text
