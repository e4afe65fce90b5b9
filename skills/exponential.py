"""Exponential: give next to nothing away, then almost everything at the end. Faratin, Sierra and Jennings (1998), 4.1.

They write the share given away at relative time t as alpha(t) = exp((1 - t)^beta * ln k), k at the start and 1 at the
deadline. The share asked for is 1 - alpha(t). With the same beta it gives way later than the polynomial form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import coase


class Exponential(coase.Negotiator):
    """Hold, then give way at an accelerating rate."""

    beta: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="the smaller, the earlier it gives way")
    opening: float = Field(default=0.01, gt=0, lt=1, description="k: the share given away at the start")

    def target(self, t: Any) -> Any:
        """1 - exp((1 - t)^beta * ln k)."""
        return 1 - np.exp((1 - t) ** self.beta * np.log(self.opening))
