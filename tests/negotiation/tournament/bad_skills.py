"""Skills that break every rule; each should lose by it and harm nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
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


class Exits(coase.Negotiator):
    """Ends the program, politely."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """In the second step."""
        if now.step == 2:
            sys.exit(0)
        return state, 1.0


class Recurses(coase.Negotiator):
    """Calls itself without end."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """Deeper."""
        return self.ask(state, now)


class Floods(coase.Negotiator):
    """Prints without end of a line, and walks with a reason of a megabyte."""

    def step(self, state: Any, offer: int | None) -> Any:
        """Talk."""
        sys.stdout.write("x" * 10**6)
        return state, coase.Walk("y" * 10**6, failed=True)


class Litters(coase.Negotiator):
    """Leaves processes behind in every negotiation."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """A child that sleeps for an hour, then nonsense."""
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)  # litter"])
        raise ValueError("left one behind")


class Rewrites(coase.Negotiator):
    """Edits what it was given, in place: its worths, its ranks, the clock."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """All outcomes are the best, and it is always the first step."""
        now.problem.times[:] = [0.0] * now.problem.deadline
        size = len(now.problem.utility)
        for kept in (now.problem.rank_of, now.problem.falling, now.problem.utility):
            kept[:] = [0] * size  # type: ignore[index]
        return state, 0.0


class Remembers(coase.Negotiator):
    """Counts its negotiations in a global, and gives in from the second on."""

    def ask(self, state: Any, now: coase.Now) -> Any:
        """All in the first negotiation, nothing afterwards."""
        global played
        if now.step == 1:
            played += 1
        return state, 1.0 if played == 1 else 0.0


played = 0
