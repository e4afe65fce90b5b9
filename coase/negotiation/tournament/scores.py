"""From the rows of a tournament to its table: means, and how sure they are.

A skill's score is the mean utility over all its negotiations, in both roles. Negotiations over one scenario are not
independent, so the interval resamples scenarios, not negotiations: a percentile bootstrap (Efron 1979) over the
skill's mean in each, 2,000 resamples, 95%, from the tournament's seed. A failed negotiation counts 0 for who failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coase.negotiation.draws import SECOND, mix
from coase.negotiation.utility import Floats

RESAMPLES, LEVEL = 2000, 0.95
TOGETHER = 100_000  # draws at a time
_ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
HEADS = ("skill", "score", "low", "high", "as buyer", "as seller", "agreed", "welfare", "to Nash", "steps", "failed")


class Row(NamedTuple):
    """One negotiation of a tournament."""

    place: int  # the scenario's number
    buyer: int  # the entry's number
    seller: int
    gains: tuple[float, float]  # utilities of the buyer and the seller
    step: int
    end: str
    failed: int | None  # 0: the buyer broke a rule, 1: the seller
    distance: float | None  # from the Nash point, where the scenario has one

    @property
    def agreed(self) -> bool:
        """Whether there was a deal."""
        return self.end == "agreed"


@dataclass(frozen=True)
class Standing:
    """A line of the table.

    Attributes:
        skill: its label.
        score: mean utility over all negotiations.
        low: lower end of the 95% interval of the score.
        high: upper end.
        as_buyer: mean utility as the buyer.
        as_seller: as the seller.
        agreed: share of negotiations with a deal.
        welfare: mean sum of both utilities.
        to_nash: mean distance from the Nash point, or None where no scenario has one.
        steps: mean step in which negotiations ended.
        failed: negotiations in which the skill broke a rule.
        why: the reason of the first of them.
    """

    skill: str
    score: float
    low: float
    high: float
    as_buyer: float
    as_seller: float
    agreed: float
    welfare: float
    to_nash: float | None
    steps: float
    failed: int
    why: str

    def cells(self) -> tuple[Any, ...]:
        """In the order of `HEADS`."""
        ours = (self.score, self.low, self.high, self.as_buyer, self.as_seller, self.agreed, self.welfare)
        return (self.skill, *ours, self.to_nash, self.steps, self.failed)


def standings(labels: Sequence[str], rows: Sequence[Row], seed: int) -> list[Standing]:
    """One line a skill, best score first, equals by label."""
    played: list[list[tuple[Row, int]]] = [[] for _ in labels]
    for row in rows:
        played[row.buyer].append((row, 0))
        played[row.seller].append((row, 1))
    scores = [_by_place(both) for both in played]
    sure = intervals(scores, mix(seed & (2**64 - 1)))
    lines = [_standing(*of) for of in zip(labels, played, scores, sure, strict=True)]
    return sorted(lines, key=lambda line: (-line.score, line.skill))


def payoffs(count: int, rows: Sequence[Row]) -> Floats:
    """[i, j]: the mean utility of skill i against skill j, half of it in each role."""
    total, met = np.zeros((2, count, count)), np.zeros((2, count, count))
    for row in rows:
        for side, (me, other) in enumerate(((row.buyer, row.seller), (row.seller, row.buyer))):
            total[side, me, other] += row.gains[side]
            met[side, me, other] += 1
    return np.asarray((total / met).mean(axis=0), np.float64)


def intervals(scores: Sequence[Floats], seed: int) -> list[tuple[float, float]]:
    """The 95% interval of the mean of each skill's scores: percentiles of the means of resamples, the same for all."""
    means = [np.full(RESAMPLES, values.mean()) for values in scores]
    for size in {len(values) for values in scores} - {1}:
        some = max(1, TOGETHER // size)
        for low in range(0, RESAMPLES, some):
            picks = _picks(seed, size, low, min(low + some, RESAMPLES))
            for values, of in zip(scores, means, strict=True):
                if len(values) == size:
                    of[low : low + some] = values[picks].mean(axis=1)
    return [(float(low), float(high)) for low, high in (np.quantile(of, _ENDS) for of in means)]


def text(lines: Sequence[Standing]) -> str:
    """The table as text, the same bytes for the same standings."""
    cells = [HEADS, *([_written(cell) for cell in line.cells()] for line in lines)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(HEADS))]
    shown = [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    return "\n".join([*shown, *(f"{line.skill} failed: {line.why}" for line in lines if line.failed)])


def _by_place(both: Sequence[tuple[Row, int]]) -> Floats:
    at = np.array([row.place for row, _ in both])
    return np.bincount(at, [row.gains[side] for row, side in both]) / np.bincount(at)


def _standing(label: str, both: Sequence[tuple[Row, int]], by_place: Floats, sure: tuple[float, float]) -> Standing:
    gains = np.array([row.gains[side] for row, side in both])
    sides = np.array([side for _, side in both])
    distances = [row.distance for row, _ in both if row.distance is not None]
    broken = [row.end.partition(": ")[2].partition(": ")[2] for row, side in both if row.failed == side]
    return Standing(
        skill=label,
        score=float(by_place.mean()),
        low=sure[0],
        high=sure[1],
        as_buyer=float(gains[sides == 0].mean()),
        as_seller=float(gains[sides == 1].mean()),
        agreed=float(np.mean([row.agreed for row, _ in both])),
        welfare=float(np.mean([sum(row.gains) for row, _ in both])),
        to_nash=float(np.mean(distances)) if distances else None,
        steps=float(np.mean([row.step for row, _ in both])),
        failed=len(broken),
        why=broken[0] if broken else "",
    )


def _picks(seed: int, size: int, low: int, high: int) -> NDArray[np.int64]:
    """Indices of the resamples low to high - 1, by SplitMix64 as all our draws."""
    state = np.arange(low * size, high * size, dtype=np.uint64) + np.uint64(mix(seed ^ SECOND))
    with np.errstate(over="ignore"):
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    unit = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (unit * size).astype(np.int64).reshape(high - low, size)


def _written(cell: object) -> str:
    return "-" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell)
