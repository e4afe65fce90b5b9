"""What a parameter is worth: coase/negotiation/sensitivity.py, and the picture of concessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coase
from coase.errors import ConfigurationError, UsageError

DOMAIN = coase.Domain(price=range(50))


def test_firmness_pays_against_time_based_opponents(tmp_path: Path) -> None:
    """Boulware's own utility falls with beta, and the opponents' rises; the same seed gives the same figures."""
    rivals = [coase.skill("linear"), coase.skill("conceder")]
    found = coase.sensitivity("boulware", "beta", [0.2, 1, 5], rivals, DOMAIN, repeats=4, deadline=30)
    assert found.own[0] > found.own[1] > found.own[2]
    assert found.other[0] < found.other[1] < found.other[2]
    assert found.best == 0.2
    assert found == coase.sensitivity("boulware", "beta", [0.2, 1, 5], rivals, DOMAIN, repeats=4, deadline=30)
    assert found.to_json()["values"] == (0.2, 1, 5)
    assert found.plot(tmp_path / "beta.png").stat().st_size > 10_000
    result = coase.negotiate(coase.skill("boulware"), coase.skill("linear"), DOMAIN)
    assert result.plot_concessions(tmp_path / "concessions.svg").read_text().count("<svg") == 1


def test_mistakes_are_refused() -> None:
    """Nothing to play, a parameter that is none, a picture of another kind."""
    linear: Any = [coase.skill("linear")]
    for values, rivals in (([], linear), ([1], [])):
        with pytest.raises(UsageError) as error:
            coase.sensitivity("boulware", "beta", values, rivals, DOMAIN)
        assert error.value.code == "bad_sensitivity"
    with pytest.raises(ConfigurationError):
        coase.sensitivity("boulware", "gamma", [1], linear, DOMAIN)
    with pytest.raises(UsageError, match="cannot draw"):
        coase.sensitivity("boulware", "beta", [1], linear, DOMAIN, repeats=1).plot("x.gif")
