"""MiCRO: concede one outcome for each new outcome that the other side concedes. De Jonge (2022),
"An analysis of the linear bilateral ANAC domains using the MiCRO benchmark strategy", IJCAI.

With m my distinct offers and r the other side's: while m <= r, propose my next best outcome (rank m); else repeat one
of mine at random. Accept what is worth at least the outcome that I am ready to propose next.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import coase


class State(NamedTuple):
    """What is remembered between moves."""

    made: int  # my distinct offers: ranks 0 to made - 1
    received: int  # their distinct offers
    seen: Any  # which outcomes those were


class MiCRO(coase.Negotiator):
    """Next outcome down while the other side has made as many new offers as I; else one of mine again."""

    def start(self, problem: coase.Problem) -> State:
        """Nothing offered yet."""
        return State(0, 0, np.zeros(len(problem.utility), np.bool_))

    def bid(self, state: State, now: coase.Now) -> tuple[State, int, int]:
        """Concede, or repeat."""
        made, received, seen = state
        if now.offer >= 0 and not seen[now.offer]:
            seen[now.offer] = True
            received += 1
        if made <= received and made < now.problem.count:
            return State(made + 1, received, seen), made, made
        return State(made, received, seen), made - 1, int(made * now.uniform(0))
