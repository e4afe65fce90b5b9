"""What `coase.simulate` gives back: measures with their confidence, tidy tables, pictures, trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from coase.market.crowd import Crowd
from coase.market.measures import MEASURES, SUMS, Floats
from coase.market.rows import save_rows
from coase.market.rule import HOUSE
from coase.market.session import COLUMNS, Ints, Rules, Session
from coase.market.study import Row

NORMAL_95 = 1.959964  # standard errors to each side of a mean that hold 95%


class Realised:
    """What was gained of what was possible; for results that hold the sums in `held`."""

    held: Mapping[str, Floats]

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.held["gained"])

    @property
    def efficiency(self) -> float:
        """Realised surplus over possible surplus, the auctioneer's included: summed, then divided."""
        return ratio(self.held, "gained", "possible")

    @property
    def revenue(self) -> float:
        """The auctioneer's share of the possible surplus: summed, then divided."""
        return ratio(self.held, "kept", "possible")


@dataclass(frozen=True)
class Run(Realised):
    """Results of a simulation; arrays are of runs x days unless said otherwise.

    Args:
        market: the name of its rule.
        crowd: who traded.
        rules: the numbers of a run.
        seed: of everything.
        held: measure -> runs x days, not a number where nothing traded (see `coase.market.measures`).
        sessions: the runs, with their trades; none where `keep_trades` was False.
        failed: (run, trader, sentence) of traders that raised or answered nonsense; they sat out.
        compiled: how many runs ran as machine code.
    """

    market: str
    crowd: Crowd
    rules: Rules
    seed: int
    held: Mapping[str, Floats]
    sessions: tuple[Session, ...] = field(repr=False)
    counts: Ints = field(repr=False)
    failed: tuple[tuple[int, int, str], ...] = ()
    compiled: int = 0

    @property
    def alpha(self) -> Floats:
        """Smith's measure of convergence, in percent: the mean over runs, a number a day."""
        return self.per_day["alpha"]

    @cached_property
    def per_run(self) -> dict[str, Floats]:
        """Measure -> a number a run: efficiency, revenue and buyers as sums divided, others as means over days."""
        found = {name: _mean(self.held[name], axis=1) for name in MEASURES}
        return {**found, **shares(self.held, axis=1)}

    @cached_property
    def per_day(self) -> dict[str, Floats]:
        """Measure -> a number a day: efficiency, revenue and buyers as sums divided, others as means over runs."""
        found = {name: _mean(self.held[name], axis=0) for name in MEASURES}
        return {**found, **shares(self.held, axis=0)}

    def table(self) -> list[Row]:
        """Tidy rows, one for each run and day: run, day, and each measure (None where nothing traded)."""
        columns = {name: self.held[name].ravel().tolist() for name in MEASURES}
        days = self.rules.days
        turns, refused, quotes = self.counts.reshape(-1, 3).T.tolist()
        return [
            {
                "run": i // days,
                "day": i % days,
                **{name: None if v != v else v for name, values in columns.items() for v in (values[i],)},
                "turns": turns[i],
                "quotes": quotes[i],
                "refused": refused[i],
            }
            for i in range(self.runs * days)
        ]

    def summary(self) -> list[Row]:
        """Each measure over runs: mean, standard error, and the 95% confidence interval of the mean."""
        rows = []
        for name in MEASURES:
            values = self.per_run[name][np.isfinite(self.per_run[name])]
            if not len(values):
                continue
            mean = float(values.mean())
            error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
            half = NORMAL_95 * error if error is not None else None
            rows.append(
                {
                    "measure": name,
                    "mean": mean,
                    "standard_error": error,
                    "low": None if half is None else mean - half,
                    "high": None if half is None else mean + half,
                    "runs": len(values),
                }
            )
        return rows

    def trades(self) -> list[Row]:
        """Tidy rows, one a trade: run, day, step, buyer, seller, price, received, quantity, aggressor, rested."""
        return [
            dict(zip(("run", *COLUMNS), (run, *row), strict=True))
            for run, session in enumerate(self.sessions)
            for row in session.trades.tolist()
        ]

    def profits(self) -> list[Row]:
        """Tidy rows, one for each run and kind of trader: mean profit of a trader a day, in ticks."""
        rows = []
        for number, session in enumerate(self.sessions):
            day, _, buyer, seller, paid, got, size, _, _ = session.trades.T
            worth = session.limits[np.minimum(day, len(session.limits) - 1)]
            at = np.arange(len(day))
            n = self.crowd.n
            bought, sold = buyer != HOUSE, seller != HOUSE
            gained = np.bincount(buyer[bought], ((worth[at, buyer] - paid) * size)[bought], n)
            gained = gained + np.bincount(seller[sold], ((got - worth[at, seller]) * size)[sold], n)
            for kind, name in enumerate(self.crowd.names):
                mine = gained[self.crowd.first[kind] : self.crowd.first[kind + 1]]
                rows.append({"run": number, "traders": name, "profit": float(mine.mean() / self.rules.days)})
        return rows

    def save(self, path: str | Path) -> Path:
        """Write `table()` to a .parquet, .csv or .json file, whole or not at all."""
        return save_rows(self.table(), path)

    def plot(self, path: str | Path) -> Path:
        """Draw convergence and the market with its trades into a .png, .svg or .pdf file and return its path.

        Raises:
            MissingExtra: matplotlib is not installed.
            UsageError: another file type, or a folder that does not exist.
        """
        from coase.market.plot import save

        return save(self, path)

    def report(self, path: str | Path) -> Path:
        """Write a page with the figures, the summary and the pictures; one file, to be read without a network."""
        from coase.market.plot import page

        return page(self).write(path)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "market": self.market,
            "traders": dict(zip(self.crowd.names, self.crowd.counts, strict=True)),
            "rules": self.rules._asdict(),
            "runs": self.runs,
            "seed": self.seed,
            "efficiency": self.efficiency,
            "revenue": self.revenue,
            "alpha": [None if v != v else v for v in self.alpha.tolist()],
            "summary": self.summary(),
            "failed": [list(one) for one in self.failed],
        }


def ratio(held: Mapping[str, Floats], above: str, below: str) -> float:
    """One sum over another; not a number where that is 0."""
    under = float(np.nansum(held[below]))
    return float(np.nansum(held[above])) / under if under else float("nan")


def shares(held: Mapping[str, Floats], axis: int) -> dict[str, Floats]:
    """Efficiency, revenue and the buyers' share, from sums over runs (axis 0) or days (axis 1)."""
    gained, possible, kept, buyers = (np.nansum(held[name], axis=axis) for name in SUMS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"efficiency": gained / possible, "revenue": kept / possible, "buyers": buyers / (gained - kept)}


def _mean(values: Floats, axis: int) -> Floats:
    """The mean of what is a number, and not a number where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
