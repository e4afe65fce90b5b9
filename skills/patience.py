"""Patience: concede nothing for a while. A wrapper, for skills of the rungs `target` and `ask`.

Before the relative time `wait` the share asked for is 1, after it that of the skill inside, which has seen every offer.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase
from coase.negotiation.inside import Asker


class Patience(coase.Negotiator):
    """The skill inside, after a wait."""

    inner: Asker = Field(default_factory=lambda: coase.skill("conceder"), description="the skill that is held back")
    wait: float = Field(default=0.5, ge=0, le=1, description="relative time before which everything is asked for")

    def start(self, problem: coase.Problem) -> Any:
        """The state of the skill inside."""
        return self.inner.start(problem)

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Everything, then what the skill inside asks for; it sees every offer from the start."""
        state, share = self.inner.ask(state, now)
        return state, 1.0 if now.t < self.wait else share
