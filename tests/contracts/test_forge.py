"""The contracts' own tests, run by forge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("forge")  # one run of forge serves all: one worker makes it

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
GAS_TARGETS = {"escrow_open": 175_000, "escrow_deliver": 40_000, "escrow_release": 58_000}


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


@pytest.mark.parametrize("case", GAS_TARGETS)
def test_gas_is_within_its_target(case: str, forge_report: dict[str, Any]) -> None:
    """The gas table that forge prints names the case and stays within the target (transaction gas)."""
    results = forge_report["test/escrow/gas.t.sol:GasTest"]["test_results"].values()
    lines = [line.split() for result in results for line in result["decoded_logs"]]
    table = {line[1]: int(line[2]) for line in lines if line[0] == "gas"}
    assert 21_000 < table[case] <= GAS_TARGETS[case]
