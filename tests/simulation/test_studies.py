"""Every study that ships, at reduced size: it runs, agrees with what is proven, and can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coase
from coase.errors import ConfigurationError
from coase.loading import content, find, names

STUDIES = names("studies")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_shows_what_is_proven(name: str, need: Any, tmp_path: Path) -> None:
    """At reduced size, every comparison of confidence A agrees, and the report has the answer and its pictures."""
    need("matplotlib")
    result = coase.run_study(coase.study(name, **find("studies", name).quick), folder=tmp_path)
    assert result.rows
    proven = [one for one in result.shown.comparisons if one.confidence == "A"]
    assert [one.as_dict() for one in proven if one.agrees is False] == []
    html = result.report(tmp_path / "report.html").read_text()
    assert "<svg" in html or "data:image/png" in html
    assert result.shown.findings[0].split()[0] in html


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_states_question_method_and_result(name: str) -> None:
    """In its class and in its readme."""
    kind = find("studies", name)
    assert kind.question.endswith("?")
    assert len(kind.method) > 100
    assert kind.quick
    readme = (content("studies") / name / "README.md").read_text(encoding="utf-8")
    for word in ("**Question.**", "**Method.**", "**Result.**", f"coase simulate {name}"):
        assert word in readme, word
    for field, info in kind.model_fields.items():
        assert info.description, field


def test_a_report_has_the_same_bytes_for_any_number_of_workers(need: Any, tmp_path: Path) -> None:
    """Rows, findings and the page with its pictures, on one worker and on two, compiled markets among them."""
    need("matplotlib")
    pages = []
    for workers in (1, 2):
        result = coase.run_study(coase.study("gode_sunder", runs=4, turns=20), workers=workers)
        pages.append(result.report(tmp_path / f"{workers}.html").read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("adaptive_traders", {"strategies": ("zip", "zip")}),
        ("audit_economics", {"stakes": ()}),
        ("audit_economics", {"stakes": (-1,)}),
        ("audit_economics", {"stakes": (float("inf"),)}),
        ("first_offer_bias", {"biases": ()}),
        ("first_offer_bias", {"biases": (1, 0)}),
        ("mcafee", {"sizes": (0, 4)}),
        ("mcafee", {"sizes": (4, 4)}),
        ("one_seat", {"others": ("zip", "zip")}),
        ("sybil", {"fees": (0.1,)}),
        ("sybil", {"fees": (0.1, -0.1)}),
    ],
    ids=str,
)
def test_a_grid_that_cannot_be_is_refused(name: str, wrong: dict[str, Any]) -> None:
    """Nothing to measure, values that cannot be, and values that come twice; the field is named."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        coase.study(name, **wrong)


def test_a_study_in_which_nothing_trades_says_so() -> None:
    """Instead of a picture of nothing."""
    study = coase.study("zip_convergence", **{**find("studies", "zip_convergence").quick, "turns": 1})
    with pytest.raises(ConfigurationError, match="no number") as caught:
        coase.run_study(study)
    assert "more traders, turns or runs" in caught.value.hint
