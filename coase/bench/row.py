"""One line of a bench, and how its figures are taken: medians of several runs, the peer measured in turn with us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was measured.

    Args:
        case: its name, stable.
        unit: of `ours` and `peer`, for example ``"sessions/s"`` or ``"gas"``.
        ours: the median of our runs.
        peer: the median of the peer's runs on the same work, or None where there is no peer.
        peer_name: whose, with its version.
        less_is_better: for costs (gas, seconds, bytes).
        target: the ratio that we hold ourselves to, or None.
        limit: for a cost with a target of its own, the most that `ours` may be.
        measured: the ratio itself where it was measured pair by pair; otherwise it follows from the medians.
    """

    case: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str | None = None
    less_is_better: bool = False
    target: float | None = None
    limit: float | None = None
    measured: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer we are: above 1 is always in our favour. None without a peer."""
        if self.measured is not None:
            return self.measured
        if self.peer is None:
            return None
        above, below = (self.peer, self.ours) if self.less_is_better else (self.ours, self.peer)
        return above / below if below else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        checks = []
        if self.target is not None:
            checks.append(self.ratio is not None and self.ratio >= self.target)
        if self.limit is not None:
            checks.append(self.ours <= self.limit)
        return all(checks) if checks else None

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "case": self.case,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "peer_name": self.peer_name,
            "ratio": self.ratio,
        }


def rate(work: Callable[[], object], units: float, *, runs: int = 5, warm: bool = True) -> float:
    """Units of work a second: the median of several runs, after one that is not counted."""
    if warm:
        work()
    return median(units / _seconds(work) for _ in range(runs))


def versus(
    ours: tuple[Callable[[], object], float], peer: tuple[Callable[[], object], float], *, runs: int = 5
) -> tuple[float, float, float]:
    """(our rate, the peer's rate, the ratio): medians over runs in turn, so that a machine that slows down slows both.

    Each argument is the work and how many units it does. The ratio is the median of the ratios of neighbouring runs.
    """
    for work, _ in (ours, peer):
        work()
    pairs = [(ours[1] / _seconds(ours[0]), peer[1] / _seconds(peer[0])) for _ in range(runs)]
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return max(perf_counter() - start, 1e-9)
