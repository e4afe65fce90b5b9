"""The replicator dynamics, on games whose end is known."""

from __future__ import annotations

import numpy as np
import pytest

from coase.negotiation.tournament.game import replicate


def test_a_dominant_skill_takes_over() -> None:
    """Whatever the start, as long as it is there."""
    found = replicate(np.array([[3.0, 5.0], [2.0, 4.0]]), np.array([0.01, 0.99]))
    assert found.final == pytest.approx([1, 0], abs=1e-9)
    assert found.regret == pytest.approx(0, abs=1e-9)


def test_hawk_and_dove_end_in_the_mixture() -> None:
    """With a prize of 2 and a cost of 4, half are hawks (Maynard Smith 1982)."""
    found = replicate(np.array([[-1.0, 2.0], [0.0, 1.0]]), np.array([0.9, 0.1]))
    assert found.final == pytest.approx([0.5, 0.5], abs=1e-6)
    assert found.shares.sum(axis=1) == pytest.approx(np.ones(len(found.times)))


def test_skills_that_earn_the_same_keep_their_shares() -> None:
    """A flat game moves nobody."""
    start = np.array([0.2, 0.3, 0.5])
    assert replicate(np.ones((3, 3)), start).final == pytest.approx(start)
