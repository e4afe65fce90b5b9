"""HTML pages that are one file: reports to look at without a network, and to send to somebody."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from coase.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root{--ink:#1f2430;--soft:#667;--line:#e2e5ec;--good:#147a4b;--bad:#b3261e}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);margin:0;background:#f6f7f9}
main{max-width:1100px;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}h3{font-size:1rem;margin:0 0 .25rem}
p{margin:.25rem 0 .6rem;color:var(--soft)}
.cards{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.25rem}
.card{background:#fff;border:1px solid var(--line);border-radius:10px;padding:.8rem 1.1rem;min-width:10rem}
.card b{display:block;font-size:1.45rem}.card span{color:var(--soft);font-size:.85rem}
.box{background:#fff;border:1px solid var(--line);border-radius:10px;padding:1rem;overflow-x:auto;margin:0 0 1rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1rem}
.plots svg,.box svg,.box img{width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{white-space:normal;vertical-align:bottom;font-weight:600;font-size:.85rem;color:var(--soft)}td.n,th.n{text-align:right}td.wrap{white-space:normal;min-width:13rem}
code{font-size:.78em;line-height:1.25}.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--soft)}
"""
LONG = 34  # characters; a longer cell of a table wraps
LARGEST_SVG = 300_000  # characters; a picture of more becomes a bitmap


class Page:
    """A page that is built from top to bottom. All text given to it is escaped; each method returns the page.

    Args:
        title: of the page.
        lead: a sentence or two below it.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title, self._parts = title, [f"<h1>{escape(title)}</h1>"]
        if lead:
            self.text(lead)

    def heading(self, text: str) -> Self:
        """Begin a section."""
        return self.html(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> Self:
        """Add a paragraph."""
        return self.html(f"<p>{escape(text)}</p>")

    def cards(self, cards: Iterable[tuple[str, str]]) -> Self:
        """Add a row of figures that stand out: (figure, what it is)."""
        inside = "".join(f"<div class=card><b>{escape(b)}</b><span>{escape(s)}</span></div>" for b, s in cards)
        return self.html(f"<div class=cards>{inside}</div>")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], tones: Mapping[str, str] = {}) -> Self:
        """Add a table. Numbers stand to the right, long texts wrap; columns with nothing in them are left out.

        Args:
            columns: their headings.
            rows: cells: text, or numbers, which are written with four significant digits.
            tones: text of a cell -> "good", "bad" or "dim".
        """
        filled = [list(row) for row in rows]
        keep = [i for i in range(len(columns)) if not filled or any(row[i] not in (None, "") for row in filled)]
        columns = [columns[i] for i in keep]
        body = [[_cell(row[i], tones) for i in keep] for row in filled]
        numeric = [any(cell.startswith("<td class=n") for cell in column) for column in zip(*body, strict=True)]
        heads = "".join(
            f"<th{' class=n' if right else ''}>{escape(name)}"
            for name, right in zip(columns, numeric or [False] * len(columns), strict=True)
        )
        lines = "".join("<tr>" + "".join(row) for row in body)
        return self.html(f"<div class=box><table><tr>{heads}{lines}</table></div>")

    def figure(self, figure: Figure, caption: str = "") -> Self:
        """Add a matplotlib figure: drawn in lines where that is small, in dots otherwise; the same bytes each time."""
        words = f"<p>{escape(caption)}</p>" if caption else ""
        return self.html(f"<div class=box>{embedded(figure, caption)}{words}</div>")

    def html(self, markup: str) -> Self:
        """Add markup as it is: the caller has escaped what is in it."""
        self._parts.append(markup)
        return self

    def render(self) -> str:
        """The whole page."""
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>{escape(self.title)}</title><style>{STYLE}</style><main>{''.join(self._parts)}</main></html>"
        )

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, whole or not at all, and return its path.

        Raises:
            ConfigurationError: the disk or the folder does not take it.
        """
        return write_whole(path, lambda part: part.write_text(self.render(), encoding="utf-8"))


def embedded(figure: Figure, alternative: str = "") -> str:
    """A figure as an element of a page: SVG, or PNG where that would be large."""
    from matplotlib import rc_context

    held = io.StringIO()
    undated = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "coase"}):
        figure.savefig(held, format="svg", metadata=undated)
    text = held.getvalue()
    if len(text) <= LARGEST_SVG:
        return text[text.index("<svg") :]
    dots = io.BytesIO()
    figure.savefig(dots, format="png", dpi=130, metadata={"Software": None})
    encoded = base64.b64encode(dots.getvalue()).decode()
    return f"<img alt='{escape(alternative, quote=True)}' src='data:image/png;base64,{encoded}'>"


def _cell(value: object, tones: Mapping[str, str]) -> str:
    if value is None:
        return "<td>"
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        kind = tones.get(text, "wrap" if len(text) > LONG else "")
        return f"<td{f' class={kind}' if kind else ''}>{escape(text)}"
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"<td class=n>{shown}"
