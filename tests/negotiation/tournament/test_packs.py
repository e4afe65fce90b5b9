"""Scenario packs: repeatable, in range, and as opposed as they say."""

from __future__ import annotations

import numpy as np
import pytest

import coase
from coase.errors import CoaseError
from coase.negotiation.tournament.packs import PACKS, scenario
from coase.negotiation.tournament.scenario import Scenario


@pytest.mark.parametrize("pack", PACKS)
def test_scenarios_are_repeatable_and_in_range(pack: str) -> None:
    """The same seed and number give the same bytes, another of either gives others, and a round trip changes none."""
    first, again, other, seeded = (scenario(pack, *at) for at in ((1, 0), (1, 0), (1, 1), (2, 0)))
    assert first.to_json() == again.to_json() == Scenario.from_json(first.to_json()).to_json()
    assert first.to_json() != other.to_json() != seeded.to_json() != first.to_json()
    for number in range(30):
        place = scenario(pack, 3, number)
        assert 1 < place.domain.size <= 2000
        assert all(table.min() >= 0 and table.max() == pytest.approx(1) for table in place.utilities)
        assert all(0 <= limit <= 0.45 for limit in place.reservation)


def test_opposition_is_as_it_says() -> None:
    """In `opposed` what one gains the other loses; in `cooperative` wishes are nearly unrelated."""

    def correlation(pack: str) -> float:
        return float(np.mean([np.corrcoef(*scenario(pack, 1, n).utilities)[0, 1] for n in range(30)]))

    assert correlation("opposed") == pytest.approx(-1)
    assert correlation("cooperative") > -0.3


def test_utilities_beyond_the_scale_are_refused() -> None:
    """Scores of scenarios are averaged, so all utilities are from 0 to 1."""
    domain = coase.Domain(price=range(3))
    for tables, limits in ((([0, 1, 2], [0, 0, 1]), (0, 0)), (([0, 1, 1], [0, 0, 1]), (0, -1))):
        with pytest.raises(CoaseError) as caught:
            Scenario("mine", domain, (np.array(tables[0], float), np.array(tables[1], float)), limits)
        assert caught.value.code == "bad_scenario"
