"""All market rules that ship on identical flow: what they realise, for whom, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase

RULES = {
    "double_auction": "double auction",
    "call_market": "call market",
    "k_double_auction": "k-double auction",
    "mcafee": "McAfee",
    "vcg": "VCG",
    "second_price": "second price, in turn",
    "first_price": "first price, in turn",
    "posted_offer": "posted offer",
    "pool": "constant-product pool",
    "bargaining": "bargaining in pairs",
}
TRADERS = {"zip": "traders that learn (ZIP)", "truthful": "traders that tell their limit"}
NEGOTIATOR = "linear"
MEASURES = ("efficiency", "revenue", "buyers", "wait", "gini", "volume")
COLOURS = {"buyers": "#1f6fb4", "sellers": "#d9642c", "market": "#8a8f9c", "lost": "#e9ebf0"}


class Mechanisms(coase.Study):
    """Twenty buyers and twenty sellers, the same limits in the same order, under every market rule."""

    question: ClassVar[str] = "Which market rule realises most of the gains from trade, how fast, and who gets them?"
    method: ClassVar[str] = (
        "Limits of twenty buyers and twenty sellers are uniform from 50 to 150, drawn anew in each run and the same "
        "for every rule, as is the order of turns; each trades one unit a day for five days. Once all learn (ZIP), "
        "once all state their limit: then the very orders are identical. Bargaining is between negotiators that "
        "concede linearly. Waiting is counted in turns that each trader has had when a trade comes; a sealed market "
        "takes one turn each, a call market all of the day. The pool begins at the middle of the range, which is near "
        "equilibrium, and takes 0.3%. Shares are of the possible gains; intervals are over independent batches."
    )
    quick: ClassVar[Mapping[str, Any]] = {"batches": 2, "runs": 1, "days": 2, "turns": 5}

    batches: int = Field(default=10, ge=2, le=1000, description="independent samples, for the standard error")
    runs: int = Field(default=10, ge=1, le=100_000, description="in each batch")
    days: int = Field(default=5, ge=1, le=1000, description="trading days of a run")
    traders: int = Field(default=40, ge=4, le=100_000, description="half of them buy")
    turns: int = Field(default=10, ge=1, le=10_000, description="of each trader a day, where a market is not sealed")

    def cells(self) -> list[dict[str, Any]]:
        """Each rule with each kind of trader in each batch."""
        return [
            {"rule": rule, "traders": kind, "batch": batch}
            for rule in RULES
            for kind in (TRADERS if rule != "bargaining" else (NEGOTIATOR,))
            for batch in range(self.batches)
        ]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Shares of the possible gains, and waiting. The seed is that of the batch, so that flow is identical."""
        rules: dict[str, Any] = {"bargaining": {"deadline": 10}}
        run = coase.simulate(
            cell["rule"],
            traders={cell["traders"]: self.traders},
            demand=coase.Uniform(50, 150),
            supply=coase.Uniform(50, 150),
            low=0,
            high=200,
            days=self.days,
            turns=self.turns,
            runs=self.runs,
            seed=coase.session_seed(self.seed, cell["batch"]),
            keep_trades=False,
            **rules.get(cell["rule"], {}),
        )
        found = {name: float(np.nanmean(run.per_run[name])) for name in ("wait", "gini", "volume")}
        buyers = float(np.nansum(run.held["to_buyers"]) / np.nansum(run.held["possible"]))
        turn = found["wait"] / (1 if cell["rule"] == "bargaining" else self.traders)
        return [
            {
                "efficiency": run.efficiency,
                "buyers": buyers,
                "market": run.revenue,
                "sellers": run.efficiency - run.revenue - buyers,
                "wait": turn,
                "gini": found["gini"],
                "volume": found["volume"],
            }
        ]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Rules beside each other."""
        held = {
            (rule, kind): self._estimate([r for r in rows if (r["rule"], r["traders"]) == (rule, kind)])
            for rule in RULES
            for kind in (TRADERS if rule != "bargaining" else (NEGOTIATOR,))
        }
        learned = {rule: one for (rule, kind), one in held.items() if kind != "truthful"}
        best = max(learned, key=lambda rule: learned[rule]["efficiency"])
        worst = min(learned, key=lambda rule: learned[rule]["efficiency"])
        uneven = max(learned, key=lambda rule: learned[rule]["buyers"] / learned[rule]["efficiency"])
        vcg, honest = held["vcg", "truthful"], held["double_auction", "truthful"]
        exact = ("k_double_auction", "vcg")
        return coase.Shown(
            findings=[
                (
                    f"With traders that learn, {RULES[best]} realises most of the possible gains "
                    f"({learned[best]['efficiency']:.1%}), {RULES[worst]} least ({learned[worst]['efficiency']:.1%})."
                ),
                (
                    f"The double auction reaches {learned['double_auction']['efficiency']:.1%} and needs "
                    f"{learned['double_auction']['wait']:.1f} turns of each trader until a trade; sealed markets "
                    "need one, and a rule that the traders trust."
                ),
                (
                    "Who names the price matters more for who gains than for how much is gained: under "
                    f"{RULES[uneven]}, "
                    f"{learned[uneven]['buyers'] / learned[uneven]['efficiency']:.0%} goes to buyers."
                ),
                (
                    f"Nobody should tell the truth everywhere: in the double auction those who do realise only "
                    f"{honest['efficiency']:.1%}. VCG, where the truth is best, is fully efficient and costs the "
                    f"auctioneer {-vcg['market']:.1%} of the gains."
                ),
            ],
            comparisons=[
                *(
                    coase.Comparison(
                        f"{RULES[rule]}, truthful: efficiency",
                        held[rule, "truthful"]["efficiency"],
                        1.0,
                        source="all trades that gain",
                        tolerance=1e-12,
                    )
                    for rule in exact
                ),
                coase.Comparison("VCG: auctioneer gains", max(0.0, vcg["market"]), 0.0, source="Myerson-Satterthwaite"),
                coase.Comparison(
                    "McAfee: auctioneer loses",
                    max(0.0, -held["mcafee", "truthful"]["market"]),
                    0.0,
                    source="McAfee 1992",
                ),
            ],
            summary=[
                {
                    "rule": RULES[rule],
                    "traders": kind,
                    "efficiency": one["efficiency"],
                    "low": one["efficiency"] - 1.96 * one["efficiency_error"],
                    "high": one["efficiency"] + 1.96 * one["efficiency_error"],
                    "to buyers": one["buyers"],
                    "to sellers": one["sellers"],
                    "to the market": one["market"],
                    "wait, turns each": one["wait"],
                    "Gini of profits": one["gini"],
                    "units, of efficient": one["volume"],
                }
                for (rule, kind), one in held.items()
            ],
            pictures=self._pictures(held),
        )

    def _estimate(self, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
        found = {}
        for name in ("efficiency", "buyers", "sellers", "market", "wait", "gini", "volume"):
            values = np.array([row[name] for row in rows])
            found[name] = float(values.mean())
            found[f"{name}_error"] = float(values.std(ddof=1) / np.sqrt(len(values)))
        return found

    def _pictures(self, held: Mapping[tuple[str, str], Mapping[str, float]]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(10.5, 4.8), layout="constrained")
        for axes, kind in zip(figure.subplots(1, 2, sharey=True), TRADERS, strict=True):
            some = {rule: under(held, rule, kind) for rule in RULES}
            names = list(RULES)[::-1]
            left = np.zeros(len(names))
            labels = {"buyers": "to buyers", "sellers": "to sellers", "market": "to the market"}
            for who, label in labels.items():
                widths = np.array([max(0.0, some[rule][who]) for rule in names])
                axes.barh(range(len(names)), widths, left=left, color=COLOURS[who], label=label)
                left += widths
            total = np.array([some[rule]["efficiency"] for rule in names])
            errors = 1.96 * np.array([some[rule]["efficiency_error"] for rule in names])
            axes.errorbar(
                total, range(len(names)), xerr=errors, fmt=".", color="black", capsize=3, label="realised, 95%"
            )
            for place, value in enumerate(total):
                axes.text(1.1, place, f"{value:.1%}", va="center", fontsize=9)
            axes.axvline(1, color="black", linewidth=1, linestyle=":")
            axes.set_yticks(range(len(names)), [RULES[rule] for rule in names])
            axes.set_xlim(0, 1.27)
            axes.set_xticks((0, 0.25, 0.5, 0.75, 1))
            axes.xaxis.set_major_formatter(PercentFormatter(1))
            axes.set_xlabel("share of the possible gains")
            axes.set_title(TRADERS[kind], fontsize=11)
        handles, words = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, words, loc="outside upper center", ncols=4, frameon=False)
        yield coase.Picture(
            figure,
            "Who gets what under each rule; the number is what is realised of all that could be. Beyond the dotted "
            "line the auctioneer pays in. Bargaining is between negotiators on both sides.",
        )
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.subplots()
        for rule in RULES:
            one = under(held, rule, "zip")
            axes.errorbar(
                one["wait"], one["efficiency"], 1.96 * one["efficiency_error"], 1.96 * one["wait_error"], "o", capsize=2
            )
        taken: list[float] = []
        for rule in sorted(RULES, key=lambda r: -under(held, r, "zip")["efficiency"]):
            one = under(held, rule, "zip")
            y = one["efficiency"]
            while any(abs(y - other) < 0.012 for other in taken):
                y -= 0.004
            taken.append(y)
            axes.annotate(
                RULES[rule], (one["wait"], one["efficiency"]), (self.turns * 1.15, y), va="center", fontsize=9,
                arrowprops={"arrowstyle": "-", "color": "#b8bdc9", "linewidth": 0.8},
            )  # fmt: skip
        axes.set_xlim(0, self.turns * 1.55)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("turns that each trader has had when a trade comes (less is faster)")
        axes.set_ylabel("realised of the possible gains")
        yield coase.Picture(figure, "Speed against efficiency, with traders that learn: the best place is top left.")


def under(held: Mapping[tuple[str, str], Mapping[str, float]], rule: str, kind: str) -> Mapping[str, float]:
    """What a rule reached with these traders, or with negotiators where it is for those."""
    return held[rule, kind if (rule, kind) in held else NEGOTIATOR]
