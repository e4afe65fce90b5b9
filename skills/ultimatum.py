"""Ultimatum: hold until the last step, then make one take-it-or-leave-it offer. The game of Güth, Schmittberger and
Schwarze (1982), as the end of a session.

Whoever moves last has the power of the proposer. Until then it asks for everything; in the last step it asks for
1 - gift, and it accepts whatever is worth that much.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase


class Ultimatum(coase.Negotiator):
    """Nothing, nothing, then take it or leave it."""

    gift: float = Field(default=0.3, ge=0, le=1, description="share of my range that the last offer leaves them")

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """Everything before the last step."""
        return state, 1.0 - self.gift if now.step >= now.problem.deadline else 1.0
