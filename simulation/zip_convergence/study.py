"""How fast a little learning finds the price: ZIP beside ZI-C, after Cliff (1997)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase

LIMITS = tuple(range(75, 326, 25))  # cents: 0.75 to 3.25; equilibrium 2.00
SOURCE = "Cliff 1997"
KINDS = {"zip": "ZIP", "zi_c": "ZI-C"}
PRICES = "Alpha of ZI-C depends on the price ceiling and the quote rule; ours are 6.50 and a book that keeps quotes."
COLOURS = {"zip": "#1f6fb4", "zi_c": "#d9642c"}


class ZipConvergence(coase.Study):
    """Eleven buyers and eleven sellers with symmetric limits, ten days: ZIP against ZI-C."""

    question: ClassVar[str] = "How fast do prices find the equilibrium when traders learn, and what if they do not?"
    method: ClassVar[str] = (
        "Eleven buyers and eleven sellers with limits from 0.75 to 3.25 in steps of 0.25 (ticks are cents; equilibrium "
        "2.00) trade a unit a day each in a continuous double auction, for ten days. ZIP traders adapt their margin to "
        "what they hear (Cliff 1997) and remember from day to day; ZI-C traders quote at random within their limit. "
        "Alpha is Smith's measure: 100 times the standard deviation of prices around the equilibrium over the "
        "equilibrium price, each day, averaged over independent runs. Bands are 95% confidence intervals."
    )
    quick: ClassVar[Mapping[str, Any]] = {"batches": 2, "runs": 20}

    batches: int = Field(default=10, ge=1, le=10_000, description="cells for each kind of trader")
    runs: int = Field(default=50, ge=2, le=100_000, description="independent runs in each")
    days: int = Field(default=10, ge=1, le=1000, description="trading days; traders remember")
    turns: int = Field(default=50, ge=1, le=100_000, description="quotes of each trader a day, on average, at most")

    def cells(self) -> list[dict[str, Any]]:
        """Batches of runs of each kind of trader."""
        return [{"traders": kind, "batch": n} for kind in KINDS for n in range(self.batches)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Sums over the runs, a row a day: enough for means and their errors."""
        run = coase.simulate(
            "double_auction",
            traders={cell["traders"]: 2 * len(LIMITS)},
            demand=LIMITS,
            supply=LIMITS,
            days=self.days,
            turns=self.turns,
            runs=self.runs,
            seed=seed,
            keep_trades=False,
        )
        rows = []
        for day in range(self.days):
            row: dict[str, Any] = {"day": day + 1, "runs": self.runs}
            for name in ("alpha", "efficiency", "price"):
                values = run.held[name][:, day]
                row[name], row[f"{name}_squares"] = float(values.sum()), float((values**2).sum())
            rows.append(row)
        return rows

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Alpha and efficiency by day, beside Cliff's."""
        found = {(kind, day): self._day(rows, kind, day) for kind in KINDS for day in range(1, self.days + 1)}
        first, last = found["zip", 1], found["zip", self.days]
        random = [found["zi_c", day] for day in range(1, self.days + 1)]
        level = float(np.mean([one["alpha"] for one in random]))
        level_error = float(np.mean([one["alpha_error"] for one in random]))
        efficiency = float(np.mean([found["zip", day]["efficiency"] for day in range(1, self.days + 1)]))
        error = float(np.mean([found["zip", day]["efficiency_error"] for day in range(1, self.days + 1)]))
        return coase.Shown(
            findings=[
                (f"With ZIP, prices stray {first['alpha']:.0f}% from the equilibrium on the first day and "
                f"{last['alpha']:.1f}% on day {self.days}; with ZI-C they stay at {level:.0f}%."),
                (f"ZIP realises {efficiency:.1%} of the possible gains, ZI-C "
                f"{np.mean([one['efficiency'] for one in random]):.1%}: learning matters for the price much more than "
                "for efficiency."),
                "Nothing is told to ZIP but quotes and trades; most of the way is done by the fourth day.",
            ],
            comparisons=[
                coase.Comparison(
                    "ZIP: alpha on day 1, %", first["alpha"], 18.0, first["alpha_error"], SOURCE, "B", 3.0,
                    "Published as 'about'; first margins and the quote rule move it by a few points.",
                ),
                coase.Comparison(
                    f"ZIP: alpha on day {self.days}, %", last["alpha"], 1.0, last["alpha_error"], SOURCE, "B", 0.5,
                    "Published as 'about 1'.",
                ),
                coase.Comparison("ZIP: efficiency (known: more than)", efficiency, 0.995, error, SOURCE, "B", 0.005),
                coase.Comparison("ZI-C: alpha, %", level, 22.0, level_error, SOURCE, "B", 2.0, PRICES),
            ],
            summary=[
                {
                    "traders": KINDS[kind],
                    "day": day,
                    "alpha, %": one["alpha"],
                    "alpha, low": one["alpha"] - 1.96 * one["alpha_error"],
                    "alpha, high": one["alpha"] + 1.96 * one["alpha_error"],
                    "efficiency": one["efficiency"],
                    "mean price, ticks": one["price"],
                }
                for (kind, day), one in found.items()
            ],
            pictures=self._pictures(found),
        )  # fmt: skip

    def _day(self, rows: Sequence[dict[str, Any]], kind: str, day: int) -> dict[str, float]:
        some = [row for row in rows if row["traders"] == kind and row["day"] == day]
        runs = sum(row["runs"] for row in some)
        found = {}
        for name in ("alpha", "efficiency", "price"):
            mean = sum(row[name] for row in some) / runs
            spread = max(0.0, sum(row[f"{name}_squares"] for row in some) / runs - mean**2)
            found[name], found[f"{name}_error"] = mean, float(np.sqrt(spread / (runs - 1)))
        return found

    def _pictures(self, found: Mapping[tuple[str, int], Mapping[str, float]]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        days = np.arange(1, self.days + 1)
        for axes, name, scale, label in (
            (left, "alpha", 1.0, "distance of prices from equilibrium\n(Smith's alpha), %"),
            (right, "efficiency", 100.0, "share of the possible gains, %"),
        ):
            for kind, colour in COLOURS.items():
                middle = scale * np.array([found[kind, day][name] for day in days.tolist()])
                half = 1.96 * scale * np.array([found[kind, day][f"{name}_error"] for day in days.tolist()])
                axes.fill_between(days, middle - half, middle + half, color=colour, alpha=0.25, linewidth=0)
                axes.plot(days, middle, "o-", color=colour, markersize=4)
                above = 36 if (name, kind) == ("efficiency", "zi_c") else 14  # of its own band
                axes.annotate(
                    {"zip": "ZIP: learns", "zi_c": "ZI-C: random within its limit"}[kind],
                    (days[-1], middle[-1]), (0, above), textcoords="offset points", ha="right", color=colour,
                )  # fmt: skip
            axes.set_xlabel("day")
            axes.set_ylabel(label)
            axes.set_xticks(days[:: max(1, self.days // 10)])
        left.set_ylim(0, 26)
        right.set_ylim(None, 101)
        yield coase.Picture(figure, "Left: lower is nearer to the equilibrium price. Bands: 95% confidence intervals.")
