"""The contracts' own tests, run by forge."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [
    pytest.mark.xdist_group("forge"),  # one run of forge serves all: one worker makes it
    pytest.mark.timeout(900),  # it compiles everything, a minute on an idle machine
]

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
CASES = (
    "channel_open",
    "channel_claim",
    "channel_settle",
    "escrow_open",
    "escrow_deliver",
    "escrow_release",
    "agent_register",
    "vote_commit",
    "vote_reveal",
    "feedback_first",
    "feedback_repeat",
    "asset_mint",
    "hours_mint",
    "token_clone",
)


def test_every_forge_test_passes(forge_report: dict[str, Any]) -> None:
    """No test fails, and none is skipped."""
    bad = [
        f"{suite} {name}: {result['status']} {result['reason']}"
        for suite, content in forge_report.items()
        for name, result in content["test_results"].items()
        if result["status"] != "Success"
    ]
    assert bad == []


def test_forge_runs_every_file(forge_report: dict[str, Any]) -> None:
    """Each *.t.sol file is in the report, with at least one test."""
    ran = {suite.partition(":")[0] for suite, content in forge_report.items() if content["test_results"]}
    assert ran == {path.relative_to(CONTRACTS).as_posix() for path in CONTRACTS.glob("test/**/*.t.sol")}


def test_calls_cost_what_the_snapshot_says(gas: ModuleType, forge_report: dict[str, Any]) -> None:
    """Each cost is the committed one to the unit (targets are kept by the tests that print them)."""
    assert gas.differences(gas.costs(forge_report), json.loads(gas.SNAPSHOT.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_measured(case: str, gas: ModuleType) -> None:
    """The snapshot has each case of the bench."""
    assert json.loads(gas.SNAPSHOT.read_text(encoding="utf-8"))[case] > 21_000


def test_a_changed_cost_is_named(gas: ModuleType) -> None:
    """More, less, new and gone: each is a sentence."""
    said = gas.differences({"a": 1, "b": 2, "new": 4}, {"a": 1, "b": 3, "gone": 5})
    assert said == ["b costs 2 and not 3", "gone costs nothing and not 5", "new costs 4 and not nothing"]
