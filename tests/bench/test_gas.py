"""The gas bench: cases beside references, from the contracts' own measurements."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from coase.bench import gas
from coase.errors import ConfigurationError

SNAPSHOT = json.loads((Path(__file__).resolve().parents[2] / "contracts" / "gas.json").read_text(encoding="utf-8"))


def test_every_measured_case_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with a reference come first, with their limit and the peer's cost."""
    monkeypatch.setattr(gas, "_measure", lambda: dict(SNAPSHOT))
    rows = list(gas.rows())
    assert {row.case: row.ours for row in rows if row.case not in gas.SUMS} == SNAPSHOT
    first = rows[0]
    assert (first.case, first.limit, first.peer, first.peer_name) == (
        "channel_open",
        90_000,
        189_706,
        "SingularityNET MPE",
    )
    assert first.ratio == 189_706 / SNAPSHOT["channel_open"]


def test_feedback_is_also_counted_with_its_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of their own: both transactions beside the reference's one; no row without its parts."""
    monkeypatch.setattr(gas, "_measure", lambda: dict(SNAPSHOT))
    rows = {row.case: row for row in gas.rows()}
    for when, receipt in (("first", "receipt_use"), ("repeat", "receipt_use_again")):
        both, alone = rows[f"feedback_{when}_with_receipt"], rows[f"feedback_{when}"]
        assert both.ours == SNAPSHOT[f"feedback_{when}"] + SNAPSHOT[receipt]
        assert both.peer is not None
        assert both.peer == alone.peer
        assert both.ratio == both.peer / both.ours
    monkeypatch.setattr(gas, "_measure", lambda: {"feedback_first": 1})
    assert [row.case for row in gas.rows()] == ["feedback_first"]


def test_every_measured_case_with_a_target_meets_it() -> None:
    """No case of the committed snapshot is above its limit."""
    above = [
        case
        for case, reference in gas.REFERENCES.items()
        if case in SNAPSHOT and reference.limit is not None and SNAPSHOT[case] > reference.limit
    ]
    assert above == []


def test_the_script_is_found_in_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench runs the contracts' own script; that the script measures right is for tests/contracts."""
    asked: list[Path] = []

    def found(name: str, path: Path) -> None:
        asked.append(path)

    monkeypatch.setattr(importlib.util, "spec_from_file_location", found)
    with pytest.raises(ConfigurationError):
        list(gas.rows())
    assert asked == [Path(__file__).resolve().parents[2] / "contracts" / "gas.py"]
    assert asked[0].is_file()


def test_an_installed_package_says_that_it_needs_a_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The wheel ships no contract tests."""
    monkeypatch.setattr(gas, "content", lambda kind: tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        list(gas.rows())
    assert caught.value.code == "no_contract_tests"
