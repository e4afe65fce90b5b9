"""coase.testing.clock."""

from __future__ import annotations

import pytest

from coase.testing.clock import ManualClock


def test_it_moves_only_when_told() -> None:
    """It reads the same until it is advanced, and tells the new reading."""
    clock = ManualClock(100)
    assert [clock(), clock()] == [100, 100]
    assert clock.advance(5) == clock() == 105
    assert clock.advance(0) == 105


def test_it_does_not_go_back() -> None:
    """No chain and no expiry runs backwards."""
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().advance(-1)
