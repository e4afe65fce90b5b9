"""Moves: coase/negotiation/moves.py."""

from __future__ import annotations

import dataclasses

import pytest

import coase
from coase.negotiation.moves import PARTIES, other


def test_moves_are_values() -> None:
    """Equal by kind and content, never changed, and usable as keys."""
    assert coase.Propose(3) == coase.Propose(3) != coase.Propose(4)
    assert coase.Accept() == coase.Accept()
    assert len({coase.Propose(1), coase.Propose(1), coase.Accept(), coase.Walk("no"), coase.Ask("?", {})}) == 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        coase.Propose(3).outcome = 4  # type: ignore[misc]


def test_a_move_is_never_taken_for_nothing() -> None:
    """Each is true as a condition, the empty ones too."""
    assert all([coase.Propose(0), coase.Accept(), coase.Walk()])


def test_the_other_party() -> None:
    """There are two."""
    assert [other(party) for party in PARTIES] == ["seller", "buyer"]
