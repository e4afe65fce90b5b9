"""Reputation under attack: what faked praise costs with and without receipts of settled deals, and when it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field, NonNegativeFloat

import coase
from coase.market.study import DIFFERENT
from coase.settlement.defaults import MAX_FEE_BASIS_POINTS, Rules

SYSTEMS = {
    "no receipts": "anybody may praise: a fake costs nothing",
    "receipts, counted": "a fake needs a settled deal, of a hundredth of the usual price",
    "receipts, weighed": "praise counts by what the deal was worth: a fake pays the fee on a full price",
}
COLOURS = {"no receipts": "#b3261e", "receipts, counted": "#d9a02c", "receipts, weighed": "#1f6fb4"}
PRIOR = 20.0  # reviews that a newcomer is taken to have
DUST = 0.01  # of the usual price: the smallest deal


class Sybil(coase.Study):
    """Buyers choose by reputation among honest sellers and cheats that buy praise from themselves."""

    question: ClassVar[str] = "Does it pay to fake a reputation, and do receipts of settled deals prevent it?"
    method: ClassVar[str] = (
        "Buyers take sellers in proportion to exp(score / 0.05), the score being the share of good reviews; all "
        "begin with the score of an honest seller and twenty reviews, since a name is free. "
        "Honest sellers deliver 95% of deals; cheats deliver 20%, save the cost of "
        "the others, and fake as many reviews as keep their score at the honest level. A fake is free; or it is "
        "a deal with oneself that costs the market's fee on its price, which may be tiny where "
        "reviews are counted, and is the usual price where they are weighed by money. Against a cheat that needs "
        "n = (s - q)/(1 - s) fakes a sale to turn its true rate q into the score s, cheating stops paying at "
        "the fee f = c (1 - q)(1 - s)/(s - q), with c the cost of delivering as a share of the price."
    )
    quick: ClassVar[Mapping[str, Any]] = {"samples": 3, "rounds": 1500}

    fees: Annotated[tuple[NonNegativeFloat, ...], DIFFERENT] = Field(
        default=(0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08), min_length=2, description="of a deal's price"
    )
    honest: float = Field(default=0.95, gt=0.5, lt=1, description="deals that an honest seller delivers")
    cheat: float = Field(default=0.2, ge=0, lt=0.5, description="deals that a cheat delivers")
    cost: float = Field(default=0.8, gt=0, lt=1, description="of delivering, as a share of the price")
    sellers: int = Field(default=10, ge=2, le=1000, description="half of them cheats")
    rounds: int = Field(default=10_000, ge=100, le=10_000_000, description="deals")
    samples: int = Field(default=8, ge=2, le=1000, description="independent, for the standard error")

    def cells(self) -> list[dict[str, Any]]:
        """Each system in each sample; the fee is worked out from one and the same course of deals."""
        return [{"system": name, "sample": n} for name in SYSTEMS for n in range(self.samples)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Deals, bad deals, and what a cheat earns by fee."""
        weight = {"no receipts": 0.0, "receipts, counted": DUST, "receipts, weighed": 1.0}[cell["system"]]
        sold, failed, fakes = self._course(np.random.default_rng(seed), fake=True)
        bare = self._course(np.random.default_rng(seed), fake=False)
        cheats = np.arange(self.sellers) % 2 == 1
        deals, bad = int(sold[cheats].sum()), int(failed[cheats].sum())
        saved = self.cost * bad
        return [
            {
                "fee": float(fee),
                "share": deals / self.rounds,
                "share_bare": int(bare[0][cheats].sum()) / self.rounds,
                "bad": int(failed.sum()) / self.rounds,
                "fakes": float(fakes[cheats].sum()) / max(deals, 1),
                "gain": (saved - fee * weight * float(fakes[cheats].sum())) / max(deals, 1),
            }
            for fee in self.fees
        ]

    def _course(self, rng: Generator, *, fake: bool) -> tuple[Any, Any, Any]:
        """(deals, deals not delivered, fakes) of each seller."""
        rates = np.where(np.arange(self.sellers) % 2 == 1, self.cheat, self.honest)
        good = np.full(self.sellers, PRIOR * self.honest)
        bad = PRIOR - good
        sold, failed, fakes = (np.zeros(self.sellers) for _ in range(3))
        draws = rng.random((self.rounds, 2))
        for pick, luck in draws.tolist():
            score = good / (good + bad)
            if fake:
                missing = np.maximum(0.0, (self.honest * bad - (1 - self.honest) * good) / (1 - self.honest))
                missing[0::2] = 0.0
                fakes += missing
                good += missing
                score = good / (good + bad)
            odds = np.cumsum(np.exp((score - score.max()) / 0.05))
            who = int(np.searchsorted(odds, pick * odds[-1], side="right"))
            sold[who] += 1
            if luck < rates[who]:
                good[who] += 1
            else:
                bad[who] += 1
                failed[who] += 1
        return sold, failed, fakes

    @property
    def break_even(self) -> float:
        """The fee above which faking costs more than it saves, where reviews are weighed."""
        return self.cost * (1 - self.cheat) * (1 - self.honest) / (self.honest - self.cheat)

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """What a cheat earns by system and fee, and where that ends."""
        mean: dict[tuple[str, float], tuple[float, float]] = {}
        for system in SYSTEMS:
            for fee in self.fees:
                mean[system, fee] = self._estimate(rows, "gain", system, fee)
        crossings = []
        for sample in range(self.samples):
            some = [r for r in rows if r["system"] == "receipts, weighed" and r["sample"] == sample]
            free, dear = some[0], some[-1]
            slope = (free["gain"] - dear["gain"]) / (dear["fee"] - free["fee"])
            crossings.append(free["fee"] + free["gain"] / slope)
        found = float(np.mean(crossings))
        error = float(np.std(crossings, ddof=1) / np.sqrt(len(crossings)))
        share, bare = (float(np.mean([row[name] for row in rows])) for name in ("share", "share_bare"))
        fakes = float(np.mean([row["fakes"] for row in rows]))
        return coase.Shown(
            findings=[
                (
                    f"Free praise lets cheats take {share:.0%} of all deals instead of {bare:.0%}; receipts weighed "
                    f"by money make that a loss as soon as a deal costs a fee of {found:.1%}."
                ),
                (
                    f"A cheat that delivers {self.cheat:.0%} of its deals needs {fakes:.1f} fakes a sale to look like "
                    f"an honest seller that delivers {self.honest:.0%}."
                ),
                (
                    "Receipts alone are not enough: where each deal counts alike, fakes are made of deals of a "
                    "hundredth of the price, and cheating pays at every fee here. What deters is the fee on the money "
                    "that the praise pretends to be about."
                ),
                self._as_deployed(),
                (
                    "The attacker here owns both sides and loses only fees; gas, a fee on tiny deals too, is left "
                    "out, and so are cheats that are honest first and cheat once."
                ),
            ],
            comparisons=[
                coase.Comparison(
                    "fee at which faking stops paying",
                    found,
                    self.break_even,
                    error,
                    "c (1 - q)(1 - s)/(s - q)",
                    tolerance=max(3 * error, 0.005 * self.break_even),
                    why="The formula is for a course of deals without end; a short one is off by a part in a thousand.",
                )
            ],
            summary=[
                {
                    "system": system,
                    "what": SYSTEMS[system],
                    "deals of cheats": self._estimate(rows, "share", system, self.fees[0])[0],
                    "fakes a sale": self._estimate(rows, "fakes", system, self.fees[0])[0],
                    "deals not delivered": self._estimate(rows, "bad", system, self.fees[0])[0],
                    "gain of a cheat a sale at 2%": float(
                        np.interp(0.02, self.fees, [mean[system, fee][0] for fee in self.fees])
                    ),
                }
                for system in SYSTEMS
            ],
            pictures=self._pictures(mean),
        )

    def _as_deployed(self) -> str:
        """What the market's contracts charge unless told otherwise, and at most, beside what is needed."""
        fee, most = Rules().fee_basis_points / 10_000, MAX_FEE_BASIS_POINTS / 10_000
        enough = "enough" if most > self.break_even else "not enough"
        return (
            f"Our contracts are deployed with a fee of {fee:.0%}, at which all faking but the gas is free, and admit "
            f"one of at most {most:.0%}: {enough} against these cheats, where reviews are weighed by money."
        )

    def _estimate(self, rows: Sequence[dict[str, Any]], name: str, system: str, fee: float) -> tuple[float, float]:
        values = np.array([row[name] for row in rows if row["system"] == system and row["fee"] == fee])
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))

    def _pictures(self, mean: Mapping[tuple[str, float], tuple[float, float]]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(9, 4), layout="constrained")
        axes = figure.subplots()
        for system, colour in COLOURS.items():
            middle = np.array([mean[system, fee][0] for fee in self.fees])
            half = 1.96 * np.array([mean[system, fee][1] for fee in self.fees])
            axes.fill_between(self.fees, middle - half, middle + half, color=colour, alpha=0.3, linewidth=0)
            line = "o--" if "counted" in system else "o-"
            axes.plot(self.fees, middle, line, color=colour, markersize=4, label=f"{system}: {SYSTEMS[system]}")
        axes.axhline(0, color="black", linewidth=1)
        axes.axvline(self.break_even, color="black", linestyle=":", label="closed form: faking stops paying")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("fee of the market, of a deal's price")
        axes.set_ylabel("what a cheat gains by cheating,\na sale, in prices")
        axes.legend(frameon=False, fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 1))
        yield coase.Picture(figure, "Above the black line cheating pays. Bands: 95% confidence intervals.")
