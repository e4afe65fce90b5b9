"""A week of a GPU market with day cycles: spot prices beside prices posted for the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase
from coase.market.measures import competitive

HOURS = 168
COST = (30, 110)  # cents an hour: power, wear, what the owner forgoes
VALUE = (60, 260)  # cents an hour, at the mean of the day
SWING, WEEKEND = 60, -30  # cents by which values move over the day, and at the weekend
COLOURS = {"spot market": "#1f6fb4", "posted, best for sellers": "#b3261e", "posted, best for all": "#d9a02c"}
SPOT, CLOUD, BEST = COLOURS


class GpuSpot(coase.Study):
    """Owners of GPUs and buyers of GPU hours, 168 hours with day cycles: a spot market beside posted prices."""

    question: ClassVar[str] = "How much cheaper is a spot market for GPU hours than a posted price, by a stated method?"
    method: ClassVar[str] = (
        "Each hour, owners have costs uniform from 0.30 to 1.10 and buyers value an hour at 0.60 to 2.60, plus up to "
        "0.60 by day, less as much by night, less 0.30 at the weekend; both are drawn anew each hour. Spot: ZIP "
        "traders in a continuous double auction, a trading day an hour. Posted: one price for the week, on the "
        "very same costs and values; buyers that value an hour more are served in random order while owners that "
        "cost less have any. The price is the one that earns sellers most (what a cloud would post), or the one "
        "that realises most gains (the best that one price can do), both found with hindsight. Saving: over the "
        "buyer-hours that both serve, 1 - paid in the spot market / paid at the posted price. What only one of them "
        "serves is no saving; it shows in utilisation and gains. Costs and values are assumptions, not measured."
    )
    quick: ClassVar[Mapping[str, Any]] = {"weeks": 3, "traders": 24, "turns": 15}

    weeks: int = Field(default=20, ge=2, le=10_000, description="independent weeks, for the standard error")
    traders: int = Field(default=100, ge=4, le=10_000, description="half owners of a GPU, half buyers")
    turns: int = Field(default=20, ge=1, le=10_000, description="quotes of each trader an hour, on average, at most")

    def cells(self) -> list[dict[str, Any]]:
        """The weeks."""
        return [{"week": index} for index in range(self.weeks)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """A row an hour and way to trade: paid, sold, gained, and the cost of hours that the spot sold, too."""
        steps = np.diff(cycle(), prepend=0).tolist()
        run = coase.simulate(
            "double_auction",
            traders={"zip": self.traders},
            demand=coase.Uniform(*VALUE),
            supply=coase.Uniform(*COST),
            days=HOURS,
            turns=self.turns,
            high=600,
            seed=seed,
            world=coase.World(redraw=True, shocks={hour: (step, 0) for hour, step in enumerate(steps) if step}),
        )
        limits = run.sessions[0].limits
        values, costs = limits[:, 0::2], limits[:, 1::2]
        paid = np.full(values.shape, np.nan)
        for day, _, buyer, _, price, *_ in run.sessions[0].trades.tolist():
            paid[day, buyer // 2] = price
        queue = np.random.default_rng(seed).random(values.shape).argsort(axis=1)
        posted = [post(price, values, costs, queue) for price in range(COST[0], VALUE[1] + SWING, 5)]
        possible = [competitive(v, c)[1] for v, c in zip(values, costs, strict=True)]
        ways = {
            SPOT: (paid, run.held["gained"][0]),
            CLOUD: max(posted, key=lambda one: one[2])[:2],
            BEST: max(posted, key=lambda one: one[1].sum())[:2],
        }
        rows = []
        for way, (cost, gains) in ways.items():
            both = np.isfinite(cost) & np.isfinite(paid)
            rows += [
                {
                    "hour": hour,
                    "way": way,
                    "paid": float(np.nansum(cost[hour])),
                    "sold": int(np.isfinite(cost[hour]).sum()),
                    "gains": float(gains[hour]),
                    "possible": float(possible[hour]),
                    "both_here": float(cost[hour][both[hour]].sum()),
                    "both_spot": float(paid[hour][both[hour]].sum()),
                }
                for hour in range(HOURS)
            ]
        return rows

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Saving, utilisation and gains of each way, over weeks."""
        found = {way: self._weeks([row for row in rows if row["way"] == way]) for way in COLOURS}
        saving, fair = found[CLOUD]["saving"], found[BEST]["saving"]
        use = {way: one["use"][0] for way, one in found.items()}
        gains = {way: one["realised"][0] for way, one in found.items()}
        hours = {way: self._hours([row for row in rows if row["way"] == way]) for way in COLOURS}
        return coase.Shown(
            findings=[
                (
                    f"For hours that both sell, spot is {saving[0]:.0%} cheaper than the price a cloud would post "
                    f"(95% interval {saving[0] - 1.96 * saving[1]:.1%} to {saving[0] + 1.96 * saving[1]:.1%})."
                ),
                (
                    f"Against the best single price that there is, spot is {abs(fair[0]):.1%} "
                    f"{'cheaper' if fair[0] > 0 else 'dearer'}: the rest of the saving is the cloud's market power."
                ),
                (
                    f"GPUs are in use for {use[SPOT]:.0%} of the hours, against {use[CLOUD]:.0%} at the cloud's price "
                    f"and {use[BEST]:.0%} at the best one."
                ),
                f"Realised are {gains[SPOT]:.1%}, {gains[CLOUD]:.1%} and {gains[BEST]:.1%} of the possible gains.",
                f"The spot price follows the day: {hours[SPOT][0].min():.2f} to {hours[SPOT][0].max():.2f} an hour.",
            ],
            comparisons=[
                coase.Comparison(
                    "saving against the price a cloud would post",
                    saving[0],
                    error=saving[1],
                    source="networks claim 0.5 to 0.9",
                    confidence="B",
                    why="Networks name no method; ours is stated, and depends on the assumed costs and values.",
                )
            ],
            summary=[
                {
                    "way": way,
                    "mean price, cents": one["price"][0],
                    "GPUs in use": one["use"][0],
                    "realised": one["realised"][0],
                    "realised, error": one["realised"][1],
                    "spot is cheaper by": one["saving"][0],
                    "low": one["saving"][0] - 1.96 * one["saving"][1],
                    "high": one["saving"][0] + 1.96 * one["saving"][1],
                }
                for way, one in found.items()
            ],
            pictures=self._pictures(hours),
        )

    def _weeks(self, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
        """Means over weeks, with their standard errors."""
        names = ("paid", "sold", "gains", "possible", "both_here", "both_spot")
        sums = {n: np.array([row[n] for row in rows], np.float64).reshape(-1, HOURS).sum(axis=1) for n in names}
        found = {
            "price": sums["paid"] / np.maximum(sums["sold"], 1),
            "use": sums["sold"] / (HOURS * (self.traders // 2)),
            "realised": sums["gains"] / sums["possible"],
            "saving": 1 - sums["both_spot"] / np.maximum(sums["both_here"], 1),
        }
        return {n: (float(v.mean()), float(v.std(ddof=1) / np.sqrt(len(v)))) for n, v in found.items()}

    def _hours(self, rows: Sequence[dict[str, Any]]) -> tuple[Any, Any]:
        """Price in whole coins and utilisation in each hour of the week."""
        paid, sold = (np.array([row[n] for row in rows], np.float64).reshape(-1, HOURS) for n in ("paid", "sold"))
        return paid.sum(axis=0) / np.maximum(sold.sum(axis=0), 1) / 100, sold.mean(axis=0) / (self.traders // 2)

    def _pictures(self, hours: Mapping[str, tuple[Any, Any]]) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(9.5, 5), layout="constrained")
        top, low = figure.subplots(2, 1, sharex=True)
        days = np.arange(HOURS) / 24
        for way, (price, use) in hours.items():
            top.plot(days, price, color=COLOURS[way], label=way)
            low.plot(days, use, color=COLOURS[way])
        top.set_ylabel("price of a GPU hour, $")
        top.set_ylim(0, None)
        top.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        low.set_ylabel("GPUs in use")
        low.set_ylim(0, 1)
        low.yaxis.set_major_formatter(PercentFormatter(1))
        low.set_xticks(np.arange(7) + 0.5, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
        for axes in (top, low):
            for day in range(1, 7):
                axes.axvline(day, color="#e2e5ec", linewidth=1, zorder=0)
        yield coase.Picture(
            figure,
            "An average week. A posted price leaves GPUs idle at night and stays where it is by day; the spot price "
            "moves, so that more of them are in use.",
        )


def cycle() -> Any:
    """What is added to values in each hour of the week, from Monday 0:00."""
    hour = np.arange(HOURS)
    return np.rint(SWING * np.sin(2 * np.pi * (hour % 24 - 8) / 24) + np.where(hour >= 120, WEEKEND, 0)).astype(
        np.int64
    )


def post(price: int, values: Any, costs: Any, queue: Any) -> tuple[Any, Any, float]:
    """(what each buyer paid in each hour, gains by hour, the sellers' profit) at one price for the week."""
    offers = np.sort(np.where(costs <= price, costs, 10**6), axis=1)
    supply = (offers < 10**6).sum(axis=1)
    served = np.zeros(values.shape, np.bool_)
    wants = np.take_along_axis(values >= price, queue, axis=1)
    np.put_along_axis(served, queue, wants & (wants.cumsum(axis=1) <= supply[:, None]), axis=1)
    sold = served.sum(axis=1)
    spent = np.where(np.arange(offers.shape[1]) < sold[:, None], offers, 0).sum(axis=1)
    gains = np.where(served, values, 0).sum(axis=1) - spent
    return np.where(served, float(price), np.nan), gains, float(price * sold.sum() - spent.sum())
