"""Reserve guard: keep a margin above the reservation. A wrapper, for skills of any rung but `step`.

No skill gets below its reservation anyway; a margin pays for what the reservation does not count, such as gas.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase
from coase.negotiation.inside import Bidder


class ReserveGuard(coase.Negotiator):
    """The skill inside, never below a margin."""

    inner: Bidder = Field(default_factory=lambda: coase.skill("conceder"), description="the skill that is guarded")
    margin: float = Field(default=0.1, ge=0, le=1, description="share of my range below which it never goes")

    def start(self, problem: coase.Problem) -> Any:
        """The state of the skill inside."""
        return self.inner.start(problem)

    def bid(self, state: Any, now: coase.Now) -> tuple[Any, Any, Any]:
        """What it bids, no worse than the margin."""
        state, floor, rank = self.inner.bid(state, now)
        least = now.rank_for(self.margin)
        return state, min(floor, least), min(rank, least)
