"""Skills that break every rule; each should lose by it and harm nobody else."""

from __future__ import annotations

import os
from typing import Any

import coase


class Raises(coase.Negotiator):
    """Raises in the middle."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """No."""
        raise ValueError("no")


class Hangs(coase.Negotiator):
    """Never answers."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """Go round and round."""
        while True:
            pass


class Hoards(coase.Negotiator):
    """Takes memory without end."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """More, and more."""
        kept = []
        while True:
            kept.append(bytearray(10**7))


class Nonsense(coase.Negotiator):
    """Answers what is no rank."""

    def bid(self, state: Any, now: coase.Now) -> Any:
        """A word."""
        return state, "everything", None


class Cheats(coase.Negotiator):
    """Rewrites its problem so that everything counts as acceptable and as its best."""

    def start(self, problem: coase.Problem) -> Any:
        """Change what the guards look at."""
        problem.count = 10**9
        problem.ranking.given[:] = 1
        return ()

    def bid(self, state: Any, now: coase.Now) -> Any:
        """Take anything; propose my worst."""
        return state, 10**9, now.problem.domain.size - 1


class Dies(coase.Negotiator):
    """Ends its process."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """Without a word."""
        os._exit(3)


class Remembers(coase.Negotiator):
    """Counts its negotiations in a global, and gives in from the second on."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """All in the first negotiation, nothing afterwards."""
        global played
        if now.step == 1:
            played += 1
        return state, 1.0 if played == 1 else 0.0


played = 0
