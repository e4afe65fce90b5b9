"""What audit rate and stake make cheating unprofitable: simulated, beside the closed form, and where that breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field, NonNegativeFloat

import coase
from coase.compute.economics import break_even_audit_rate
from coase.market.study import DIFFERENT
from coase.settlement.defaults import PoolTerms, Rules

PRICE = 1.0  # of a job: all money is in units of it
RULES, POOL = Rules(), PoolTerms()  # with which the contracts are deployed
NOVICE = "cheats on whole jobs"
STRATEGIES = {
    NOVICE: "one job a stake, all of it skipped: what the formula assumes",
    "skips a quarter": "skips 25% of a job's segments; one segment is audited",
    "skips a quarter, 4 audited": "the same, with four segments audited",
    "100 jobs on one stake": "cheats on a hundred jobs at once that one stake secures",
    "3 of 10 validators lazy": "30% of audits are answered with 'fine' unread",
    "40% of validators collude": "a jury decides by its median vote, 40% vote for the cheat",
}


class AuditEconomics(coase.Study):
    """Providers that may cheat, audits drawn after the commitment, stakes that are slashed: who deters whom."""

    question: ClassVar[str] = (
        "What audit rate and stake make cheating unprofitable, and for which cheats does that fail?"
    )
    method: ClassVar[str] = (
        "A provider saves g of a job's price P by cheating. A job is audited with probability p, drawn after the "
        "commitment; an audit finds a cheat with probability d and accuses an honest worker with probability a; who is "
        "found loses the stake S and the price. The break-even rate is found by bisection on the difference of mean "
        "payoffs over simulated jobs, with the same draws at every p, and compared with g / ((d - a)(S + P)). "
        "Strategies that the formula does not know are simulated job by job. The contracts, as they are deployed, have "
        "an audit rate (MarketRules), a jury (ValidatorPool), and take from a stake at most the price of the deal that "
        "was ruled on; with these, the largest saving that is deterred is simulated, too. Last, a population that "
        "knows neither formula nor rate learns from its own payoffs whether to cheat (epsilon-greedy over running "
        "means)."
    )
    quick: ClassVar[Mapping[str, Any]] = {"jobs": 400_000, "samples": 3, "providers": 60, "rounds": 150, "rates": 6}

    stakes: Annotated[tuple[NonNegativeFloat, ...], DIFFERENT] = Field(
        default=(0, 1, 2, 5, 10, 20, 50), min_length=1, description="slashed, in prices of a job"
    )
    gain: float = Field(default=0.6, gt=0, le=1, description="saved by cheating, as a share of the price")
    detection: float = Field(default=0.95, gt=0, le=1, description="that an audit finds a cheat")
    false_positives: float = Field(default=0.001, ge=0, lt=0.5, description="that an audit accuses an honest worker")
    audit_rate: float = Field(
        default=RULES.audit_basis_points / 10_000, gt=0, le=1, description="as deployed: of MarketRules"
    )
    slash: float = Field(default=1.0, ge=0, description="as deployed: most that ValidatorPool has slashed, in prices")
    jury: int = Field(default=POOL.jury, ge=1, le=15, description="as deployed: seats in a case of ValidatorPool")
    jobs: int = Field(default=2_000_000, ge=1000, le=50_000_000, description="simulated in each sample")
    samples: int = Field(default=8, ge=2, le=1000, description="independent, for the standard error")
    providers: int = Field(default=200, ge=2, le=100_000, description="that learn, at each point of the map")
    rounds: int = Field(default=600, ge=10, le=100_000, description="jobs that each of them does")
    rates: int = Field(default=16, ge=2, le=200, description="audit rates on the map, from 0.5% to 100%")

    def cells(self) -> list[dict[str, Any]]:
        """Break-even rates by stake and sample, those of each strategy, and the points of the map."""
        exact = [{"part": "formula", "stake": s, "sample": n} for s in self.stakes for n in range(self.samples)]
        ways = [{"part": "strategy", "stake": 10.0, "way": w, "sample": n} for w in STRATEGIES for n in range(2)]
        grid = np.geomspace(0.005, 1, self.rates).round(6).tolist()
        deployed = [{"part": "deployed", "sample": n} for n in range(self.samples)]
        return exact + ways + deployed + [{"part": "map", "stake": s, "rate": p} for s in self.stakes for p in grid]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """The break-even rate, the saving that is deterred, or the share of providers that cheat in the end."""
        rng = np.random.default_rng(seed)
        if cell["part"] == "deployed":
            return [{"deterred": self._deterred(rng)}]
        if cell["part"] == "map":
            return [{"cheating": self._learn(rng, cell["stake"], cell["rate"])}]
        way = cell.get("way", NOVICE)
        return [{"break_even": self._break_even(rng, cell["stake"], way)}]

    def _break_even(self, rng: Generator, stake: float, way: str) -> float | None:
        """The audit rate at which mean payoffs of cheats and honest workers are equal; None when no rate deters."""
        bundle = 100 if way.startswith("100 jobs") else 1
        count = self.jobs // bundle
        audit, accuse = rng.random((2, count, bundle))
        found = rng.random((count, bundle)) < self._found(rng, way, (count, bundle))
        wrong = accuse < self.false_positives
        gain = self.gain * (0.25 if "quarter" in way else 1.0)

        def advantage(rate: float) -> float:
            caught, accused = found & (audit < rate), wrong & (audit < rate)
            lost = (caught.mean() - accused.mean()) * PRICE
            slashed = (caught.any(axis=1).mean() - accused.any(axis=1).mean()) * stake / bundle
            return float(gain - lost - slashed)

        if advantage(1.0) > 0:
            return None
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if advantage(middle) > 0 else (low, middle)
        return high

    def _found(self, rng: Generator, way: str, shape: tuple[int, int]) -> Any:
        """The probability that an audit of each cheating job finds it."""
        if "quarter" in way:
            audited = 4 if "4 audited" in way else 1
            return self.detection * (rng.random((*shape, audited)) < 0.25).any(axis=-1)
        if "lazy" in way:
            return self.detection * (rng.random(shape) >= 0.3)
        if "collude" in way:
            honest = (rng.random((*shape, self.jury)) >= 0.4).sum(axis=-1)
            return self.detection * (2 * honest > self.jury)
        return self.detection

    def _deterred(self, rng: Generator) -> float:
        """What cheating costs more than honest work under the deployed contracts: smaller savings are deterred."""
        audited = rng.random(self.jobs) < self.audit_rate
        luck = rng.random(self.jobs)
        caught, accused = audited & (luck < self.detection), audited & (luck < self.false_positives)
        return float((caught.mean() - accused.mean()) * (PRICE + self.slash))

    def _learn(self, rng: Generator, stake: float, rate: float) -> float:
        """The share of providers that cheat in the last tenth of the rounds."""
        mean, times = np.zeros((2, self.providers)), np.ones((2, self.providers))
        who, last = np.arange(self.providers), 0.0
        for turn in range(self.rounds):
            explore = rng.random(self.providers) < max(0.05, 1 - turn / (0.3 * self.rounds))
            cheat = np.where(explore, rng.random(self.providers) < 0.5, mean[1] > mean[0]).astype(np.int64)
            hit = rng.random(self.providers) < np.where(cheat == 1, self.detection, self.false_positives)
            payoff = self.gain * cheat - (stake + PRICE) * (hit & (rng.random(self.providers) < rate))
            times[cheat, who] += 1
            mean[cheat, who] += (payoff - mean[cheat, who]) / times[cheat, who]
            if turn >= 0.9 * self.rounds:
                last += float((mean[1] > mean[0]).mean())
        return last / (self.rounds - int(np.ceil(0.9 * self.rounds)))

    def formula(self, stake: float) -> float | None:
        """The closed form; None when no rate deters."""
        rate = break_even_audit_rate(
            gain=self.gain, slash=stake, price=PRICE, detection=self.detection, false_positives=self.false_positives
        )
        return rate if rate <= 1 else None

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Simulated rates beside the closed form, strategies beside both, and the map of what a population learns."""
        comparisons = [*(self._compared(rows, stake) for stake in self.stakes), self._deployed(rows)]
        worst = max((abs(c.ours / c.known - 1) for c in comparisons if c.known), default=0.0)
        ways = {
            way: _mean([row["break_even"] for row in rows if row.get("way") == way and row["part"] == "strategy"])
            for way in STRATEGIES
        }
        base = ways[NOVICE] or 1.0
        summary = [
            {
                "strategy (stake 10)": way,
                "needed audit rate": rate,
                "times the formula's": None if rate is None else rate / base,
                "what it does": STRATEGIES[way],
            }
            for way, rate in ways.items()
        ]
        shared = ways["100 jobs on one stake"]
        held = self.audit_rate * (self.detection - self.false_positives) * (PRICE + self.slash)
        return coase.Shown(
            findings=[
                (
                    f"Where cheating saves {self.gain:.0%} of a price, auditing {_percent(self.formula(10))} of jobs "
                    "makes it pointless with a stake of ten prices."
                ),
                f"Without a stake it takes {_percent(self.formula(0))}; with fifty, {_percent(self.formula(50))}.",
                (
                    f"The contracts as deployed audit {self.audit_rate:.0%} of deliveries and slash at most "
                    f"{self.slash:g} times the price of a deal: that deters cheats that save up to {held:.0%} of the "
                    f"price, not {self.gain:.0%}. For those an owner of the market sets an audit rate of "
                    f"{_percent(self.formula(self.slash))}."
                ),
                f"The simulated break-even rates are within {worst:.1%} of the closed form, for every stake.",
                f"Where one stake secures a hundred jobs, {_percent(shared)} is needed: bind stake to open jobs.",
                f"Lazy validators: {_times(ways, 'lazy', base)} the rate; colluding: {_times(ways, 'collude', base)}.",
                "Skipping a part of a job does not help, and helps less the more segments an audit looks at.",
            ],
            comparisons=comparisons,
            summary=summary,
            pictures=self._pictures(rows, ways),
        )

    def _compared(self, rows: Sequence[dict[str, Any]], stake: float) -> coase.Comparison:
        known = self.formula(stake)
        rates = [r["break_even"] for r in rows if r["part"] == "formula" and r["stake"] == stake]
        found = [rate for rate in rates if rate is not None]
        return coase.Comparison(
            f"break-even audit rate, stake {stake:g}",
            float(np.mean(found)) if found else float("inf"),
            known,
            float(np.std(found, ddof=1) / np.sqrt(len(found))) if len(found) > 1 else 0.0,
            "g / ((d - a)(S + P))",
            tolerance=None if known is None else 0.05 * known,
            why="Held to within 5% of the formula, not to three standard errors, which few samples tell badly.",
        )

    def _deployed(self, rows: Sequence[dict[str, Any]]) -> coase.Comparison:
        known = self.audit_rate * (self.detection - self.false_positives) * (PRICE + self.slash)
        found = np.array([row["deterred"] for row in rows if row["part"] == "deployed"])
        return coase.Comparison(
            "contracts as deployed: largest saving deterred, of a price",
            float(found.mean()),
            known,
            float(found.std(ddof=1) / np.sqrt(len(found))),
            "p (d - a)(S + P)",
            tolerance=0.05 * known,
        )

    def _pictures(self, rows: Sequence[dict[str, Any]], ways: Mapping[str, float | None]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(9, 4.4), layout="constrained")
        axes = figure.subplots()
        points = [row for row in rows if row["part"] == "map"]
        rates = sorted({row["rate"] for row in points})
        share = np.array([[r["cheating"] for r in points if r["stake"] == s] for s in self.stakes])
        places = np.arange(len(self.stakes))
        mesh = axes.pcolormesh(rates, places, share, cmap="RdYlGn_r", vmin=0, vmax=1, shading="nearest")
        figure.colorbar(mesh, ax=axes, label="providers that cheat in the end", format=PercentFormatter(1))
        line = [(self.formula(s) or np.nan, y) for s, y in zip(self.stakes, places, strict=True)]
        axes.plot(*zip(*line, strict=True), "o-", color="black", label="closed form: cheating pays to the left")
        if self.slash in self.stakes:
            axes.plot(
                self.audit_rate, self.stakes.index(self.slash), "*", color="#1f6fb4", markeredgecolor="white",
                markersize=17, label="the contracts as deployed",
            )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        axes.set_yticks(places, [f"{s:g}" for s in self.stakes])
        axes.set_xlabel("audit rate")
        axes.set_ylabel("stake, in prices of a job")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        yield coase.Picture(
            figure,
            "Providers that only learn from their own payoffs stop cheating (green) where the closed form says. Near "
            "the line, and where audits are rare, some have not been caught yet and go on. The star is where the "
            "contracts stand as deployed.",
        )
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        axes = figure.subplots()
        names = list(ways)[::-1]
        lengths = [1.0 if ways[name] is None else ways[name] for name in names]
        colours = ["#b3261e" if ways[name] is None else "#1f6fb4" for name in names]
        axes.barh(names, np.array(lengths, np.float64), color=colours)
        for place, name in enumerate(names):
            rate = ways[name]
            axes.text(lengths[place] or 0, place, "  no rate deters" if rate is None else f"  {rate:.1%}", va="center")
        axes.axvline(self.formula(10) or 1, color="black", linestyle=":", label="closed form")
        axes.set_xlim(0, max(1.15 * float(max(x or 0 for x in lengths)), 0.1))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("audit rate that is needed to deter, stake 10")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        yield coase.Picture(figure, "Where strategic behaviour breaks the formula, and where it does not.")


def _mean(rates: list[float | None]) -> float | None:
    found = [rate for rate in rates if rate is not None]
    return float(np.mean(found)) if len(found) == len(rates) else None


def _percent(rate: float | None) -> str:
    return "more than all" if rate is None else f"{rate:.2g}" if rate < 0.001 else f"{rate:.1%}"


def _times(ways: Mapping[str, float | None], word: str, base: float) -> str:
    rate = next(rate for way, rate in ways.items() if word in way)
    return "more than all" if rate is None else f"{rate / base:.1f} times"
