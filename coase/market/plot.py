"""Pictures of a simulation: how it converges over the days, and where its trades lie between demand and supply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coase.errors import MissingExtra, UsageError
from coase.market.measures import Floats
from coase.negotiation.plot import COLOURS, FORMATS, INK, SOFT, STYLE
from coase.page import Page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from coase.market.run import Run

DEAL = "#1a8a4c"
MOST_TRADERS, MOST_DOTS = 2000, 3000  # drawn; of more, every n-th


def save(run: Run, path: str | Path) -> Path:
    """Write both pictures side by side into a .png, .svg or .pdf file."""
    file = Path(path)
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw {file.name}", hint=f"end it in {', '.join(FORMATS)}", code="bad_picture")
    if not file.parent.is_dir():
        raise UsageError(f"no folder {file.parent}", hint="make it first", code="bad_picture")
    undated: Any = {".svg": dict.fromkeys(("Date", "Creator", "Format", "Type")), ".pdf": {"CreationDate": None}}
    from_style = _context()
    with from_style:
        figure(run).savefig(file, dpi=150, metadata=undated.get(file.suffix.lower()))
    return file


def figure(run: Run) -> Figure:
    """Convergence on the left, demand, supply and trades of the first run on the right."""
    with _context():
        from matplotlib.figure import Figure

        drawn = Figure(figsize=(11, 4.4), layout="constrained")
        left, right = drawn.subplots(1, 2)
        _convergence(left, run)
        _market(right, run)
        names = ", ".join(f"{n} {name}" for name, n in zip(run.crowd.names, run.crowd.counts, strict=True))
        drawn.suptitle(
            f"{run.market.replace('_', ' ')}: {names[:60]}; efficiency {run.efficiency:.1%} over {run.runs:,} runs",
            x=0.01, ha="left", fontsize=12, fontweight="bold", parse_math=False,
        )  # fmt: skip
    return drawn


def page(run: Run) -> Page:
    """A report in one file."""
    shown = Page(f"Simulation: {run.market.replace('_', ' ')}", f"{run.runs:,} runs of {run.rules.days} days.")
    last = run.alpha[-1]
    shown.cards(
        [
            (f"{run.efficiency:.2%}", "efficiency"),
            (f"{run.alpha[0]:.1f}%" if run.alpha[0] == run.alpha[0] else "-", "Smith's alpha on the first day"),
            (f"{last:.1f}%" if last == last else "-", "Smith's alpha on the last day"),
        ]
    )
    shown.figure(figure(run), "Bands and bars are 95% confidence intervals of the mean over runs.")
    rows = run.summary()
    shown.heading("Measures, means over runs").table(list(rows[0]), [list(row.values()) for row in rows])
    if run.failed:
        shown.heading("Traders that failed").table(("run", "trader", "what happened"), run.failed[:100])
    return shown


def _context() -> Any:
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise MissingExtra("drawing a market", "plot") from error
    return rc_context(STYLE)


def _convergence(ax: Axes, run: Run) -> None:
    days = np.arange(1, run.rules.days + 1)
    marker = "o" if len(days) <= 60 else ""
    for name, colour, scale, label in (
        ("alpha", COLOURS["seller"], 1.0, "Smith's alpha: prices around equilibrium, %"),
        ("efficiency", COLOURS["buyer"], 100.0, "efficiency, % of possible surplus"),
    ):
        middle, half = _interval(run.held[name] * scale)
        centre = run.per_day[name] * scale
        ax.fill_between(days, middle - half, middle + half, color=colour, alpha=0.2, linewidth=0)
        ax.plot(days, centre, color=colour, marker=marker, markersize=4, label=label)
    ax.set_xlabel("day")
    ax.set_ylabel("percent")
    ax.set_ylim(bottom=min(0.0, float(np.nanmin(run.per_day["efficiency"])) * 100))
    ax.set_title("Convergence")
    ax.legend(loc="center right", frameon=False, fontsize=9)
    _whole(ax)


def _market(ax: Axes, run: Run) -> None:
    if not run.sessions:
        ax.text(0.5, 0.5, "trades were not kept", ha="center", transform=ax.transAxes)
        return
    session = run.sessions[0]
    day = run.rules.days - 1
    worth = session.limits[min(day, len(session.limits) - 1)]
    every = max(1, len(worth) // MOST_TRADERS)
    for side, name, sign in ((1, "buyer", -1), (-1, "seller", 1)):
        limits = np.sort(sign * worth[run.crowd.sides == side])[::every] * sign
        units = np.arange(len(limits) + 1) * every * run.rules.units
        label = "demand (buyers' limits)" if side > 0 else "supply (sellers' limits)"
        ax.stairs(limits, units, baseline=None, color=COLOURS[name], linewidth=1.6, label=label)  # type: ignore[index]
    trades = session.trades[session.trades[:, 0] == day]
    sold = np.cumsum(trades[:, 6])
    skip = max(1, len(trades) // MOST_DOTS)
    ax.plot(
        sold[::skip] - 0.5, trades[::skip, 4], marker="o", markersize=4, linestyle="", color=DEAL, alpha=0.8,
        label=f"trades of day {day + 1}, in their order",
    )  # fmt: skip
    price = run.held["equilibrium"][0, day]
    if price == price:
        ax.axhline(price, color=INK, linestyle=":", linewidth=1, label=f"equilibrium price {price:g}")
    ax.set_xlabel("units")
    ax.set_ylabel("price (ticks)")
    ax.set_title("Demand, supply and trades of the first run")
    ax.legend(loc="upper center", ncols=2, frameon=True, edgecolor=SOFT, fontsize=8)
    ax.margins(y=0.3)
    _whole(ax)


def _whole(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _interval(values: Floats) -> tuple[Floats, Floats]:
    """Mean over runs and half the width of its 95% interval, a number a day."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    held = np.where(known, values, 0.0)
    middle = held.sum(axis=0) / count
    spread = np.where(known, (values - middle) ** 2, 0.0).sum(axis=0) / np.maximum(count - 1, 1)
    return middle, 1.96 * np.sqrt(spread / count)
