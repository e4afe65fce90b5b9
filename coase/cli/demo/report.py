"""The demo's report: one HTML file with everything in it, to look at without a network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from coase.agent.journal import Record
from coase.errors import MissingExtra
from coase.money import show
from coase.negotiation.trace import Trace

_STYLE = """
:root{--ink:#1f2430;--soft:#667;--line:#e2e5ec;--good:#147a4b;--bad:#b3261e}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);margin:0;background:#f6f7f9}
main{max-width:1100px;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}h3{font-size:1rem;margin:0 0 .25rem}
p{margin:.25rem 0;color:var(--soft)}
.cards{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.25rem}
.card{background:#fff;border:1px solid var(--line);border-radius:10px;padding:.8rem 1.1rem;min-width:10rem}
.card b{display:block;font-size:1.45rem}.card span{color:var(--soft);font-size:.85rem}
.box{background:#fff;border:1px solid var(--line);border-radius:10px;padding:1rem;overflow-x:auto}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1rem}
.plots svg{width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;font-size:.85rem;color:var(--soft)}td.n,th.n{text-align:right}
code{font-size:.78em;line-height:1.25}.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--soft)}
"""


def write_report(path: Path, found: dict[str, Any], records: list[Record], timings: dict[str, float]) -> None:
    """Write the page.

    Args:
        path: of the file.
        found: the demo's result.
        records: the buyer's deals, with the traces of the bargaining.
        timings: wall seconds by phase.
    """
    parts = [_cards(found, timings), _deals(found["deals"]), _plots(records), _balances(found), _timings(timings)]
    fault = found.get("fault")
    note = f"<p>Injected fault: <b>{escape(fault['name'])}</b>, ended {escape(fault['happened'])}</p>" if fault else ""
    path.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>coase demo, seed {found['seed']}</title><style>{_STYLE}</style><main>"
        f"<h1>coase demo, seed {found['seed']}</h1><p>A buyer needed a digit classifier. It searched the registry,"
        " bargained, paid through escrow, had the work audited, and tested the result on images that never left it.</p>"
        f"{note}{''.join(parts)}</main></html>",
        encoding="utf-8",
    )


def _cards(found: dict[str, Any], timings: dict[str, float]) -> str:
    settled = [deal for deal in found["deals"] if deal["status"] == "settled"]
    listed, agreed = (sum(deal[name] for deal in settled) for name in ("list_price", "agreed_price"))
    saving = f"{(listed - agreed) / listed:.0%}" if listed else "-"
    accuracy = found["accuracy"]
    cards = [
        (str(len(settled)), "deals settled"),
        (show(agreed), f"test dollars paid, {show(listed)} listed"),
        (saving, "saved by bargaining"),
        (_percent(accuracy["bought"]), "accuracy of the bought weights"),
        (_percent(accuracy["tuned"]), "after fine-tuning"),
        (f"{sum(timings.values()):.1f} s", "from start to stop"),
    ]
    return (
        "<div class=cards>"
        + "".join(f"<div class=card><b>{b}</b><span>{escape(s)}</span></div>" for b, s in cards)
        + "</div>"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _deals(deals: list[dict[str, Any]]) -> str:
    rows = []
    for deal in deals:
        listed, agreed = deal["list_price"], deal["agreed_price"]
        sent = deal["transactions"].items()
        links = "<br>".join(f"<code title='{escape(h)}'>{escape(h[:10])} {escape(n)}</code>" for n, h in sent)
        tone = {"settled": "good", "walked": "dim", "refused": "dim"}.get(deal["status"], "bad")
        cells = [
            f"<td>{escape(deal['kind'])}",
            f"<td>{escape(deal['seller'])}",
            f"<td class=n>{show(listed)}",
            f"<td class=n>{'' if agreed is None else show(agreed)}",
            f"<td class=n>{'' if agreed is None else format((listed - agreed) / listed, '.0%')}",
            f"<td class=n>{deal['rounds'] or ''}",
            f"<td class=n>{format(deal['gas'], ',') if deal['gas'] else ''}",
            f"<td class={tone}>{escape(deal['status'])}",
            f"<td title='{escape(deal['explanation'])}'>{escape(deal['reason'])}",
            f"<td>{links}",
        ]
        rows.append("<tr>" + "".join(cells))
    numbers = ("list", "agreed", "saving", "rounds", "gas")
    names = ("what", "from", *numbers, "status", "why", "transactions")
    titles = "".join(f"<th{' class=n' if name in numbers else ''}>{name}" for name in names)
    return f"<h2>Deals</h2><div class=box><table><tr>{titles}{''.join(rows)}</table></div>"


def _plots(records: list[Record]) -> str:
    from coase.negotiation.plot import View, svg

    drawn = []
    for record in records:
        body = record.body
        if "trace" not in body or not body["trace"]["turns"]:
            continue
        unit = body["order"]["unit"].replace("_", " ")
        try:
            picture = svg(Trace.from_json(body["trace"]), View(unit="test dollars", scale=1e-6))
        except MissingExtra as error:
            return f"<h2>Bargaining</h2><p>No plots: {escape(error.message)} ({escape(error.hint)}).</p>"
        drawn.append(
            f"<div class=box><h3>{escape(record.deal)}</h3><p>{escape(body['title'])}, per {unit}</p>{picture}</div>"
        )
    return f"<h2>Bargaining</h2><div class=plots>{''.join(drawn)}</div>" if drawn else ""


def _balances(found: dict[str, Any]) -> str:
    rows = []
    for account, before in found["balances"]["before"].items():
        change = found["balances"]["after"][account] - before
        tone = "good" if change > 0 else "bad" if change < 0 else "dim"
        rows.append(
            f"<tr><td>{escape(account)}<td class=n>{show(before)}<td class=n>{show(before + change)}"
            f"<td class='n {tone}'>{'+' if change > 0 else ''}{show(change)}"
        )
    note = "unchanged" if found["conserved"] else "CHANGED"
    return (
        f"<h2>Balances</h2><p>Test dollars; the sum is {note}.</p><div class=box><table>"
        f"<tr><th>account<th class=n>before<th class=n>after<th class=n>change{''.join(rows)}</table></div>"
    )


def _timings(timings: dict[str, float]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}<td class=n>{seconds:.2f}" for name, seconds in timings.items())
    return f"<h2>Time</h2><div class=box><table><tr><th>phase<th class=n>seconds{rows}</table></div>"
