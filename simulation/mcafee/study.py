"""McAfee's double auction (1992): truth costs at most the least valuable trade, and that soon is next to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveInt

import coase
from coase.market.k_double_auction import KDoubleAuction
from coase.market.mcafee import McAfee
from coase.market.rule import MarketOrder, MarketRule
from coase.market.study import DIFFERENT

TICKS = 10_000  # of the range of values
RULES: Mapping[str, MarketRule] = {"McAfee": McAfee(), "k = 1/2": KDoubleAuction(k=0.5)}
COLOURS = {"McAfee": "#1f6fb4", "k = 1/2": "#d9642c"}


class McAfeeAuction(coase.Study):
    """Growing markets under McAfee's rule: what is lost, who could gain by lying, what the auctioneer keeps."""

    question: ClassVar[str] = "What does it cost to make the truth the best bid for everybody, as markets grow?"
    method: ClassVar[str] = (
        "n buyers and n sellers of one unit, values and costs uniform on [0, 1] in ticks of 1/10000, bid truthfully "
        "under McAfee's rule and in the k-double auction with k = 1/2, on equal draws. Lost: the possible gains that "
        "are not realised, beside what is expected: (2 (n - 1) / (n + 1) + 4^(1 - n)) / n^2 of them, worked out here. "
        "The slope of the loss over n is fitted on logarithms, over the larger half of the sizes. Regret: one buyer "
        "tries 25 other bids, with everybody else truthful; the most that any of them gains it. It should be 0 for "
        "McAfee."
    )
    quick: ClassVar[Mapping[str, Any]] = {"sizes": (2, 4, 8, 16), "batches": 8, "markets": 100, "tried": 8}

    sizes: Annotated[tuple[PositiveInt, ...], DIFFERENT] = Field(
        default=(2, 4, 8, 16, 32, 64, 128), min_length=2, description="traders on each side"
    )
    batches: int = Field(default=8, ge=2, le=1000, description="independent samples, for the standard error")
    markets: int = Field(default=500, ge=10, le=1_000_000, description="in each sample")
    tried: int = Field(default=20, ge=1, le=1_000_000, description="markets of a sample in which other bids are tried")

    def cells(self) -> list[dict[str, Any]]:
        """Each size in each sample."""
        return [{"size": n, "sample": index} for n in self.sizes for index in range(self.batches)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Shares of the possible gains, regret, and how far a loss went beyond the least valuable trade."""
        n = cell["size"]
        draws = np.random.default_rng(seed).integers(0, TICKS + 1, (self.markets, 2, n))
        sums = {name: {"lost": 0, "kept": 0, "beyond": 0, "regret": 0} for name in RULES}
        possible = 0
        for index, (values, costs) in enumerate(draws.tolist()):
            gains = [v - c for v, c in zip(sorted(values, reverse=True), sorted(costs), strict=True) if v >= c]
            possible += sum(gains)
            for name, rule in RULES.items():
                sold = _clear(rule, values, costs)
                lost = sum(gains) - sum(values[fill.buyer] - costs[fill.seller - n] for fill in sold)
                found = sums[name]
                found["lost"] += lost
                found["kept"] += sum(fill.price - fill.received for fill in sold)
                found["beyond"] = max(found["beyond"], lost - (gains[-1] if gains else 0))
                if index < self.tried:
                    honest = _gain(sold, values[0])
                    others = (_gain(_clear(rule, [bid, *values[1:]], costs), values[0]) for bid in _bids())
                    found["regret"] = max(found["regret"], max(others) - honest)
        return [
            {
                "rule": name,
                "lost": found["lost"] / possible,
                "kept": found["kept"] / possible,
                "beyond": found["beyond"] / TICKS,
                "regret": found["regret"] / TICKS,
            }
            for name, found in sums.items()
        ]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Loss by size, its slope, regret."""
        held = {(name, n): self._estimate(rows, name, n) for name in RULES for n in self.sizes}
        half = len(self.sizes) // 2
        logs = np.log(np.array(self.sizes, np.float64))
        slopes = [
            float(np.polyfit(logs[half:], np.log(self._lost(rows, sample)[half:]), 1)[0])
            for sample in range(self.batches)
        ]
        slope, error = float(np.mean(slopes)), float(np.std(slopes, ddof=1) / np.sqrt(len(slopes)))
        known = float(np.polyfit(logs[half:], np.log([expected_loss(n) for n in self.sizes])[half:], 1)[0])
        regret = {name: max(row["regret"] for row in rows if row["rule"] == name) for name in RULES}
        beyond = max(row["beyond"] for row in rows if row["rule"] == "McAfee")
        kept = min(row["kept"] for row in rows if row["rule"] == "McAfee")
        small, large = self.sizes[0], self.sizes[-1]
        return coase.Shown(
            findings=[
                (
                    f"Truth costs {held['McAfee', small]['lost']:.1%} of the possible gains with {small} traders on "
                    f"each side, and {held['McAfee', large]['lost']:.2g} of them with {large}."
                ),
                (
                    f"The loss falls with the size of the market to the power {slope:.2f}; worked out it is "
                    f"{known:.2f} between these sizes, and comes to 2 / n squared in large markets."
                ),
                (
                    f"No other bid of a buyer gained anything under McAfee's rule; with k = 1/2 one gained "
                    f"{regret['k = 1/2']:.2f} of the range of values."
                ),
                "The price of truth is also what the auctioneer keeps: traders get less than they realise.",
            ],
            comparisons=[
                coase.Comparison("McAfee: gain of another bid", regret["McAfee"], 0.0, source="McAfee 1992"),
                coase.Comparison("loss beyond the least valuable trade", beyond, 0.0, source="McAfee 1992"),
                coase.Comparison("auctioneer's loss", max(0.0, -kept), 0.0, source="McAfee 1992"),
                *(
                    coase.Comparison(
                        f"McAfee, n = {n}: lost",
                        held["McAfee", n]["lost"],
                        expected_loss(n),
                        held["McAfee", n]["error"],
                        "(2 (n - 1) / (n + 1) + 4^(1 - n)) / n^2, worked out here",
                    )
                    for n in self.sizes
                ),
                coase.Comparison(
                    "power of n in the loss, of these sizes", slope, known, error, "the same; McAfee 1992: O(1/n^2)"
                ),
                *(
                    coase.Comparison(
                        f"k = 1/2, truthful, n = {n}: lost", held["k = 1/2", n]["lost"], 0.0, source="efficient"
                    )
                    for n in (small, large)
                ),
            ],
            summary=[
                {
                    "rule": name,
                    "traders a side": n,
                    "lost": one["lost"],
                    "low": max(0.0, one["lost"] - 1.96 * one["error"]),
                    "high": one["lost"] + 1.96 * one["error"],
                    "kept by the auctioneer": one["kept"],
                    "most gained by another bid": one["regret"],
                }
                for (name, n), one in held.items()
            ],
            pictures=self._pictures(held),
        )

    def _lost(self, rows: Sequence[dict[str, Any]], sample: int) -> Any:
        some = [row for row in rows if row["rule"] == "McAfee" and row["sample"] == sample]
        return np.maximum([row["lost"] for row in some], 1e-9)

    def _estimate(self, rows: Sequence[dict[str, Any]], name: str, n: int) -> dict[str, float]:
        some = [row for row in rows if row["rule"] == name and row["size"] == n]
        lost = np.array([row["lost"] for row in some])
        return {
            "lost": float(lost.mean()),
            "error": float(lost.std(ddof=1) / np.sqrt(len(lost))),
            "kept": float(np.mean([row["kept"] for row in some])),
            "regret": max(row["regret"] for row in some),
        }

    def _pictures(self, held: Mapping[tuple[str, int], Mapping[str, float]]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(9, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        sizes = np.array(self.sizes, np.float64)
        some = [held["McAfee", n] for n in self.sizes]
        lost, errors = np.array([one["lost"] for one in some]), [1.96 * one["error"] for one in some]
        left.errorbar(sizes, lost, errors, fmt="o-", color=COLOURS["McAfee"], capsize=3, label="lost, McAfee's rule")
        left.plot(sizes, [one["kept"] for one in some], "s--", color="#77664d", label="kept by the auctioneer")
        left.plot(sizes, [expected_loss(n) for n in self.sizes], ":", color="black", label="lost, expected")
        left.set(xscale="log", yscale="log", xlabel="traders on each side", ylabel="share of the possible gains")
        left.set_xticks(sizes, [str(n) for n in self.sizes])
        left.yaxis.set_major_formatter(PercentFormatter(1, decimals=2))
        left.legend(frameon=False, fontsize=9)
        for name, colour in COLOURS.items():
            right.plot(sizes, [held[name, n]["regret"] for n in self.sizes], "o-", color=colour, label=name)
        right.set(xscale="log", xlabel="traders on each side", ylabel="most that a buyer gained by a lie")
        right.set_xticks(sizes, [str(n) for n in self.sizes])
        right.legend(frameon=False, fontsize=9)
        yield coase.Picture(
            figure, "Left: the price of truth falls fast as markets grow. Right: a lie pays with k = 1/2, never here."
        )


def expected_loss(n: int) -> float:
    """The share of the possible gains that McAfee's rule loses with n buyers and n sellers from U[0, 1], expected.

    The competitive prices are those between the n-th and the (n + 1)-th of all 2n limits. Which limits are values is
    a matter of chance, and gaps between neighbours are as exponential ones. Summed over how far the next value and the
    next cost are on either side, this comes to (2 (n - 1) / (n + 1) + 4^(1 - n)) / n^2, tested in fractions.
    """
    return (2 * (n - 1) / (n + 1) + 4.0 ** (1 - n)) / n**2


def _clear(rule: MarketRule, values: Sequence[int], costs: Sequence[int]) -> Sequence[Any]:
    """The fills of one market: buyers are numbered from 0, sellers after them."""
    state = rule.init(0, TICKS)
    for who, limit in enumerate((*values, *costs)):
        state, _ = rule.submit(state, MarketOrder(who, 1 if who < len(values) else -1, limit, 1))
    return rule.clear(state)[1]


def _gain(sold: Sequence[Any], value: int) -> int:
    return sum(value - fill.price for fill in sold if fill.buyer == 0)


def _bids() -> range:
    return range(0, TICKS + 1, TICKS // 24)
