"""Linear: concede at an even pace. Time-based concession of Faratin, Sierra and Jennings (1998) with beta = 1.

The share of the utility range asked for at relative time t is 1 - t.
"""

from __future__ import annotations

from typing import Any

import coase


class Linear(coase.Negotiator):
    """Concede at an even pace."""

    def target(self, t: Any) -> Any:
        """1 - t."""
        return 1 - t
