"""Three classes of GPU that stand in for each other: what a shortage of one does to the prices of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

import coase

SWING = 40  # cents by which values move over the day
CALM, SHORT = "all stay", "half of the H100s leave"
GONE = "H100/zip_2"


class Class(NamedTuple):
    """Values and costs in cents an hour, from and to, and a colour."""

    value: tuple[int, int]
    cost: tuple[int, int]
    colour: str


CLASSES = {
    "H100": Class((150, 420), (60, 180), "#1f6fb4"),
    "A100": Class((100, 260), (40, 120), "#d9642c"),
    "L40S": Class((60, 160), (20, 80), "#1a8a4c"),
}


class GpuClasses(coase.Study):
    """Owners of three classes of GPU, and buyers that may take any; half of the best class leaves, or nobody does."""

    question: ClassVar[str] = "When half of one class of GPUs leaves, what becomes of the prices of the others?"
    method: ClassVar[str] = (
        "Three classes with a continuous double auction each, ZIP traders, a trading day an hour. A buyer values an "
        "hour of each class: one draw an hour places it in the ranges 1.50 to 4.20 (H100), 1.00 to 2.60 (A100) and "
        "0.60 to 1.60 (L40S), plus up to 0.40 by day and less as much by night; owners' costs are 0.60 to 1.80, 0.40 "
        "to 1.20 and 0.20 to 0.80. A buyer wants one hour of one class and goes where its value is most above the "
        "price. Halfway, half of the owners of H100s leave; in a second run, with the same draws, nobody does. A class "
        "becomes dearer by the ratio of its mean prices in the second half of both runs. Beside it, the same for the "
        "middle of the competitive prices of the assignment game (Shapley and Shubik 1972), worked out exactly for "
        "each hour. Values and costs are assumptions, not measured."
    )
    quick: ClassVar[Mapping[str, Any]] = {"samples": 3, "hours": 24, "owners": 4, "turns": 8}

    samples: int = Field(default=16, ge=2, le=10_000, description="independent pairs of runs, for the standard error")
    hours: int = Field(default=72, ge=4, le=10_000, description="of each run")
    owners: int = Field(default=6, ge=2, le=1000, description="of each class; there are as many buyers as owners")
    turns: int = Field(default=15, ge=1, le=10_000, description="quotes of each trader an hour, on average, at most")

    def cells(self) -> list[dict[str, Any]]:
        """The samples."""
        return [{"sample": index} for index in range(self.samples)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """A row an hour, class and case: prices, competitive prices, hours sold, and gains."""
        wave = np.rint(SWING * np.sin(2 * np.pi * (np.arange(self.hours) % 24 - 8) / 24)).astype(np.int64)
        steps = np.diff(wave, prepend=0).tolist()
        half = self.owners // 2
        rows = []
        for case in (CALM, SHORT):
            run = coase.simulate_goods(
                goods={
                    name: coase.Good(
                        demand=coase.Uniform(*one.value),
                        supply=coase.Uniform(*one.cost),
                        sellers=[("zip", self.owners - half), ("zip", half)],
                    )
                    for name, one in CLASSES.items()
                },
                buyers={"zip": len(CLASSES) * self.owners},
                ranked=True,
                days=self.hours,
                turns=self.turns,
                seed=seed,
                world=coase.World(
                    redraw=True,
                    shocks={hour: (step, 0) for hour, step in enumerate(steps) if step},
                    exit={GONE: self.hours // 2} if case == SHORT else {},
                ),
            )
            rows += [
                {
                    "case": case,
                    "class": row["good"],
                    "hour": row["day"],
                    "price": row["price"],
                    "competitive": row["equilibrium"],
                    "in use": row["utilisation"],
                    "gained": float(run[row["good"]].held["gained"][0, row["day"]]),
                    "possible": float(run[row["good"]].held["possible"][0, row["day"]]),
                }
                for row in run.table()
            ]
        return rows

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """How much dearer each class becomes, in the market and in theory."""
        dearer = {name: self._dearer(rows, name) for name in CLASSES}
        best, other, third = (dearer[name] for name in CLASSES)
        realised = {case: self._realised([r for r in rows if r["case"] == case]) for case in (CALM, SHORT)}
        return coase.Shown(
            findings=[
                (
                    f"When half of the H100s leave, an H100 hour becomes {best.spot:.0%} dearer, and so do those of "
                    f"classes that all stay, A100 by {other.spot:.0%} and L40S by {third.spot:.0%}: buyers move over."
                ),
                (
                    f"In theory, with everybody at the competitive prices, they become {best.theory:.0%}, "
                    f"{other.theory:.0%} and {third.theory:.0%} dearer: a shortage runs down the ladder of classes."
                ),
                (
                    f"ZIP traders, who see one market at a time, realise {realised[CALM]:.1%} of what is possible with "
                    f"all classes together, and {realised[SHORT]:.1%} in the shortage."
                ),
            ],
            comparisons=[
                coase.Comparison(
                    f"{name}: dearer by, in the market and in theory",
                    one.spot,
                    one.theory,
                    error=one.error,
                    source="assignment game, Shapley and Shubik 1972",
                    confidence="B",
                    why="Nobody has proven that ZIP traders find competitive prices; values are new in each hour.",
                )
                for name, one in dearer.items()
            ],
            summary=[
                {
                    "class": name,
                    "case": case,
                    "mean price, cents": self._mean(rows, name, case, "price"),
                    "competitive, cents": self._mean(rows, name, case, "competitive"),
                    "in use": self._mean(rows, name, case, "in use"),
                }
                for name in CLASSES
                for case in (CALM, SHORT)
            ],
            pictures=self._pictures(rows),
        )

    def _late(self, rows: Sequence[dict[str, Any]], name: str, case: str, what: str) -> Any:
        """A figure in the second half: samples x hours, not a number where nothing was sold."""
        some = [r[what] for r in rows if r["class"] == name and r["case"] == case and r["hour"] >= self.hours // 2]
        return np.array([np.nan if value is None else value for value in some], np.float64).reshape(self.samples, -1)

    def _mean(self, rows: Sequence[dict[str, Any]], name: str, case: str, what: str) -> float:
        return float(np.nanmean(self._late(rows, name, case, what)))

    def _dearer(self, rows: Sequence[dict[str, Any]], name: str) -> Dearer:
        ratios = {}
        for what in ("price", "competitive"):
            calm, short = (np.nanmean(self._late(rows, name, case, what), axis=1) for case in (CALM, SHORT))
            ratios[what] = short / calm - 1
        spot, theory = ratios["price"], ratios["competitive"]
        error = (spot - theory).std(ddof=1) / np.sqrt(self.samples)
        return Dearer(float(spot.mean()), float(theory.mean()), float(error))

    def _realised(self, rows: Sequence[dict[str, Any]]) -> float:
        late = [row for row in rows if row["hour"] >= self.hours // 2]
        return float(np.sum([row["gained"] for row in late]) / np.sum([row["possible"] for row in late]))

    def _pictures(self, rows: Sequence[dict[str, Any]]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.5, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, one in CLASSES.items():
            for case, style in ((SHORT, "-"), (CALM, ":")):
                some = [r["price"] for r in rows if r["class"] == name and r["case"] == case]
                table = np.array([np.nan if v is None else v for v in some], np.float64).reshape(self.samples, -1)
                sold = np.isfinite(table)
                price = np.where(sold, table, 0).sum(axis=0) / np.maximum(sold.sum(axis=0), 1) / 100
                axes.plot(np.arange(self.hours), price, style, color=one.colour, label=f"{name}, {case}")
        axes.axvline(self.hours // 2, color="#667", linewidth=1)
        axes.set_xlabel("hour")
        axes.set_ylabel("price of a GPU hour, $")
        axes.set_ylim(0, None)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9)
        yield coase.Picture(
            figure,
            "Mean prices of three classes. From the line on, half of the H100s are gone (solid) or not (dotted): "
            "the class below becomes dearer, too.",
        )


class Dearer(NamedTuple):
    """By which share a class becomes dearer in the market and in theory; the error is that of their difference."""

    spot: float
    theory: float
    error: float
