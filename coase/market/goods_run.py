"""What `coase.simulate_goods` gives back: a run for each good, and what all of them achieved together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from coase.market.measures import Floats
from coase.market.rows import save_rows
from coase.market.run import Realised, Run, shares
from coase.market.study import Row


@dataclass(frozen=True)
class GoodsRun(Realised):
    """Results of a simulation of several goods; what is possible is so with all of them together.

    The run of a good (``run["h100"]``) has its own measures: `equilibrium` is the middle of its competitive prices
    where every buyer takes what is best for it, and `efficiency` relates its surplus to that in this optimum; it may
    exceed 1, where more was bought of one good and less of another. In all of them buyers have the same numbers.

    Args:
        market: the name of the rule.
        goods: name -> run.
        seed: of everything.
        held: gained, possible, kept and gained by buyers, in ticks, over all goods: runs x days.
    """

    market: str
    goods: Mapping[str, Run]
    seed: int
    held: Mapping[str, Floats] = field(repr=False)

    def __getitem__(self, good: str) -> Run:
        """The run of one good."""
        return self.goods[good]

    @cached_property
    def per_run(self) -> dict[str, Floats]:
        """Efficiency, revenue and the buyers' share, over all goods: a number a run."""
        return shares(self.held, axis=1)

    @cached_property
    def per_day(self) -> dict[str, Floats]:
        """The same: a number a day."""
        return shares(self.held, axis=0)

    @property
    def failed(self) -> tuple[tuple[int, str, int, str], ...]:
        """(run, good, trader, sentence) of traders that raised or answered nonsense; a buyer is out of all markets."""
        return tuple((run, good, who, why) for good, one in self.goods.items() for run, who, why in one.failed)

    def table(self) -> list[Row]:
        """Tidy rows, one for each run, day and good, with the measures of each."""
        return self._rows("table")

    def summary(self) -> list[Row]:
        """Each good's measures over runs, with their 95% confidence intervals."""
        return self._rows("summary")

    def trades(self) -> list[Row]:
        """Tidy rows, one a trade; sellers are numbered good by good."""
        return self._rows("trades")

    def profits(self) -> list[Row]:
        """Tidy rows, one for each run, good and kind of trader: mean profit of a trader a day by it, in ticks."""
        return self._rows("profits")

    def save(self, path: str | Path) -> Path:
        """Write `table()` to a .parquet, .csv or .json file, whole or not at all."""
        return save_rows(self.table(), path)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "market": self.market,
            "runs": self.runs,
            "seed": self.seed,
            "efficiency": self.efficiency,
            "revenue": self.revenue,
            "goods": {name: run.as_dict() for name, run in self.goods.items()},
        }

    def _rows(self, what: str) -> list[Row]:
        return [{"good": name, **row} for name, run in self.goods.items() for row in getattr(run, what)()]
