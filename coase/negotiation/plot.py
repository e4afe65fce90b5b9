"""Pictures of a negotiation: the offers over the steps, and where they lie in the space of utilities."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coase.errors import MissingExtra, UsageError
from coase.negotiation.metrics import measure, pareto
from coase.negotiation.moves import PARTIES, Party, other
from coase.negotiation.trace import Trace
from coase.negotiation.utility import SLACK, Floats
from coase.whole import check_place, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from coase.negotiation.session import Result

FORMATS = (".png", ".svg", ".pdf")
COLOURS: dict[Party, str] = {"buyer": "#1f6fb4", "seller": "#d9642c"}
MARKERS: dict[Party, str] = {"buyer": "o", "seller": "s"}
INK, SOFT, DEAL = "#333333", "#c9ccd1", "#1a8a4c"
MOST_DOTS = 4000  # outcomes drawn as dots; of more, every n-th
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": "#8a8f98",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eceef1",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "coase",  # the same bytes each time
}


@dataclass(frozen=True, slots=True)
class View:
    """What is known about a session besides its moves, and how prices are written.

    Args:
        tables: utilities of all outcomes, of the buyer and the seller; None when they are private (a live deal).
        reservation: the utility of no deal, of the buyer and the seller.
        unit: of a price, for the axis.
        scale: units per integer price: 1e-6 shows base units as whole tokens.
    """

    tables: tuple[Floats, Floats] | None = None
    reservation: tuple[float, float] = (0.0, 0.0)
    unit: str = ""
    scale: float = 1.0


def save(result: Result, path: str | Path) -> Path:
    """Write the picture of a result to a .png, .svg or .pdf file and return its path.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: another file type, or a folder that does not exist.
        ConfigurationError: the disk or the folder does not take it.
    """
    file = _picture(path)
    view = View(result.tables, result.reservation)
    return write_whole(file, lambda part: _write(result.trace, view, part, file.suffix.lower()[1:]))


def check(path: str | Path) -> None:
    """Raise as `save` would, before the session that is to be drawn."""
    check_place(_picture(path))
    _drawing()


def svg(trace: Trace, view: View | None = None) -> str:
    """The picture as an SVG element, to be put into an HTML page. Without utilities, only the offers are drawn.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    held = io.StringIO()
    _write(trace, view or View(), held, "svg")
    text = held.getvalue()
    return text[text.index("<svg") :]


def concessions(result: Result, path: str | Path) -> Path:
    """Draw what each party asked for itself and offered the other over the steps, as shares of its utility range.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: another file type, or a folder that does not exist.
        ConfigurationError: the disk or the folder does not take it.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, 2, sharey=True)
        for ax, party, table, floor in zip(axes, PARTIES, result.tables, result.reservation, strict=True):
            span = (float(table.max()) - floor) or 1.0
            for who in (party, other(party)):
                made = np.array(result.trace.offers(who), np.int64).reshape(-1, 2)
                label = f"{who}'s offers" if party == PARTIES[0] else None
                ax.plot(
                    made[:, 0], (table[made[:, 1]] - floor) / span, color=COLOURS[who], marker=MARKERS[who],
                    markersize=2.6, linewidth=1.4, label=label,
                )  # fmt: skip
            ax.axhline(0, color=INK, linewidth=1, linestyle=(0, (5, 3)))
            if result.agreement is not None:  # before discounts, as the offers are
                at = (float(table[result.trace.domain.number(result.agreement)]) - floor) / span
                label = "agreement" if party == PARTIES[0] else None
                ax.plot([result.step], [at], marker="*", markersize=15, color=DEAL, linestyle="", label=label)
            ax.set_title(f"as the {party} sees it")
            ax.set_xlabel("step")
        axes[0].set_ylabel("share of the range from no deal (0) to best (1)")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
        figure.suptitle("Concessions", x=0.01, ha="left", fontsize=13, fontweight="bold")

    return chart(path, draw, (10.5, 4.4))


def chart(path: str | Path, draw: Callable[[Figure], None], size: tuple[float, float]) -> Path:
    """Draw a figure of this size in inches into a .png, .svg or .pdf file, and return its path.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: another file type, or a folder that does not exist.
        ConfigurationError: the disk or the folder does not take it.
    """
    file = _picture(path)
    return write_whole(file, lambda part: _figure(draw, size, part, file.suffix.lower()[1:]))


def _picture(path: str | Path) -> Path:
    file = Path(path)
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw {file.name}", hint=f"end it in {', '.join(FORMATS)}", code="bad_picture")
    if not file.parent.is_dir():
        raise UsageError(f"no folder {file.parent}", hint="make it first", code="bad_picture")
    return file


def _write(trace: Trace, view: View, target: Path | io.StringIO, kind: str) -> None:
    _figure(lambda figure: _draw(figure, trace, view), (10.5 if view.tables else 6.4, 4.7), target, kind)


def _figure(draw: Callable[[Figure], None], size: tuple[float, float], target: Path | io.StringIO, kind: str) -> None:
    rc_context, figure_of = _drawing()
    undated: Any = {"svg": dict.fromkeys(("Date", "Creator", "Format", "Type")), "pdf": {"CreationDate": None}}
    with rc_context(STYLE):
        figure = figure_of(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(target, format=kind, dpi=150, metadata=undated.get(kind))


def _drawing() -> tuple[Any, Any]:
    """What draws: `rc_context` and `Figure` of matplotlib."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing a negotiation", "plot") from error
    return rc_context, Figure


