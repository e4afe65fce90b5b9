"""Scenario packs: generators of scenarios, each a pure function of (pack, seed, number).

How opposed two parties are is drawn issue by issue. With opposition w the seller's worth of a value is
w x (1 - the buyer's) + (1 - w) x (a draw of its own), and its weight of an issue likewise: at 1 what one gains the
other loses, at 0 their wishes are unrelated. `anac-like` varies it as the Automated Negotiating Agents Competition does
(Baarslag et al. 2012): two to five issues, opposition from low to full, reservations from 0 to 0.4.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coase.errors import UnknownName, UsageError
from coase.negotiation.draws import mix, session_seed, uniform
from coase.negotiation.tournament.scenario import Scenario
from coase.negotiation.utility import Floats, additive, linear
from coase.terms.domain import Domain

MOST = 100_000  # scenarios drawn from one pack


class _Draws:
    """Numbers in order, a pure function of the seed."""

    def __init__(self, seed: int) -> None:
        self.key, self.taken = seed, 0

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        self.taken += 1
        return low + (high - low) * uniform(self.key, self.taken)

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + int(self.number() * (high - low + 1))

    def numbers(self, count: int) -> Floats:
        return np.array([self.number() for _ in range(count)])


def _priced(draws: _Draws, name: str) -> Scenario:
    domain = Domain(price=range(100))
    limits = draws.number(0, 0.45), draws.number(0, 0.45)
    return Scenario(name, domain, (linear(domain, "buyer"), linear(domain, "seller")), limits)


def _spread(values: Floats) -> Floats:
    """Stretched to reach from 0 to 1."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.ones_like(values)


def _shared(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(), np.float64)


def _issues(draws: _Draws, name: str, sizes: Sequence[int], opposition: float, limit: float) -> Scenario:
    domain = Domain(**{f"issue_{k + 1}": range(size) for k, size in enumerate(sizes)})
    names = list(domain.issues)
    mine, other = (_shared(0.1 + draws.numbers(len(sizes))) for _ in range(2))
    theirs = opposition * mine + (1 - opposition) * other
    worth: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for issue, size in zip(names, sizes, strict=True):
        first = _spread(draws.numbers(size))
        worth[0][issue] = first
        worth[1][issue] = _spread(opposition * (1 - first) + (1 - opposition) * draws.numbers(size))
    tables = [
        np.clip(additive(domain, dict(zip(names, weights, strict=True)), values), 0.0, 1.0)
        for weights, values in zip((mine, theirs), worth, strict=True)
    ]
    return Scenario(name, domain, (tables[0], tables[1]), (draws.number(0, limit), draws.number(0, limit)))


def _anac_like(draws: _Draws, name: str) -> Scenario:
    sizes = [draws.whole(3, 8) for _ in range(draws.whole(2, 5))]
    while math.prod(sizes) > 2000:
        sizes[sizes.index(max(sizes))] -= 1
    return _issues(draws, name, sizes, draws.number(0.2, 1.0), 0.4)


PACKS: dict[str, Callable[[_Draws, str], Scenario]] = {
    "anac-like": _anac_like,
    "price-only": _priced,
    "multi-issue": lambda draws, name: _issues(draws, name, (10, 10, 5, 2), draws.number(0.3, 0.9), 0.4),
    "opposed": lambda draws, name: _issues(draws, name, (8, 6, 4), 1.0, 0.3),
    "cooperative": lambda draws, name: _issues(draws, name, (8, 6, 4), 0.1, 0.3),
}


def scenario(pack: str, seed: int, number: int) -> Scenario:
    """Scenario `number`, from 0, of a pack. `UnknownName` where there is no such pack."""
    if pack not in PACKS:
        close = difflib.get_close_matches(pack, PACKS, 1)
        known = ", ".join(PACKS)
        raise UnknownName(f"no scenarios '{pack}'", hint=f"did you mean {close[0]}?" if close else f"there are {known}")
    if not 0 <= number < MOST:
        raise UsageError(f"scenario {number}", hint=f"0 to {MOST - 1:,}", code="bad_repeats")
    place = sum(ord(letter) << (8 * (k % 7)) for k, letter in enumerate(pack))
    return PACKS[pack](_Draws(session_seed(mix(seed & (2**64 - 1)) ^ place, number)), f"{pack}-{number + 1}")
