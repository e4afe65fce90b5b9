"""A clock that stands still until it is told to move."""

from __future__ import annotations


class ManualClock:
    """Stands in for any clock that is called for the time in whole seconds.

    Args:
        start: the first reading, Unix seconds.
    """

    def __init__(self, start: int = 1_700_000_000) -> None:
        self._now = start

    def __call__(self) -> int:
        """The reading."""
        return self._now

    def advance(self, seconds: int) -> int:
        """Move on by `seconds` (0 or more); returns the new reading."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back ({seconds} s)")
        self._now += seconds
        return self._now
