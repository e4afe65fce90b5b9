"""Nash seeker: learn what they like, and descend to the outcome with the largest product of gains. Nash (1950), "The
Bargaining Problem", Econometrica 18; the models and the way
there are those of coase/negotiation/opponent.py.

The point maximises mine * theirs, with both gains as shares of what each can get.
"""

from __future__ import annotations

from coase.negotiation.opponent import PointSeeker
from coase.negotiation.utility import Floats


class NashSeeker(PointSeeker):
    """Steer for the largest product of both sides' gains."""

    def score(self, mine: Floats, theirs: Floats) -> Floats:
        """mine * theirs."""
        return mine * theirs
