"""What `coase new study` writes: a study that runs as it is, and its readme."""

STUDY = '''"""{title}: say in a line what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase


class {kind}(coase.Study):
    """What happens in a double auction when buyers come to be worth more."""

    question: ClassVar[str] = "How does the price follow demand?"
    method: ClassVar[str] = (
        "Ten buyers and ten sellers (ZIP) in a continuous double auction, at three levels of demand; means over "
        "independent runs with 95% intervals. Say here what a reader needs to do it again."
    )
    quick: ClassVar[Mapping[str, Any]] = {{"runs": 10}}  # what a look in seconds takes

    runs: int = Field(default=200, ge=2, description="independent runs at each level of demand")

    def cells(self) -> list[dict[str, Any]]:
        """The grid: each cell is measured by itself, in whatever process, and never twice."""
        return [{{"rise": rise}} for rise in (0, 25, 50)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Rows of plain numbers for one cell, from the cell and the seed alone."""
        run = coase.simulate(
            "double_auction",
            traders={{"zip": 20}},
            demand=coase.Uniform(50 + cell["rise"], 150 + cell["rise"]),
            supply=coase.Uniform(50, 150),
            runs=self.runs,
            seed=seed,
            keep_trades=False,
        )
        return [row for row in run.summary() if row["measure"] in ("price", "efficiency")]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """The answer first; then figures beside known ones (`coase.Comparison`), a table, and pictures."""
        prices = [row for row in rows if row["measure"] == "price"]
        slope = float(np.polyfit([row["rise"] for row in prices], [row["mean"] for row in prices], 1)[0])
        return coase.Shown(
            findings=[f"Of a rise of demand, {{slope:.0%}} arrives in the price."],
            summary=rows,
            pictures=self._pictures(prices),
        )

    def _pictures(self, prices: Sequence[dict[str, Any]]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.subplots()
        for row in prices:
            axes.errorbar(row["rise"], row["mean"], 1.96 * row["standard_error"], fmt="o", color="#1f6fb4", capsize=3)
        axes.set_xlabel("rise of demand, ticks")
        axes.set_ylabel("mean price, ticks")
        yield coase.Picture(figure, "With 95% confidence intervals.")
'''
README = """# {name}

**Question.** How does the price follow demand?

**Method.** Say here what a reader needs to do it again.

**Result.** Say here what came out.

    coase simulate {path} --quick
"""
