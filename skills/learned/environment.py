"""What the learned skill is trained and measured in: sessions over a price, each with its own deadline, reservations
and opponent. coase plays them; nothing of its rules is written again here.

A session: prices 0 to 99, utilities linear in the price, deadlines of 5 to 100 steps, reservations of 0 to 0.5 on both
sides, the learner on either. What counts is the gain: its utility less its reservation, 0 without a deal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import coase

DOMAIN = coase.Domain(price=range(100))
SHORTEST, LONGEST, MOST = 5, 100, 0.5

Random = np.random.Generator
Opponents = dict[str, Callable[[Random, int], Any]]


class Sessions(NamedTuple):
    """What a batch of sessions is about; `role` is the learner's, 0 the buyer's and 1 the seller's."""

    role: int
    deadline: Any
    reservation: tuple[Any, Any]
    seed: int


def _skill(name: str, **bounds: tuple[float, float]) -> Callable[[Random, int], Any]:
    """Skills with a value a session for each of these parameters, uniform between bounds."""

    def drawn(random: Random, n: int) -> Any:
        return coase.skill(name, **{key: random.uniform(low, high, n) for key, (low, high) in bounds.items()})

    return drawn


def _mixture(random: Random, n: int) -> Any:
    clock = coase.skill("boulware", beta=random.uniform(0.1, 2.0, n))
    return coase.skill("mixture", first=clock, early=random.uniform(0, 1, n), late=random.uniform(0, 1, n))


TRAINING: Opponents = {
    "boulware": _skill("boulware", beta=(0.1, 0.5)),
    "linear": _skill("linear"),
    "conceder": _skill("conceder", beta=(2.0, 6.0)),
    "micro": _skill("micro"),
    "tit_for_tat": _skill("tit_for_tat", opening=(0.01, 0.1)),
    "absolute_tit_for_tat": _skill("absolute_tit_for_tat", most=(0.002, 0.02)),
    "averaged_tit_for_tat": _skill("averaged_tit_for_tat", opening=(0.01, 0.1)),
    "hybrid": _skill("hybrid", p2=(0.2, 0.6)),
}
HELD_OUT: Opponents = {  # never met in training
    "mixture": _mixture,
    "exponential": _skill("exponential", beta=(0.5, 2.0)),
    "noise": lambda random, n: coase.skill("noise", inner=coase.skill("linear"), width=random.uniform(0.05, 0.3, n)),
    "nash_seeker (bayesian)": lambda random, n: coase.skill("nash_seeker"),
    "nash_seeker (frequency)": lambda random, n: coase.skill("nash_seeker", model="frequency"),
    "kalai_seeker": _skill("kalai_seeker"),
    "ultimatum": _skill("ultimatum", gift=(0.2, 0.6)),
}


def drawn(random: Random, n: int, role: int) -> Sessions:
    """n sessions."""
    limits = random.uniform(0, MOST, n), random.uniform(0, MOST, n)
    return Sessions(role, random.integers(SHORTEST, LONGEST + 1, n), limits, int(random.integers(2**62)))


def played(mine: Any, theirs: Any, sessions: Sessions) -> tuple[coase.Batch, Any]:
    """The batch, and what the learner gained in each session."""
    pair = (theirs, mine) if sessions.role else (mine, theirs)
    batch = coase.negotiate_many(
        *pair, DOMAIN, n=len(sessions.deadline), deadline=sessions.deadline, reservation=sessions.reservation,
        seed=sessions.seed,
    )  # fmt: skip
    return batch, batch.utilities[sessions.role] - sessions.reservation[sessions.role]
