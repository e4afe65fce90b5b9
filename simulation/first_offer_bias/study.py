"""A buyer that favours the first offer it sees: what first-come costs it, and what a sealed window gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat

import coase
from coase.market.study import DIFFERENT
from coase.negotiation.sealed_window import Commit, Reveal, SealedWindow, commitment

PROTOCOLS = ("first come", "sealed window")
COLOURS = {"first come": "#d9642c", "sealed window": "#1f6fb4"}
MARKUPS = np.arange(0, 101, 5)  # percent on the cost, tried by the fast seller
MARKUP = 10  # percent, of everybody else
TEMPERATURE = 5.0  # ticks by which a quote may be worse before it is taken e times less often
SOURCE = "Bansal et al. 2025: 10 to 30 times"


class FirstOfferBias(coase.Study):
    """Five sellers, one of them fast; a buyer that takes the quote presented first too often; two protocols."""

    question: ClassVar[str] = (
        "What does a bias for the first offer cost a buyer, and does a sealed window take it away without any model?"
    )
    method: ClassVar[str] = (
        "Five sellers with costs uniform from 80 to 100 quote their cost plus 10%; one answers ten times as fast as "
        "the others. The buyer takes a quote that is x ticks above the lowest with weight exp(-x / 5), and the one it "
        "sees first with a weight so many times as high (the bias; language models show 10 to 30). First come: "
        "quotes are presented as they arrive. Sealed window: commitments, then openings, then an order drawn from a "
        "seed, through the very table that live parties run. Costs and arrivals are the same for both. Then the fast "
        "seller tries other markups. The bias is put in, not found: no language model takes part."
    )
    quick: ClassVar[Mapping[str, Any]] = {"batches": 10, "windows": 120}

    biases: Annotated[tuple[PositiveFloat, ...], DIFFERENT] = Field(
        default=(1, 3, 10, 30), min_length=1, description="weight of the first quote seen"
    )
    sellers: int = Field(default=5, ge=2, le=100, description="in each window")
    batches: int = Field(default=10, ge=2, le=1000, description="independent samples, for the standard error")
    windows: int = Field(default=2000, ge=10, le=1_000_000, description="requests for quotes in a batch")

    def cells(self) -> list[dict[str, Any]]:
        """The batches."""
        return [{"batch": index} for index in range(self.batches)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """For each protocol, bias and markup of the fast seller: who is taken, at what price, for what profit."""
        rng = np.random.default_rng(seed)
        costs = rng.integers(80, 101, (self.windows, self.sellers))
        delays = rng.exponential(10.0, costs.shape)
        delays[:, 0] /= 10
        prices = np.rint(costs * (1 + MARKUP / 100)).astype(np.int64)
        secrets = rng.integers(0, 2**62, self.windows).tolist()
        first = {
            "first come": delays.argmin(axis=1),
            "sealed window": np.array([self._sealed(p, s) for p, s in zip(prices.tolist(), secrets, strict=True)]),
        }
        rows = []
        for markup in MARKUPS.tolist():
            asked = prices.copy()
            asked[:, 0] = np.rint(costs[:, 0] * (1 + markup / 100))
            lowest = asked.min(axis=1, keepdims=True)
            for protocol in PROTOCOLS:
                for bias in self.biases:
                    weight = np.exp((lowest - asked) / TEMPERATURE)
                    weight[np.arange(self.windows), first[protocol]] *= bias
                    taken = weight / weight.sum(axis=1, keepdims=True)
                    rows.append(
                        {
                            "protocol": protocol,
                            "bias": float(bias),
                            "markup": markup,
                            "fast": float(taken[:, 0].mean()),
                            "paid": float((taken * asked).sum(axis=1).mean()),
                            "over": float(((taken * asked).sum(axis=1) - lowest[:, 0]).mean()),
                            "profit": float((taken[:, 0] * (asked[:, 0] - costs[:, 0])).mean()),
                        }
                    )
        return rows

    def _sealed(self, prices: list[int], secret: int) -> int:
        """The seller whose quote a sealed window presents first."""
        table = SealedWindow(seed=secret)
        names = [f"seller {index}" for index in range(len(prices))]
        state = table.init(["buyer"], names)
        for name, price in zip(names, prices, strict=True):
            state = table.submit(state, name, Commit(commitment(name, price, "salt")))
        for name, price in zip(names, prices, strict=True):
            state = table.submit(state, name, Reveal(price, "salt"))
        return names.index(table.presented(state)[0][0])

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Shares, prices and best markups, by bias and protocol."""
        points: dict[tuple[str, float], dict[str, float]] = {}
        for protocol in PROTOCOLS:
            for bias in self.biases:
                some = [row for row in rows if (row["protocol"], row["bias"]) == (protocol, bias)]
                equal = [row for row in some if row["markup"] == MARKUP]
                profits = [np.mean([row["profit"] for row in some if row["markup"] == m]) for m in MARKUPS.tolist()]
                best = int(MARKUPS[int(np.argmax(profits))])
                point = {"best": float(best), "profit": float(max(profits))}
                chosen = [row for row in some if row["markup"] == best]
                for name, held in (("fast", equal), ("over", equal), ("paid", equal), ("exploited", chosen)):
                    values = np.array([row["over" if name == "exploited" else name] for row in held])
                    point[name] = float(values.mean())
                    point[f"{name}_error"] = float(values.std(ddof=1) / np.sqrt(len(values)))
                points[protocol, float(bias)] = point
        most = float(max(self.biases))
        come, sealed = points["first come", most], points["sealed window", most]
        fair, usual = 1 / self.sellers, points["first come", float(min(self.biases))]["best"]
        return coase.Shown(
            findings=[
                (
                    f"At a bias of {most:g}, being fast wins {come['fast']:.0%} of all deals at equal prices, and "
                    f"{sealed['fast']:.0%} through a sealed window: a fair share of {fair:.0%}."
                ),
                (
                    f"Served first-come, the fast seller does best with a markup of {come['best']:.0f}% ({usual:.0f}% "
                    f"without bias), and the buyer then pays {come['exploited']:.1f} ticks more than the lowest quote; "
                    f"sealed, its best markup is {sealed['best']:.0f}%, and the buyer pays "
                    f"{sealed['exploited']:.1f} more."
                ),
                (
                    f"The window does not cure the buyer: at equal prices it still pays {sealed['over']:.1f} ticks too "
                    "much, since a random quote is favoured instead of the fastest"
                    + (", and asking more pays any seller" if sealed["best"] > usual else "")
                    + ". What it takes away is any reward for speed."
                ),
            ],
            comparisons=[
                *(
                    coase.Comparison(
                        f"sealed window, bias {bias:g}: share of the fast seller",
                        points["sealed window", float(bias)]["fast"],
                        fair,
                        points["sealed window", float(bias)]["fast_error"],
                        "by symmetry",
                    )
                    for bias in self.biases
                ),
                coase.Comparison(
                    f"first come, bias {most:g}: odds of the fast seller against another",
                    come["fast"] / ((1 - come["fast"]) / (self.sellers - 1)),
                    None,
                    source=SOURCE,
                    confidence="B",
                    why="Lower than the bias that was put in, since this buyer looks at prices, too.",
                ),
            ],
            summary=[
                {
                    "protocol": protocol,
                    "bias": bias,
                    "share of the fast seller": point["fast"],
                    "standard error": point["fast_error"],
                    "overpaid, ticks": point["over"],
                    "best markup of the fast seller, %": point["best"],
                    "overpaid then, ticks": point["exploited"],
                }
                for (protocol, bias), point in points.items()
            ],
            pictures=self._pictures(points),
        )

    def _pictures(self, points: Mapping[tuple[str, float], Mapping[str, float]]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.5, 3.8), layout="constrained")
        places = np.arange(len(self.biases))
        for axes, (name, scale, label) in zip(
            figure.subplots(1, 3),
            (
                ("fast", 100, "deals won by the fast seller, %"),
                ("best", 1, "its most profitable markup, %"),
                ("exploited", 1, "the buyer pays above the lowest\nquote at that markup, ticks"),
            ),
            strict=True,
        ):
            for shift, protocol in ((-0.2, PROTOCOLS[0]), (0.2, PROTOCOLS[1])):
                some = [points[protocol, float(bias)] for bias in self.biases]
                errors = [1.96 * scale * point.get(f"{name}_error", 0.0) for point in some]
                heights = [scale * point[name] for point in some]
                axes.bar(places + shift, heights, 0.38, yerr=errors, color=COLOURS[protocol], label=protocol, capsize=2)
            axes.set_xticks(places, [f"{bias:g}x" for bias in self.biases])
            axes.set_xlabel("bias for the first quote seen")
            axes.set_title(label, fontsize=10)
            if name == "fast":
                axes.axhline(100 / self.sellers, color="black", linestyle=":", linewidth=1)
                axes.text(-0.4, 100 / self.sellers + 1, "fair share", fontsize=8)
                axes.set_ylim(0, 105)
                axes.legend(frameon=False, fontsize=9, loc="upper left")
        yield coase.Picture(
            figure,
            "A seller that answers first gains from a biased buyer if quotes are shown as they come, and nothing if "
            "they are opened together and shuffled. Bars with 95% confidence intervals.",
        )
