"""The conformance kit: what ships passes, and each way to break a rule is found and named."""

from __future__ import annotations

from pathlib import Path

import pytest

import coase
from coase import loading
from coase.errors import CoaseError
from coase.negotiation.conformance.kit import check
from coase.negotiation.conformance.situations import situations

BAD = Path(__file__).parents[1] / "tournament" / "bad_skills.py"
LIMITS = (1.5, 512)
KINDS = {name: loading.find("skills", name) for name in loading.names("skills")}
BARGAINING = [  # without those that ask a language model: see tests/negotiation/llm
    n for n, k in KINDS.items() if issubclass(k, coase.Negotiator) and k.driver is coase.Negotiator.driver
]


@pytest.mark.parametrize("name", BARGAINING)
def test_what_ships_keeps_the_rules(name: str) -> None:
    """Every shipped skill that bargains; its batches are compared in tests/negotiation/test_batch.py."""
    verdict = check(name, batches=False)
    assert verdict.passed, [one.as_dict() for one in verdict.findings if one.passed is False]
    assert {"loads", "in time", "above reservation", "repeatable"} <= {
        one.name for one in verdict.findings if one.passed
    }


def test_batches_are_compared() -> None:
    """In a process of its own."""
    found = {one.name: one for one in check("linear").findings}
    assert found["batches"].passed
    assert found["runs batched"].what == "as 'plan'"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Raises", "never raises"),
        ("Hangs", "in time"),
        ("Hoards", "in memory"),
        ("Cheats", "above reservation"),
        ("Dies", "stays alive"),
        ("Remembers", "batches"),
    ],
)
def test_what_breaks_a_rule_is_told(name: str, rule: str) -> None:
    """By the rule's name, with what happened and what to do."""
    verdict = check(f"{BAD}:{name}", limits=LIMITS)
    broken = [one for one in verdict.findings if one.passed is False]
    assert not verdict.passed
    assert [one.name for one in broken] == [rule]
    assert broken[0].what
    assert broken[0].mend


OWN = """
import random, time
import coase
{}
"""
DRAWS = "class Draws(coase.Negotiator):\n    def ask(self, state, now):\n        return state, random.random()"
CLOCK = "class Clock(coase.Negotiator):\n    def ask(self, state, now):\n        return state, time.time_ns() % 97 / 97"
EARLY = "class Early(coase.Negotiator):\n    def step(self, state, offer):\n        return state, coase.Accept()"
SCALAR = "class Scalar(coase.Negotiator):\n    def target(self, t):\n        return 1 - t if t < 0.5 else 0.5"


@pytest.mark.parametrize(
    ("source", "broken"), [(CLOCK, ["repeatable"]), (EARLY, ["valid moves"]), (SCALAR, []), ("x = 1", ["loads"])]
)
def test_files_of_ones_own(source: str, broken: list[str], tmp_path: Path) -> None:
    """A clock, an acceptance of nothing, a curve that takes only numbers (which is allowed), and no skill at all."""
    file = tmp_path / "own.py"
    file.write_text(OWN.format(source))
    verdict = check(file)
    assert [one.name for one in verdict.findings if one.passed is False][:1] == broken[:1]


def test_situations_differ() -> None:
    """Each has a name of its own, and both roles get all of them."""
    names = [one.name for one in situations()]
    assert len(set(names)) == len(names)
    assert sum(name.startswith("buyer") for name in names) * 2 == len(names)


def test_what_cannot_be_checked() -> None:
    """No such name or file."""
    for what in ("bulware", "./nothing_here.py"):
        with pytest.raises(CoaseError) as caught:
            check(what)
        assert caught.value.code == "unknown_name"
