"""Kalai seeker: learn what they like, and descend to the outcome at which the worse off gains most. Kalai (1977),
"Proportional Solutions to Bargaining Situations", Econometrica 45; the models and the way
there are those of coase/negotiation/opponent.py.

The point maximises min(mine, theirs), with both gains as shares of what each can get.
"""

from __future__ import annotations

import numpy as np

from coase.negotiation.opponent import PointSeeker
from coase.negotiation.utility import Floats


class KalaiSeeker(PointSeeker):
    """Steer for equal gains, as large as they can be."""

    def score(self, mine: Floats, theirs: Floats) -> Floats:
        """The smaller gain of the two; of equals, the larger sum."""
        return np.minimum(mine, theirs) + 1e-6 * (mine + theirs)
