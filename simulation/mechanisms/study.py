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
TRADERS = {
    "zip": "traders that learn (ZIP)",
    "truthful": "traders that tell their limit",
    "recorded": "orders of a double auction, replayed",
}
NEGOTIATOR = "linear"
MEASURES = ("efficiency", "revenue", "buyers", "wait", "gini", "volume")
COLOURS = {"buyers": "#1f6fb4", "sellers": "#d9642c", "market": "#8a8f9c", "lost": "#e9ebf0"}


class Mechanisms(coase.Study):
    """Twenty buyers and twenty sellers, the same limits in the same order, under every market rule."""

    question: ClassVar[str] = "Which market rule realises most of the gains from trade, how fast, and who gets them?"
    method: ClassVar[str] = (
        "Limits of twenty buyers and twenty sellers are uniform from 50 to 150, drawn anew in each run and the same "
        "for every rule, as is the order of turns; each trades one unit a day for five days. Once all learn (ZIP), "
        "once all state their limit: then the very orders are identical. Once the orders that ZIP traders gave in a "
        "double auction are recorded and replayed through every rule; where orders are sealed, the last of each trader "
        "counts. Bargaining is between negotiators that "
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
        """Each rule with each kind of trader in each batch; recorded orders go through all rules in one cell."""
        live = [
            {"rule": rule, "traders": kind, "batch": batch}
            for rule, kind in self._pairs()
            if kind != "recorded"
            for batch in range(self.batches)
        ]
        return live + [{"rule": "", "traders": "recorded", "batch": batch} for batch in range(self.batches)]

    def _pairs(self) -> list[tuple[str, str]]:
        """Rules and who trades under them; there are no orders in bargaining."""
        return [(rule, kind) for rule in RULES for kind in (TRADERS if rule != "bargaining" else (NEGOTIATOR,))]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Shares of the possible gains, and waiting. The seed is that of the batch, so that flow is identical."""
        market: dict[str, Any] = {
            "demand": coase.Uniform(50, 150),
            "supply": coase.Uniform(50, 150),
            "low": 0,
            "high": 200,
            "days": self.days,
            "turns": self.turns,
            "runs": self.runs,
            "seed": coase.session_seed(self.seed, cell["batch"]),
        }
        if cell["traders"] == "recorded":
            flows = coase.record("double_auction", traders={"zip": self.traders}, **market)
            some = [rule for rule, kind in self._pairs() if kind == "recorded"]
            return [{"rule": rule, **self._shares(rule, coase.replay(flows, rule))} for rule in some]
        rules: dict[str, Any] = {"bargaining": {"deadline": 10}}
        run = coase.simulate(
            cell["rule"],
            traders={cell["traders"]: self.traders},
            keep_trades=False,
            **market,
            **rules.get(cell["rule"], {}),
        )
        return [self._shares(cell["rule"], run)]

    def _shares(self, rule: str, run: coase.Run) -> dict[str, float]:
        found = {name: _mean(run.per_run[name]) for name in ("wait", "gini", "volume")}
        buyers = float(np.nansum(run.held["to_buyers"]) / np.nansum(run.held["possible"]))
        turn = found["wait"] / (1 if rule == "bargaining" else self.traders)
        return {
            "efficiency": run.efficiency,
            "buyers": buyers,
            "market": run.revenue,
            "sellers": run.efficiency - run.revenue - buyers,
            "wait": turn,
            "gini": found["gini"],
            "volume": found["volume"],
        }

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Rules beside each other."""
        held = {
            (rule, kind): self._estimate([r for r in rows if (r["rule"], r["traders"]) == (rule, kind)])
            for rule, kind in self._pairs()
        }
        learned = {rule: under(held, rule, "zip") for rule in RULES}
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
                (
                    "Orders are made for a rule: those of the double auction, where they realise "
                    f"{held['double_auction', 'recorded']['efficiency']:.0%}, realise "
                    f"{held['k_double_auction', 'recorded']['efficiency']:.0%} when they are sealed and matched as "
                    f"well as can be, and {held['pool', 'recorded']['efficiency']:.0%} in the pool, since most of "
                    "them were given to be seen. Identical orders compare how rules match, not how markets would do."
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
                coase.Comparison(
                    "double auction, its own orders replayed: efficiency",
                    held["double_auction", "recorded"]["efficiency"],
                    held["double_auction", "zip"]["efficiency"],
                    source="the run that was recorded",
                    tolerance=1e-12,
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

        figure = Figure(figsize=(12, 5), layout="constrained")
        names = list(RULES)[::-1]
        for axes, kind in zip(figure.subplots(1, 3, sharey=True), TRADERS, strict=True):
            drawn = [rule for rule in names if kind != "recorded" or (rule, kind) in held]
            some = {rule: under(held, rule, kind) for rule in drawn}
            places = [names.index(rule) for rule in drawn]
            left = np.zeros(len(drawn))
            labels = {"buyers": "to buyers", "sellers": "to sellers", "market": "to the market"}
            for who, label in labels.items():
                widths = np.array([max(0.0, some[rule][who]) for rule in drawn])
                axes.barh(places, widths, left=left, color=COLOURS[who], label=label)
                left += widths
            total = np.array([some[rule]["efficiency"] for rule in drawn])
            errors = 1.96 * np.array([some[rule]["efficiency_error"] for rule in drawn])
            axes.errorbar(total, places, xerr=errors, fmt=".", color="black", capsize=3, label="realised, 95%")
            for place, value in zip(places, total, strict=True):
                axes.text(1.12, place, f"{value:.1%}", va="center", fontsize=9)
            axes.axvline(1, color="black", linewidth=1, linestyle=":")
            axes.set_yticks(range(len(names)), [RULES[rule] for rule in names])
            axes.set_xlim(0, 1.38)
            axes.set_xticks((0, 0.25, 0.5, 0.75, 1))
            axes.xaxis.set_major_formatter(PercentFormatter(1))
            axes.set_xlabel("share of the possible gains")
            axes.set_title(TRADERS[kind], fontsize=11)
        handles, words = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, words, loc="outside upper center", ncols=4, frameon=False)
        yield coase.Picture(
            figure,
            "Who gets what under each rule; the number is what is realised of all that could be. Beyond the dotted "
            "line the auctioneer pays in. Bargaining is between negotiators, whose moves are no orders.",
        )
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.subplots()
        for number, rule in enumerate(RULES):
            one = under(held, rule, "zip")
            axes.errorbar(
                one["wait"], one["efficiency"], 1.96 * one["efficiency_error"], 1.96 * one["wait_error"], "o",
                capsize=2, color=f"C{number}",
            )  # fmt: skip
        taken: list[float] = []
        for rule in sorted(RULES, key=lambda r: -under(held, r, "zip")["efficiency"]):
            one = under(held, rule, "zip")
            y = one["efficiency"]
            while any(abs(y - other) < 0.012 for other in taken):
                y -= 0.004
            taken.append(y)
            axes.annotate(
                RULES[rule], (one["wait"], one["efficiency"]), (self.turns * 1.15, y), va="center", fontsize=9,
                color=f"C{list(RULES).index(rule)}",
                arrowprops={"arrowstyle": "-", "color": "#b8bdc9", "linewidth": 0.8},
            )  # fmt: skip
        axes.set_ylim(min(taken) - 0.012, None)
        axes.set_xlim(0, self.turns * 1.55)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("turns that each trader has had when a trade comes (less is faster)")
        axes.set_ylabel("realised of the possible gains")
        yield coase.Picture(figure, "Speed against efficiency, with traders that learn: the best place is top left.")


def _mean(values: Any) -> float:
    """Of those that are numbers; not a number where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def under(held: Mapping[tuple[str, str], Mapping[str, float]], rule: str, kind: str) -> Mapping[str, float]:
    """What a rule reached with these traders, or with negotiators where it is for those."""
    return held[rule, kind if (rule, kind) in held else NEGOTIATOR]
