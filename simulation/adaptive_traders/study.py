"""Which trading strategy earns most, alone and beside others: ZIP, GD, MGD, AA, and ZI-C as the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

import coase
from coase.market.study import DIFFERENT

NAMES = {"zi_c": "ZI-C", "zip": "ZIP", "gd": "GD", "mgd": "MGD", "aa": "AA"}
COLOURS = {"zi_c": "#8a8f9c", "zip": "#1f6fb4", "gd": "#d9642c", "mgd": "#a8a51e", "aa": "#1a8a4c"}
SPLINE = "Our GD takes its belief at each tick, where the paper joins observed prices by cubic splines."
Who = tuple[str, ...]


class AdaptiveTraders(coase.Study):
    """Homogeneous markets of each strategy, and mixed ones in which all compete for the same gains."""

    question: ClassVar[str] = "Which trading strategy earns most, among its like and in mixed company?"
    method: ClassVar[str] = (
        "Traders of one unit a day, half buyers, with limits uniform from 75 to 325 drawn anew in each run and the "
        "same for every population, trade for some days in a continuous double auction. Alone: all follow one "
        "strategy. Mixed: as many of each of two, or of all. A strategy's profit is divided by what its traders "
        "would earn at the equilibrium price, so that 1 is the market's own share. Intervals are over independent "
        "batches of runs."
    )
    quick: ClassVar[Mapping[str, Any]] = {"batches": 4, "runs": 3, "days": 2, "strategies": ("zi_c", "zip")}

    strategies: Annotated[tuple[str, ...], DIFFERENT] = Field(
        default=("zi_c", "zip", "gd", "mgd", "aa"), min_length=2, description="to try"
    )
    batches: int = Field(default=10, ge=2, le=1000, description="independent samples, for the standard error")
    runs: int = Field(default=10, ge=1, le=100_000, description="in each")
    days: int = Field(default=5, ge=1, le=1000, description="trading days of a run; traders remember")
    traders: int = Field(default=40, ge=4, le=10_000, description="in a market; shared out among its strategies")

    def populations(self) -> list[Who]:
        """Each alone, all pairs, everybody."""
        kinds = self.strategies
        pairs = [(one, other) for i, one in enumerate(kinds) for other in kinds[i + 1 :]]
        return [*((one,) for one in kinds), *pairs, *([kinds] if len(kinds) > 2 else [])]

    def cells(self) -> list[dict[str, Any]]:
        """Each population in each batch."""
        return [{"who": "+".join(who), "batch": n} for who in self.populations() for n in range(self.batches)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """A row for each strategy of the population. The seed is that of the batch, so that limits are the same."""
        who = cell["who"].split("+")
        run = coase.simulate(
            "double_auction",
            traders=dict.fromkeys(who, self.traders // len(who) // 2 * 2),
            demand=coase.Uniform(75, 325),
            supply=coase.Uniform(75, 325),
            days=self.days,
            runs=self.runs,
            seed=coase.session_seed(self.seed, cell["batch"]),
        )
        fair = np.mean(
            [
                np.maximum(0.0, run.crowd.sides * (session.limits[0] - run.held["equilibrium"][n, 0]))
                for n, session in enumerate(run.sessions)
            ],
            axis=0,
        )
        profits = run.profits()
        first = run.crowd.first
        return [
            {
                "traders": kind,
                "efficiency": run.efficiency,
                "last": float(run.per_day["efficiency"][-1]),
                "alpha": float(run.alpha[-1]),
                "profit": float(np.mean([row["profit"] for row in profits if row["traders"] == kind]))
                / float(fair[first[k] : first[k + 1]].mean()),
            }
            for k, kind in enumerate(who)
        ]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Efficiency alone, profits in company."""
        held = {
            (who, one): _estimate([r for r in rows if r["who"] == "+".join(who) and r["traders"] == one])
            for who in self.populations()
            for one in who
        }
        alone = {one: held[(one,), one] for one in self.strategies}
        mixed = self.populations()[-1]
        best = max(mixed, key=lambda one: held[mixed, one]["profit"])
        worst = min(mixed, key=lambda one: held[mixed, one]["profit"])
        efficient = max(alone, key=lambda one: alone[one]["efficiency"])
        least = min(one["efficiency"] for one in alone.values())
        return coase.Shown(
            findings=[
                (
                    f"With all strategies in one market, {_name(best)} earns most, {held[mixed, best]['profit']:.2f} "
                    f"times its share at the equilibrium price, and {_name(worst)} least, "
                    f"{held[mixed, worst]['profit']:.2f}."
                ),
                (
                    f"Alone, they realise from {least:.1%} to {alone[efficient]['efficiency']:.1%} of the possible "
                    f"gains; {_name(efficient)} most."
                ),
                (
                    "Where intervals overlap, the order proves nothing. A strategy that learns gains in company mostly "
                    "what others give away: compare its profit beside ZI-C with that beside its like."
                ),
            ],
            comparisons=self._comparisons(alone, rows),
            summary=[
                {
                    "population": " + ".join(map(_name, who)),
                    "strategy": _name(kind),
                    "profit, of its share": one["profit"],
                    "low": one["profit"] - 1.96 * one["profit_error"],
                    "high": one["profit"] + 1.96 * one["profit_error"],
                    "efficiency of the market": one["efficiency"],
                    "alpha on the last day, %": one["alpha"],
                }
                for (who, kind), one in held.items()
            ],
            pictures=self._pictures(held),
        )

    def _comparisons(
        self, alone: Mapping[str, Mapping[str, float]], rows: Sequence[dict[str, Any]]
    ) -> list[coase.Comparison]:
        found = []
        for one, known, source, spline in (
            ("zip", 0.995, "Cliff 1997: more than", ""),
            ("gd", 1.0, "Gjerstad and Dickhaut 1998: near complete", SPLINE),
        ):
            if one in alone:
                found.append(
                    coase.Comparison(
                        f"{_name(one)} alone: efficiency on the last day",
                        alone[one]["last"],
                        known,
                        alone[one]["last_error"],
                        source,
                        "B",
                        0.02,
                        f"Published for few traders with set limits; ours draws limits at random. {spline}".strip(),
                    )
                )
        if {"aa", "zip"} <= {*alone}:
            found.append(
                coase.Comparison(
                    "AA over ZIP, alone: efficiency",
                    alone["aa"]["efficiency"] - alone["zip"]["efficiency"],
                    0.052,
                    float(np.hypot(alone["aa"]["efficiency_error"], alone["zip"]["efficiency_error"])),
                    "Vytelingum 2008, up to",
                    "B",
                    why="Published as 'up to', over several markets; in this one ZIP leaves less to gain.",
                )
            )
        if {"gd", "mgd"} <= {*alone}:
            who = next(who for who in self.populations() if {*who} == {"gd", "mgd"})
            gd, mgd = (
                np.array([r["profit"] for r in rows if r["who"] == "+".join(who) and r["traders"] == one])
                for one in ("gd", "mgd")
            )
            ahead, error = float((mgd - gd).mean()), float((mgd - gd).std(ddof=1) / np.sqrt(len(gd)))
            won = "ahead of" if ahead > 2 * error else "behind" if ahead < -2 * error else "level with"
            found.append(
                coase.Comparison(
                    "MGD over GD, half and half: profit, in shares",
                    ahead,
                    error=error,
                    source="Tesauro and Das 2001: MGD beats GD",
                    confidence="B",
                    why=f"Published for other markets, as an order without one figure; in this one MGD is {won} GD.",
                )
            )
        return found

    def _pictures(self, held: Mapping[tuple[Who, str], Mapping[str, float]]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(9.5, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        mixed = self.populations()[-1]
        for axes, name in ((left, "efficiency"), (right, "profit")):
            kinds = self.strategies if name == "efficiency" else mixed
            for place, kind in enumerate(kinds):
                one = held[(kind,) if name == "efficiency" else mixed, kind]
                error = 1.96 * one[f"{name}_error"]
                axes.errorbar(
                    place, one[name], error, fmt="o", color=COLOURS.get(kind, "#667"), capsize=4, markersize=8
                )
                text = f"  {one[name]:.1%}" if name == "efficiency" else f"  {one[name]:.2f}"
                axes.text(place + 0.1, one[name], text, va="center", fontsize=9)
            axes.set_xticks(range(len(kinds)), [_name(kind) for kind in kinds])
            axes.set_xlim(-0.5, len(kinds))
        left.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        left.set_title("alone: realised of the possible gains", fontsize=10)
        right.axhline(1, color="black", linestyle=":", linewidth=1)
        right.set_title("all together: profit, 1 is the share at equilibrium", fontsize=10)
        yield coase.Picture(figure, "With 95% confidence intervals. The axes do not begin at 0.")
        n = len(self.strategies)
        gap = np.full((n, n), np.nan)
        for i, mine in enumerate(self.strategies):
            for j, other in enumerate(self.strategies):
                if i != j:
                    who = (mine, other) if i < j else (other, mine)
                    gap[i, j] = held[who, mine]["profit"] - held[who, other]["profit"]
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.subplots()
        most = float(np.nanmax(np.abs(gap))) or 1.0
        mesh = axes.imshow(gap, cmap="RdYlGn", vmin=-most, vmax=most, aspect="auto")
        for (i, j), value in np.ndenumerate(gap):
            axes.text(j, i, "" if np.isnan(value) else f"{value:+.2f}", ha="center", va="center")
        axes.set_xticks(range(n), map(_name, self.strategies))
        axes.set_yticks(range(n), map(_name, self.strategies))
        axes.set_ylabel("this strategy earns more (green)")
        axes.set_xlabel("than this one, half and half in one market")
        figure.colorbar(mesh, ax=axes, label="difference of profits, in shares")
        yield coase.Picture(figure, "Two by two: the profit of the row's traders less that of the column's.")


def _name(kind: str) -> str:
    return NAMES.get(kind, kind)


def _estimate(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    found = {}
    for name in ("efficiency", "last", "alpha", "profit"):
        values = np.array([row[name] for row in rows], np.float64)
        found[name] = float(values.mean())
        found[f"{name}_error"] = float(values.std(ddof=1) / np.sqrt(len(values)))
    return found
