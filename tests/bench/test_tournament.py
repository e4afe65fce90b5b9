"""The bench of tournaments: both sides do the same work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coase.bench.tournament import GAMES, PEERS, SKILLS, held, held_by_negmas

pytestmark = pytest.mark.xdist_group("negmas")


def test_both_hold_the_same_tournament(need: Callable[[str], Any]) -> None:
    """The same scenarios, as many games, and the same mean utility of each skill to within 0.05: NegMAS takes a target
    as met from 1e-4 below and draws its repeats otherwise, so that some games end otherwise.
    """
    need("negmas")
    (ours, count), (theirs, same) = held("price-only", 1), held_by_negmas("price-only", 1)
    mine: Any = ours()
    other: Any = theirs()
    assert count == same == len(mine.rows) == len(other.details) == GAMES
    scores = dict(zip(other.final_scores["strategy"], other.final_scores["score"], strict=True))
    for line in mine.standings:
        assert line.score == pytest.approx(scores[PEERS[SKILLS.index(line.skill)]], abs=0.05)
