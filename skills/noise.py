"""Noise: ask for a little more or less than the skill inside. A wrapper, for skills of the rungs `target` and `ask`.

The share asked for is that of the skill inside plus a draw, uniform within half the width to either side.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase
from coase.negotiation.inside import Asker


class Noise(coase.Negotiator):
    """The skill inside, less predictable."""

    inner: Asker = Field(default_factory=lambda: coase.skill("boulware"), description="the skill that is made noisy")
    width: float = Field(default=0.05, ge=0, le=1, description="between the least and the most that is added")

    def start(self, problem: coase.Problem) -> Any:
        """The state of the skill inside."""
        return self.inner.start(problem)

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Its share and a draw."""
        state, share = self.inner.ask(state, now)
        return state, share + self.width * (now.uniform(0) - 0.5)
