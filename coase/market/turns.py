"""Who is there on a day, and whose turn it is: drawn by counters, so that machine code draws the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coase.market.crowd import Crowd
from coase.market.session import Rules
from coase.negotiation.draws import MASK, SLOTS
from coase.negotiation.draws_arrays import mix_many

AHEAD = 1024  # draws made at a time


class Turns:
    """The turns of one run, a day at a time.

    Args:
        crowd: who may come, and when.
        rules: the numbers of the run.
        seed: of the run.
        once: every trader has one turn a day, in random order, in place of any number.
    """

    def __init__(self, crowd: Crowd, rules: Rules, seed: int, once: bool) -> None:
        self._n, self._steps, self._once = crowd.n, rules.steps, once
        self._windows, self._world = crowd.windows(seed, rules), crowd.world_key(seed)
        self.active: list[int] = []
        self._place = [0] * self._n
        self._drawn_from, self._draws = 0, list[int]()

    def _ahead(self, time: int) -> list[int]:
        """The draws of this turn of the run and of those to come: many at once cost less than one by one."""
        with np.errstate(over="ignore"):
            turns = np.arange(time, time + AHEAD).astype(np.uint64) * np.uint64(SLOTS)
            drawn: list[int] = mix_many(turns + np.uint64(self._world & MASK)).tolist()
        return drawn

    def begin(self, day: int) -> list[int]:
        """Begin a day; who comes on it."""
        coming = [(who, 1) for who in range(self._n)]
        if len(self._windows):
            who, at = self._windows[2 * day : 2 * day + 2].tolist()
            coming = [(w, 1 if self._once else a) for w, a in zip(who, at, strict=True) if w >= 0]
        self._day, self._coming, self._at = day, coming, 0
        self.active = []
        self._place = [0] * self._n
        return [who for who, _ in coming]

    def enter(self, step: int, left: Sequence[int]) -> None:
        """Let those in who have come by now and have something left to trade."""
        while self._at < len(self._coming) and self._coming[self._at][1] <= step:
            who = self._coming[self._at][0]
            self._at += 1
            if left[who]:
                self._place[who] = len(self.active)
                self.active.append(who)

    def leave(self, who: int) -> None:
        """Take one out who has nothing left to trade. Where all have one turn, it keeps it."""
        if self._once:
            return
        if self._place[who] < len(self.active) and self.active[self._place[who]] == who:
            moved = self.active.pop()
            if moved != who:
                self.active[self._place[who]] = moved
                self._place[moved] = self._place[who]

    def over(self, step: int) -> bool:
        """Whether all have had the one turn that they have."""
        return self._once and step > len(self.active)

    def drawn(self, step: int) -> int:
        """Whose turn it is, of those who are there."""
        time = self._day * self._steps + step
        if not 0 <= time - self._drawn_from < len(self._draws):
            self._drawn_from, self._draws = time, self._ahead(time)
        bits = self._draws[time - self._drawn_from]
        if not self._once:
            return self.active[((bits >> 32) * len(self.active)) >> 32]
        done = step - 1  # a random order: Fisher and Yates, one exchange a turn
        other = done + (((bits >> 32) * (len(self.active) - done)) >> 32)
        self.active[done], self.active[other] = self.active[other], self.active[done]
        return self.active[done]
