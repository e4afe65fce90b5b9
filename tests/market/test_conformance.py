"""The conformance kit of trading skills: all that ship pass, each kind of bad one is told why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coase
from coase import loading
from coase.errors import UnknownName
from coase.market.conformance import check, findings, is_trader

TRADERS = [n for n in loading.names("skills") if issubclass(loading.find("skills", n), coase.Trader)]

SOURCE = '''
"""A trader."""
from __future__ import annotations
import os, random, time
import coase

class Mine(coase.Trader):
    """A trader."""
    def start(self, side: int, limit: int, key: int):
        return side
    def quote(self, state, view):
        {body}
'''
BAD = {
    "never raises": "raise RuntimeError('out of ideas')",
    "quotes within the rules": "return state, coase.Quote(view.high + 1, 1)",
    "repeatable": "return state, coase.Quote(random.randint(view.low, view.high), 1)",
}


def broken(skill: Any) -> list[str]:
    """Names of the rules that a trader breaks."""
    return [one.name for one in findings(skill) if one.passed is False]


@pytest.mark.parametrize("name", TRADERS)
def test_traders_that_ship_keep_every_rule(name: str) -> None:
    """In every world, compiled and plain."""
    assert broken(coase.skill(name)) == []


@pytest.mark.parametrize("rule", BAD)
def test_a_broken_rule_is_named(rule: str, tmp_path: Path) -> None:
    """With where it happened and what to mend."""
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.format(body=BAD[rule]))
    assert rule in broken(coase.skill(str(path)))


def test_a_file_is_tried_in_a_process_of_its_own(tmp_path: Path) -> None:
    """One that ends the process, one that hangs, one that is none, and one that is good."""
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.format(body="os._exit(3)"))
    ended = check(path)
    assert not ended.passed
    assert "ended with 3" in ended.findings[0].what
    path.write_text(SOURCE.format(body="time.sleep(60)"))
    assert "within 3 seconds" in check(path, limits=(3, 4096)).findings[0].what
    path.write_text("import coase\n")
    assert check(path).findings[0].name == "loads"
    assert not is_trader(path)
    path.write_text(SOURCE.format(body="return state, coase.Quote(view.limit, 1)"))
    verdict = check(path)
    assert verdict.passed, verdict
    assert is_trader(path)
    assert not is_trader("boulware")
    with pytest.raises(UnknownName):
        check(tmp_path / "nothing.py")
