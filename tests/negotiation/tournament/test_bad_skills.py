"""Skills that break the rules lose by them, with the reason in the report, and harm nobody."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Any

import pytest

import coase
from coase.errors import CoaseError
from coase.negotiation.problem import times
from coase.negotiation.tournament import seats

BAD = Path(__file__).with_name("bad_skills.py")


def test_bad_skills_lose_by_rule() -> None:
    """Each scores 0 with the reason; what the others got among themselves is as without them."""
    bad = {
        "Raises": "the skill raised ValueError: no",
        "Hoards": "the skill raised MemoryError",
        "Nonsense": "the skill raised TypeError",
        "Cheats": "less than its reservation",
        "Dies": "its process ended (status 3)",
    }
    skills = ["boulware", *(f"{BAD}:{name}" for name in bad)]
    result = coase.tournament(skills, "price-only", repeats=1, seed=1, limits=(20, 64))
    lines = {line.skill: line for line in result.standings}
    assert {name: lines[name].failed for name in bad} == dict.fromkeys(bad, 7)
    assert all(reason in lines[name].why for name, reason in bad.items())
    assert lines["boulware"].failed == 0
    assert result.standings[0].skill == "boulware"
    among = coase.tournament(["boulware"], "price-only", repeats=1, seed=1)
    assert [row.gains for row in result.rows if (row.buyer, row.seller) == (0, 0)] == [among.rows[0].gains]
    assert all(row.gains[row.failed] == 0 for row in result.rows if row.failed is not None)


def test_more_ways_to_be_bad() -> None:
    """A program's end, endless recursion, a flood of words, edits of what it was given: none reaches the others."""
    bad = {
        "Exits": "the skill raised SystemExit",
        "Recurses": "the skill raised RecursionError",
        "Floods": "y" * 297 + "...",
        "Rewrites": "less than its reservation",
    }
    result = coase.tournament(["boulware", *(f"{BAD}:{name}" for name in bad)], "price-only", repeats=1, seed=1)
    lines = {line.skill: line for line in result.standings}
    assert all(reason in lines[name].why for name, reason in bad.items())
    assert min(lines[name].failed for name in bad) > 0
    assert lines["boulware"].failed == 0
    among = coase.tournament(["boulware"], "price-only", repeats=1, seed=1)
    assert [row.gains for row in result.rows if (row.buyer, row.seller) == (0, 0)] == [among.rows[0].gains]


def test_processes_that_a_skill_leaves_behind_end_with_the_tournament() -> None:
    """Its whole group is killed."""
    result = coase.tournament(["boulware", f"{BAD}:Litters"], "price-only", repeats=1, seed=1)
    (line,) = (line for line in result.standings if line.skill == "Litters")
    assert (line.failed, line.why) == (3, "the skill raised ValueError: left one behind")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            left = b"# litter" in path.read_bytes()
            descriptor = os.pidfd_open(int(path.parent.name)) if left else None
        except OSError:
            continue  # it has ended meanwhile
        if descriptor is not None:
            ended, _, _ = select.select([descriptor], [], [], 20)
            os.close(descriptor)
            assert ended


def test_a_skill_that_hangs_is_stopped() -> None:
    """It loses each negotiation at its limit, and the run goes on with a fresh process."""
    result = coase.tournament(["boulware", f"{BAD}:Hangs"], "price-only", repeats=1, seed=1, limits=(0.2, 64))
    (line,) = (line for line in result.standings if line.skill == "Hangs")
    assert (line.failed, line.why) == (3, "over its time of 0.2 s")


def test_nothing_is_remembered_between_negotiations() -> None:
    """A global that a skill changes is as new in the next negotiation, so order and workers cannot matter."""
    result = coase.tournament(["conceder", f"{BAD}:Remembers"], "price-only", repeats=2, seed=1)
    firm = [row for row in result.rows if (row.buyer, row.seller) == (1, 1)]
    assert {row.end for row in firm} == {"deadline"}


def test_a_file_that_does_not_load_loses(tmp_path: Path) -> None:
    """With the reason; nobody else is harmed."""
    (tmp_path / "broken.py").write_text("import coase\nraise RuntimeError('oh')\n")
    result = coase.tournament(["boulware", str(tmp_path / "broken.py")], "price-only", repeats=1)
    (line,) = (line for line in result.standings if line.skill == "broken")
    assert line.failed == 3
    assert "does not load: RuntimeError: oh (line 2)" in line.why


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("while True:\n    pass\n", "does not load: over its time of 0.5 s"),
        (
            "import numpy\nkept = []\nwhile True:\n    kept.append(numpy.empty(10**7))\n",
            "MemoryError: Unable to allocate",
        ),
        ("raise SystemExit\n", "does not load: SystemExit"),
        ("import os\nos._exit(0)\n", "does not load: its process ended"),
    ],
    ids=["hangs", "hoards", "exits", "dies"],
)
def test_a_file_that_is_bad_while_it_loads(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits hold from its first line."""
    monkeypatch.setattr(seats, "LOADING", 0.5 if "pass" in source else 20.0)
    (tmp_path / "bad.py").write_text(source)
    result = coase.tournament(["boulware", str(tmp_path / "bad.py")], "price-only", repeats=1)
    (line,) = (line for line in result.standings if line.skill == "bad")
    assert line.failed == 3
    assert reason in line.why


def test_a_forged_plan_is_nonsense(tmp_path: Path) -> None:
    """A file that rewrites the process it runs in can only lose: ranks are bounded on the other side."""
    (tmp_path / "forges.py").write_text(
        "import sys, numpy, coase\n"
        "sys.modules['__main__'].plan_of = lambda skill, problem: numpy.full(problem.deadline, problem.count)\n"
        "class Forges(coase.Negotiator):\n    pass\n"
    )
    result = coase.tournament(["boulware", str(tmp_path / "forges.py")], "price-only", repeats=1)
    (line,) = (line for line in result.standings if line.skill == "forges")
    assert (line.failed, line.why) == (3, "it answered nonsense")


class Mutates(coase.Negotiator):
    """A class that no file brought, and a cheat."""

    def start(self, problem: coase.Problem) -> Any:
        """All is worth everything."""
        problem.ranking.given[:] = 1
        problem.count = 10**9
        return ()

    def bid(self, state: Any, now: coase.Now) -> Any:
        """Take anything."""
        return state, 10**9, 0


def test_a_class_plays_too_and_cannot_cheat() -> None:
    """In this process, on copies; its moves are checked again. It cannot go to other processes or into a store."""
    result = coase.tournament(["boulware", Mutates], "price-only", repeats=2, seed=1)
    (line,) = (line for line in result.standings if line.skill == "Mutates")
    assert line.failed > 0
    assert line.why == "it would go below its reservation"
    for asked in ({"workers": 2}, {"folder": "x"}):
        with pytest.raises(CoaseError) as caught:
            coase.tournament(["boulware", Mutates], "price-only", **asked)
        assert caught.value.code == "skill_without_file"


class Stops(coase.Negotiator):
    """A class that no file brought: it stops the clock, then the program."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """In the second step, so that somebody might have seen the clock."""
        now.problem.times[:] = [0.0] * now.problem.deadline
        if now.step == 2:
            raise SystemExit
        return state, 1.0


def test_a_class_can_stop_neither_the_clock_nor_the_program() -> None:
    """It loses, and the clock of the others goes on."""
    result = coase.tournament([Stops, "boulware"], "price-only", repeats=1, seed=1)
    (line,) = (line for line in result.standings if line.skill == "Stops")
    assert (line.failed, line.why) == (3, "the skill raised SystemExit:")
    assert times(100)[0] > 0
