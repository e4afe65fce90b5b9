"""What bargaining under private information can reach at best: Chatterjee-Samuelson and Myerson-Satterthwaite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase

RULES = ("efficient", "k = 1/2, equilibrium", "k = 1/2, truthful", "posted price 1/2", "buyer names the price")
SHARE = {RULES[0]: 1.0, RULES[1]: 27 / 32, RULES[3]: 0.75, RULES[4]: 0.75}  # of the first best gains, 1/6


class BilateralBound(coase.Study):
    """One buyer, one seller, private values uniform on [0, 1]: gains from trade under five rules, on equal draws."""

    question: ClassVar[str] = (
        "How much of the gains from trade is lost when buyer and seller know only their own value?"
    )
    method: ClassVar[str] = (
        "Values v and costs c are drawn uniformly from [0, 1], the same pairs for each rule. k-double auction with "
        "k = 1/2: trade when the bid is at least the ask, in the linear equilibrium of Chatterjee and Samuelson "
        "(1983), bids 2v/3 + 1/12 and asks 2c/3 + 1/4. Posted price 1/2: trade when both gain. Buyer names the price "
        "(k = 1): bid v/2, the seller asks its cost. Other bids are searched on a grid: none should pay."
    )
    quick: ClassVar[Mapping[str, Any]] = {"cells_": 4, "pairs": 50_000}

    cells_: int = Field(default=40, ge=2, le=10_000, description="independent samples, for the standard error")
    pairs: int = Field(default=200_000, ge=100, le=10_000_000, description="pairs of traders in a sample")

    def cells(self) -> list[dict[str, Any]]:
        """The samples."""
        return [{"sample": index} for index in range(self.cells_)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Mean gain and probability of trade of each rule on one sample."""
        v, c = np.random.default_rng(seed).random((2, self.pairs))
        trades = {
            RULES[0]: v >= c,
            RULES[1]: 2 * v / 3 + 1 / 12 >= 2 * c / 3 + 1 / 4,
            RULES[2]: v >= c,
            RULES[3]: (v >= 0.5) & (c <= 0.5),
            RULES[4]: v / 2 >= c,
        }
        prices = {
            RULES[0]: (v + c) / 2,
            RULES[1]: (2 * v / 3 + 1 / 12 + 2 * c / 3 + 1 / 4) / 2,
            RULES[2]: (v + c) / 2,
            RULES[3]: np.full_like(v, 0.5),
            RULES[4]: v / 2,
        }
        return [
            {
                "rule": rule,
                "gain": float(np.where(trade, v - c, 0).mean()),
                "traded": float(trade.mean()),
                "buyer": float(np.where(trade, v - prices[rule], 0).mean()),
                "seller": float(np.where(trade, prices[rule] - c, 0).mean()),
                "regret": self._regret(v[:2000]) if rule == RULES[1] else None,
            }
            for rule, trade in trades.items()
        ]

    def _regret(self, values: Any) -> float:
        """The most that a buyer could gain by another bid than the equilibrium's, against the equilibrium's asks.

        An ask 2c/3 + 1/4 is at most b when c <= 3(b - 1/4)/2; the expected gain of bid b at value v is then exact.
        """
        bids = np.linspace(0, 1, 401)
        reach = np.clip(1.5 * (bids - 0.25), 0, 1)
        mean_ask = reach / 3 + 0.25
        gains = reach * (values[:, None] - (bids + mean_ask) / 2)
        own = 2 * values / 3 + 1 / 12
        own_reach = np.clip(1.5 * (own - 0.25), 0, 1)
        own_gain = own_reach * (values - (own + own_reach / 3 + 0.25) / 2)
        return max(0.0, float((gains.max(axis=1) - np.maximum(own_gain, 0)).max()))

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Shares of the first best, beside the theory."""
        by_rule = {rule: [row for row in rows if row["rule"] == rule] for rule in RULES}
        best = np.array([row["gain"] for row in by_rule[RULES[0]]])
        shares, errors, summary = {}, {}, []
        for rule, some in by_rule.items():
            ratio = np.array([row["gain"] for row in some]) / best
            shares[rule] = float(ratio.mean())
            errors[rule] = float(ratio.std(ddof=1) / np.sqrt(len(ratio)))
            mean = {name: float(np.mean([row[name] for row in some])) for name in ("gain", "traded", "buyer", "seller")}
            summary.append({"rule": rule, "share of first best": shares[rule], **mean})
        traded = [row["traded"] for row in by_rule[RULES[1]]]
        regret = max(row["regret"] for row in by_rule[RULES[1]])
        source = "Chatterjee and Samuelson 1983"
        return coase.Shown(
            findings=[
                f"Private information costs {1 - shares[RULES[1]]:.1%} of the gains from trade, at best.",
                "No mechanism that pays for itself and that both join freely does better (Myerson and Satterthwaite).",
                f"A posted price of 1/2 or a take-it-or-leave-it price by the buyer reaches {shares[RULES[3]]:.1%}.",
                f"No bid on a grid of 401 gains a buyer more than {regret:.1g} over its equilibrium bid.",
            ],
            comparisons=[
                *(
                    coase.Comparison(f"{rule}: share of first best", shares[rule], SHARE[rule], errors[rule], source)
                    for rule in (RULES[1], RULES[3], RULES[4])
                ),
                coase.Comparison(
                    f"{RULES[1]}: probability of trade",
                    float(np.mean(traded)),
                    9 / 32,
                    float(np.std(traded, ddof=1) / np.sqrt(len(traded))),
                    source,
                ),
                coase.Comparison(
                    "gain of a deviation from the equilibrium", regret, 0.0, source=source, tolerance=1e-9
                ),
            ],
            summary=summary,
            pictures=self._pictures(summary),
        )

    def _pictures(self, summary: list[dict[str, Any]]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.6), layout="constrained")
        bars, region = figure.subplots(1, 2, width_ratios=(1.6, 1))
        names = [row["rule"] for row in summary][::-1]
        left = np.zeros(len(names))
        for who, colour in (("buyer", "#1f6fb4"), ("seller", "#d9642c")):
            widths = np.array([row[who] for row in summary][::-1]) * 6
            bars.barh(names, widths, left=left, color=colour, label=who)
            left += widths
        bars.axvline(27 / 32, color="#333333", linestyle=":", label="bound, 27/32")
        bars.set_xlabel("gains from trade, as a share of the first best")
        bars.legend(loc="lower center", ncols=3, frameon=False, fontsize=8, bbox_to_anchor=(0.5, 1.0))
        line = np.linspace(0, 1, 50)
        region.fill_between(line, 0, line, color="#f1d9cc", label="efficient trades that are lost")
        region.fill_between(line, 0, np.clip(line - 0.25, 0, 1), color="#9dc3e6", label="trades in equilibrium")
        region.set_xlabel("the buyer's value")
        region.set_ylabel("the seller's cost")
        region.legend(loc="upper left", frameon=False, fontsize=8)
        region.set_xlim(0, 1)
        region.set_ylim(0, 1)
        yield coase.Picture(
            figure,
            "Left: who gains how much under each rule. Right: where trade is efficient (below the diagonal) and where "
            "the equilibrium trades; the strip between them is the price of private information.",
        )
