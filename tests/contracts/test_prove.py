"""The script of the long proofs: its bugs fit the sources, one is seeded and found, wrong calls are refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


def test_each_bug_fits_its_source(prove: ModuleType) -> None:
    """The text that a mutation replaces occurs once; there are at least 12 kinds, over most contracts."""
    table = prove.script("mutations").MUTATIONS
    for mutation in table:
        text = (CONTRACTS / "src" / f"{mutation.file}.sol").read_text(encoding="utf-8")
        assert prove.seeded(mutation, text) != text
        assert list(CONTRACTS.glob(mutation.tests)), mutation.tests
    assert len({mutation.kind for mutation in table}) == len(table) >= 12
    assert len({mutation.file for mutation in table}) >= 6


def test_a_text_that_is_not_there_is_named(prove: ModuleType) -> None:
    """A mutation that no longer fits its source is an error, not a bug that was found."""
    mutation = prove.script("mutations").MUTATIONS[0]
    with pytest.raises(prove.NotProved, match="occurs 0 times"):
        prove.seeded(mutation, "contract X {}")


def test_a_seeded_bug_is_found(
    prove: ModuleType, toolchain: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way, on the cheapest one: a copy, a bug, forge, a failing test."""
    table = prove.script("mutations").MUTATIONS
    number = 1 + next(i for i, mutation in enumerate(table) if mutation.file == "MarketRules")
    assert prove.main(["mutations", "--only", str(number)]) == 0
    said = capsys.readouterr().out
    assert "killed by" in said
    assert "1 of 1 killed" in said


def test_wrong_calls_are_refused(prove: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A stage or a mutation that is none: a sentence, and not success."""
    with pytest.raises(SystemExit):
        prove.main(["prayers"])
    assert "no such stage: prayers" in capsys.readouterr().err
    assert prove.main(["mutations", "--only", "99"]) == 1
    assert "there are mutations 1 to" in capsys.readouterr().out


def test_each_accepted_finding_has_a_reason(prove: ModuleType) -> None:
    """slither's findings that we live with are explained in a sentence each."""
    reasons = json.loads(prove.ACCEPTED.read_text(encoding="utf-8"))
    assert all(len(reason.split()) >= 8 for reason in reasons.values())
