"""Boulware: concede late. Time-based concession of Faratin, Sierra and Jennings (1998), polynomial form.

The share of the utility range asked for at relative time t is 1 - t^(1 / beta). With beta < 1 it stays high until
shortly before the deadline. NegMAS writes the exponent as e = 1 / beta.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase


class Boulware(coase.Negotiator):
    """Hold firm, concede late."""

    beta: float = Field(default=0.25, gt=0, allow_inf_nan=False, description="the smaller, the firmer; 1 is linear")

    def target(self, t: Any) -> Any:
        """1 - t^(1 / beta)."""
        return 1 - t ** (1 / self.beta)
