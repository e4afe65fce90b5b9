"""What one seat in a market earns, by who sits in it: a trader that learned, beside published strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

import coase
from coase.market.study import DIFFERENT

NAMES = {
    "learned_trader": "learned", "zi_c": "ZI-C", "zip": "ZIP", "gd": "GD", "aa": "AA", "kaplan": "Kaplan",
}  # fmt: skip
MARKETS: dict[str, dict[str, Any]] = {
    "as in training": {"demand": coase.Uniform(50, 150), "supply": coase.Uniform(50, 150), "high": 300},
    "other limits": {"demand": coase.Uniform(80, 200), "supply": coase.Uniform(20, 120), "high": 400},
    "other limits, three days": {
        "demand": coase.Uniform(30, 60), "supply": coase.Uniform(10, 90), "high": 100, "days": 3,
    },
}  # fmt: skip


class OneSeat(coase.Study):
    """One trader among eleven of another kind, in the very same runs as every other candidate for its seat."""

    question: ClassVar[str] = "What does one seat in a market earn, by who sits in it, and does learning pay?"
    method: ClassVar[str] = (
        "Eleven ZI-C or eleven ZIP traders and one seat, half of the time a buyer's, in a continuous double auction "
        "with one unit a day and limits drawn anew in each run. Every candidate sits in the very same runs: the same "
        "limits and turns. Its profit is divided by what the seat would earn at the equilibrium price. Differences "
        "are paired by batch, with 95% intervals over batches. One market has the limits of the learned trader's "
        "training, two have others."
    )
    quick: ClassVar[Mapping[str, Any]] = {
        "batches": 3,
        "runs": 4,
        "seats": ("learned_trader", "zip"),
        "others": ("zip",),
    }

    seats: Annotated[tuple[str, ...], DIFFERENT] = Field(
        default=("learned_trader", "zi_c", "zip", "gd", "aa", "kaplan"), min_length=2, description="candidates"
    )
    others: Annotated[tuple[str, ...], DIFFERENT] = Field(
        default=("zi_c", "zip"), min_length=1, description="kinds of the eleven others"
    )
    batches: int = Field(default=20, ge=2, le=1000, description="independent samples, for the intervals")
    runs: int = Field(default=50, ge=1, le=100_000, description="in each, on each side")

    def cells(self) -> list[dict[str, Any]]:
        """Each market with each kind of others, in each batch."""
        return [
            {"market": market, "others": others, "batch": batch}
            for market in MARKETS
            for others in self.others
            for batch in range(self.batches)
        ]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """A row a candidate. The seed is that of the batch, so that all candidates have the same runs."""
        return [{"seat": seat, **self._earned(seat, cell)} for seat in self.seats]

    def _earned(self, seat: str, cell: Any) -> dict[str, float]:
        """What the seat earns, and what it would at the equilibrium price, in ticks a day."""
        earned, fair = [], []
        for place, traders in ((0, [(seat, 1), (cell["others"], 11)]), (11, [(cell["others"], 11), (seat, 1)])):
            run = coase.simulate(
                traders=traders, runs=self.runs, seed=coase.session_seed(self.seed, cell["batch"]),
                **MARKETS[cell["market"]],
            )  # fmt: skip
            mine = run.crowd.names[0 if place == 0 else 1]
            earned += [row["profit"] for row in run.profits() if row["traders"] == mine]
            side = 1 if place == 0 else -1
            for number, session in enumerate(run.sessions):
                gain = side * (session.limits[0, place] - run.held["equilibrium"][number, 0])
                fair.append(max(0.0, float(gain)))
        return {"profit": float(np.mean(earned)), "fair": float(np.mean(fair))}

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Shares of the equilibrium's profit, and the first candidate's lead over each other."""
        shares = self._shares(rows)
        first = self.seats[0]
        summary, findings = [], []
        for place in dict.fromkeys((row["market"], row["others"]) for row in rows):
            for seat in self.seats:
                mean, half = _interval(shares[*place, seat])
                lead, room = _interval(shares[*place, first] - shares[*place, seat])
                summary.append(
                    {
                        "market": place[0], "the others": _name(place[1]), "seat": _name(seat), "profit": mean,
                        "low": mean - half, "high": mean + half, f"{_name(first)} earns more by": lead,
                        "at least": lead - room, "at most": lead + room,
                    }
                )  # fmt: skip
            best = max((seat for seat in self.seats if seat != first), key=lambda s: shares[*place, s].mean())
            own, (lead, room) = shares[*place, first].mean(), _interval(shares[*place, first] - shares[*place, best])
            verdict = "more than" if lead > room else "less than" if lead < -room else "as much, within error, as"
            findings.append(
                f"{place[0].capitalize()}, among {_name(place[1])}: {_name(first)} earns {own:.2f} of the seat's share "
                f"at the equilibrium price, {verdict} the best of the others, {_name(best)} "
                f"({shares[*place, best].mean():.2f}; difference {lead:+.2f} +- {room:.2f})."
            )
        return coase.Shown(findings=findings, summary=summary, pictures=self._pictures(shares))

    def _shares(self, rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], Any]:
        """(market, others, seat) -> profits by batch, in shares of the mean profit at equilibrium."""
        found = {}
        for key in dict.fromkeys((row["market"], row["others"], row["seat"]) for row in rows):
            mine = [row for row in rows if (row["market"], row["others"], row["seat"]) == key]
            fair = np.mean([row["fair"] for row in mine])
            found[key] = np.array([row["profit"] for row in mine]) / fair
        return found

    def _pictures(self, shares: Mapping[tuple[str, str, str], Any]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 4), layout="constrained")
        for axes, market in zip(np.atleast_1d(figure.subplots(1, len(MARKETS), sharey=True)), MARKETS, strict=True):
            for shift, others in enumerate(self.others):
                held = [_interval(shares[market, others, seat]) for seat in self.seats]
                places = np.arange(len(self.seats)) + 0.16 * shift
                means, halves = np.array(held).T
                axes.errorbar(places, means, halves, fmt="o", capsize=3, label=f"among {_name(others)}")
            axes.axhline(1, color="black", linestyle=":", linewidth=1)
            axes.set_xticks(range(len(self.seats)), map(_name, self.seats), rotation=30)
            axes.set_title(market, fontsize=10)
        figure.axes[0].set_ylabel("profit of the seat; 1 is its share at equilibrium")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(self.others))
        yield coase.Picture(figure, "With 95% confidence intervals. The axes do not begin at 0.")


def _name(kind: str) -> str:
    return NAMES.get(kind, kind)


def _interval(values: Any) -> tuple[float, float]:
    """The mean, and the half width of its 95% interval."""
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
