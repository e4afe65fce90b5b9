"""What a buyer asks for, and what it gets back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import coase
from coase.agent.journal import Journal
from coase.agent.want import Deal, seconds
from coase.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "wanted"), [("60s", 60), ("5m", 300), ("2h", 7200), ("1d", 86_400), (60, 60), (" 7 ", 7)]
)
def test_durations(text: str | int, wanted: int) -> None:
    """Seconds, minutes, hours, days."""
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "1.5h", "1w", "12345678s", "٣s", "1s 2s"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(ConfigurationError) as caught:
        seconds(text)
    assert caught.value.code == "bad_duration"
    assert "5m" in caught.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "Data Set"},
        {"kind": "model", "quantity": 0},
        {"kind": "model", "at_most": 0},
        {"kind": "model", "quotes": 33},
        {"kind": "model", "inputs": {"data": "not a hash"}},
        {"kind": "model", "qantity": 2},
    ],
)
def test_wants_are_well_formed(fields: dict[str, object]) -> None:
    """A malformed or misspelt want is refused before anybody is asked."""
    with pytest.raises(ValidationError):
        coase.Want.model_validate(fields)


def test_a_deal_is_a_view_of_the_journal(tmp_path: Path) -> None:
    """It says what the journal says now, and needs nothing else."""
    journal = Journal(tmp_path / "journal.db", "buyer")
    journal.open("d", "buyer", {"peer": "agent1x", "order": {"kind": "model"}})
    deal = Deal("d", journal)
    assert (deal.status, deal.settled, deal.code, deal.reason) == ("proposed", False, "proposed", "")
    assert (deal.price, deal.result, deal.files, deal.seller) == (None, {}, {}, "agent1x")
    assert deal.receipt == {"order": {"kind": "model"}}
    journal.apply("d", "refuse", code="timeout", reason="it fell silent")
    assert (deal.status, deal.code, deal.reason) == ("refused", "timeout", "it fell silent")
    assert deal.events == [("open", "proposed"), ("refuse", "refused")]
    journal.close()