def _draw(figure: Figure, trace: Trace, view: View) -> None:
    axes = figure.subplots(1, 2 if view.tables else 1, squeeze=False)[0]
    height, label = _height(trace, view)
    _offers(axes[0], trace, view, height, label)
    if view.tables:
        _space(axes[1], trace, view, view.tables)
    shown: dict[str, Any] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            shown.setdefault(name, handle)
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    figure.suptitle(_headline(trace, view), x=0.01, ha="left", fontsize=13, fontweight="bold", parse_math=False)


def _offers(ax: Axes, trace: Trace, view: View, height: Floats, label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for party in PARTIES:
        made = np.array(trace.offers(party), np.int64).reshape(-1, 2)
        size = 4.5 if len(made) <= 40 else 2.6
        ax.plot(
            made[:, 0], height[made[:, 1]], color=COLOURS[party], marker=MARKERS[party], markersize=size,
            linewidth=1.4, label=f"{party}'s offers",
        )  # fmt: skip
    for party, level in _limits(trace, view, height).items():
        ax.axhline(level, color=COLOURS[party], linestyle=(0, (5, 3)), linewidth=1, label=f"{party}'s reservation")
    state = trace.session()
    if state.agreement is not None:
        x, y = state.step, float(height[state.agreement])
        ax.plot([trace[-2].step, x], [y, y], color=DEAL, linewidth=1.2, linestyle=":")
        ax.plot(
            [x], [y], marker="*", markersize=17, color=DEAL, markeredgecolor="white", linestyle="", label="agreement"
        )
    elif state.ended:
        ax.axvline(state.step, color=INK, linewidth=1, linestyle=":", label="end without a deal")
    ax.set_xlim(0.5, max(state.step * 1.04, state.step + 0.5))
    ax.set_ylim(*_margin(height))
    ax.set_xlabel("step (a round: the buyer moves, then the seller)")
    ax.set_ylabel(label, parse_math=False)
    ax.set_title(_subtitle(trace))
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _space(ax: Axes, trace: Trace, view: View, tables: tuple[Floats, Floats]) -> None:
    possible = (tables[0] > -np.inf) & (tables[1] > -np.inf)
    numbers = possible.nonzero()[0]
    whole, (first, second) = tables, (table[numbers] for table in tables)
    every = max(1, len(first) // MOST_DOTS)
    best = pareto(first, second)
    ax.plot(first[::every], second[::every], ".", color=SOFT, markersize=5, label="possible outcomes")
    ax.plot(first[best], second[best], "-", color="#8a8f98", linewidth=1.2, label="Pareto frontier")
    for party in PARTIES:
        made = np.array([o for _, o in trace.offers(party)], np.int64)
        ax.plot(
            whole[0][made], whole[1][made], color=COLOURS[party], marker=MARKERS[party], markersize=4, linestyle="",
            alpha=0.7, label=f"{party}'s offers",
        )  # fmt: skip
    lines: Any = {"linestyle": (0, (5, 3)), "linewidth": 1}
    ax.axvline(view.reservation[0], color=COLOURS["buyer"], label="buyer's reservation", **lines)
    ax.axhline(view.reservation[1], color=COLOURS["seller"], label="seller's reservation", **lines)
    nash, agreed = measure(first, second, view.reservation, view.reservation).nash, trace.session().agreement
    if nash is not None:
        fair = nash.outcome
        ax.plot(
            [first[fair]], [second[fair]], marker="D", markersize=8, markerfacecolor="none", markeredgecolor=INK,
            markeredgewidth=1.3, linestyle="", label="Nash bargaining solution",
        )  # fmt: skip
    if agreed is not None:
        ax.plot(
            [whole[0][agreed]], [whole[1][agreed]], marker="*", markersize=17, color=DEAL, markeredgecolor="white",
            linestyle="", label="agreement",
        )  # fmt: skip
    ax.set_xlim(*_margin(np.append(first, view.reservation[0])))
    ax.set_ylim(*_margin(np.append(second, view.reservation[1])))
    ax.set_xlabel("utility of the buyer")
    ax.set_ylabel("utility of the seller")
    ax.set_title("Utilities")


def _height(trace: Trace, view: View) -> tuple[Floats, str]:
    """Where each outcome lies on the axis of offers, and what that axis shows: the price, if there is one."""
    prices = trace.domain.issues.get("price")
    if prices is not None and type(prices[0]) is int:
        axis = tuple(trace.domain.issues).index("price")
        at = np.unravel_index(np.arange(trace.domain.size), trace.domain.sizes)[axis]
        price = np.array([float(value) for value in prices])[at] * view.scale
        return price, f"price ({view.unit})" if view.unit else "price (units of the domain)"
    if view.tables is not None:
        return view.tables[0], "utility of the buyer"
    return np.arange(trace.domain.size, dtype=np.float64), "outcome number"


def _limits(trace: Trace, view: View, height: Floats) -> dict[Party, float]:
    """For each party the last height that is still worth its reservation, where that is a limit at all."""
    found: dict[Party, float] = {}
    for party, table, floor in zip(PARTIES, view.tables or (), view.reservation, strict=False):
        good = height[table >= floor - SLACK]
        if 0 < good.size < height.size:
            far = good.max() if np.mean(good) <= np.mean(height) else good.min()
            if far not in (height.max(), height.min()):
                found[party] = float(far)
    return found


def _margin(values: Any) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    gap = 0.04 * (high - low) or 0.5
    return low - gap, high + gap


def _headline(trace: Trace, view: View) -> str:
    state = trace.session()
    if state.agreement is None:
        text = f"No deal: {state.reason}" if state.ended else "Still open"
    else:
        outcome: dict[str, Any] = trace.domain.outcome(state.agreement)
        if view.scale != 1 and isinstance(outcome.get("price"), int):
            outcome["price"] = f"{outcome['price'] * view.scale:.10g}"
        outcome["price"] = f"{outcome['price']} {view.unit}".strip() if "price" in outcome else None
        text = "Agreed: " + ", ".join(f"{name} {value}" for name, value in outcome.items() if value is not None)
    text = text.encode("latin-1", "replace").decode("latin-1")  # what every font can draw
    room = 80 if view.tables else 46
    return text if len(text) <= room else text[: room - 3] + "..."


def _subtitle(trace: Trace) -> str:
    state = trace.session()
    where = f"step {state.step} of {trace.deadline}"
    if state.agreement is not None:
        return f"Offers: the {trace[-1].party} took the {other(trace[-1].party)}'s in {where}"
    return f"Offers: they ended in {where}" if state.ended else f"Offers up to {where}"
