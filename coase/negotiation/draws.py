"""Counter-based random numbers: a draw is a pure function of (seed, session, party, step, slot).

No generator is carried or split, so one session and a batch of any size draw the same numbers. The hash is the
SplitMix64 finaliser (Steele, Lea, Flood 2014): integers only, hence the same bits in Python, numpy, numba and torch.
"""

from __future__ import annotations

from functools import lru_cache

MASK = (1 << 64) - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
PARTY = 0x243F6A8885A308D3  # keeps the keys of parties apart from the seeds of sessions
SLOTS = 1024  # draws that a party may make in one step
UNIT = 2.0**-53


def mix(number: int) -> int:
    """SplitMix64's output for a state of 64 bits."""
    number = (number + GOLDEN) & MASK
    number = ((number ^ (number >> 30)) * FIRST) & MASK
    number = ((number ^ (number >> 27)) * SECOND) & MASK
    return number ^ (number >> 31)


def session_seed(seed: int, session: int) -> int:
    """The seed of session number `session` (from 0) of a batch: 64 bits."""
    return mix((mix(seed & MASK) + session) & MASK)


@lru_cache(1024, typed=True)
def party_key(seed: int, party: int) -> int:
    """The key of a party's draws in a session: party 0 is the buyer, 1 the seller."""
    return mix((mix((seed & MASK) ^ PARTY) + party) & MASK)


def uniform(key: int, step: int, slot: int = 0) -> float:
    """A number in [0, 1), a multiple of 2**-53. `slot` (0 to 1023) numbers the draws of one step."""
    if not 0 <= slot < SLOTS:
        raise ValueError(f"slot {slot}: the draws of a step are numbered 0 to {SLOTS - 1}")
    return (mix((key + step * SLOTS + slot) & MASK) >> 11) * UNIT
