"""The report of a tournament: one page that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coase.errors import MissingExtra, UsageError
from coase.negotiation.tournament.scores import HEADS, LEVEL, Standing
from coase.page import Page
from coase.whole import check_place

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coase.negotiation.tournament.result import TournamentResult

INK, SOFT, FILL = "#333333", "#8a8f98", "#1f6fb4"
MOST_DRAWN = 40  # skills in a plot; of more, the best


def page(result: TournamentResult) -> Page:
    """The page. `MissingExtra` where matplotlib is not installed."""
    lines = result.standings
    best, asked = lines[0], result.parameters
    made = Page("Tournament", f"{best.skill} has the best score: {best.score:.3f} ({best.low:.3f} to {best.high:.3f}).")
    made.cards(
        [
            (f"{len(lines):,}", "skills"),
            (f"{len(result.scenarios):,}", "scenarios"),
            (f"{len(result.rows):,}", "negotiations"),
            (f"{np.mean([row.agreed for row in result.rows]):.1%}", "ended in a deal"),
        ]
    )
    made.heading("Table").text(
        "Every ordered pair bargained over every scenario. The score is the mean utility, from 0 to 1, over both "
        f"roles; low and high are its {LEVEL:.0%} interval (bootstrap over scenarios)."
    )
    made.table(HEADS, [line.cells() for line in lines])
    made.figure(_bars(lines))
    made.heading("Who earns what against whom").text("Mean utility of the row's skill against the column's.")
    made.figure(_payoffs(result))
    made.heading("What a population would choose").text(
        "Replicator dynamics: skills that earn more than the average spread. "
        f"At the end the best skill could gain {result.dynamics.regret:.4f} more than the mixture earns."
    )
    made.figure(_dynamics(result))
    broken = [line for line in lines if line.failed]
    if broken:
        made.heading("Lost by rule").text("A skill that broke a rule scored 0 in that negotiation.")
        made.table(("skill", "times", "first reason"), [(line.skill, line.failed, line.why) for line in broken])
    return made.heading("Parameters").table(("name", "value"), list(asked.items()))


def check(path: str | Path) -> None:
    """Raise what would keep the page from being written there, before the tournament is held.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: a name that is no page's.
        ConfigurationError: the disk or the folder does not take it.
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the report is a page, not {Path(path).name}", hint="end it in .html", code="bad_page")
    check_place(path)
    _figure(1, 1)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("the report of a tournament", "plot") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _bars(lines: tuple[Standing, ...]) -> Figure:
    shown = lines[:MOST_DRAWN][::-1]
    figure, axes = _figure(9, 0.9 + 0.32 * len(shown))
    scores = np.array([line.score for line in shown])
    gaps = np.array([[line.score - line.low, line.high - line.score] for line in shown]).T
    axes.barh(range(len(shown)), scores, xerr=np.maximum(gaps, 0), color=FILL, ecolor=INK, height=0.62, capsize=3)
    axes.set_yticks(range(len(shown)), [line.skill for line in shown], parse_math=False)
    axes.set_xlabel("score: mean utility, with its interval")
    axes.set_xlim(0, 1)
    return figure


def _payoffs(result: TournamentResult) -> Figure:
    order = [result.labels.index(line.skill) for line in result.standings[:MOST_DRAWN]]
    table = result.payoff[np.ix_(order, order)]
    names = [result.labels[k] for k in order]
    size = 2.6 + 0.55 * len(names)
    figure, axes = _figure(min(11, 1.6 + size), min(9, size))
    image = axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(names) <= 12:
        for (i, j), value in np.ndenumerate(table):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else INK, size=9)
    figure.colorbar(image, ax=axes, shrink=0.8, label="mean utility")
    return figure


def _dynamics(result: TournamentResult) -> Figure:
    figure, axes = _figure(9, 3.8)
    path = result.dynamics
    largest = np.argsort(-path.shares.max(axis=0), kind="stable")[:10]
    for k in largest:
        axes.plot(path.times, path.shares[:, k], linewidth=1.8, label=result.labels[k])
    axes.set_xlabel("time (units of one over the spread of payoffs)")
    axes.set_ylabel("share of the population")
    axes.set_ylim(0, 1.02)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, path.times[-1])
    legend = axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for label in legend.get_texts():
        label.set_parse_math(False)
    return figure
