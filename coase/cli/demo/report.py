"""The demo's report: one HTML file with everything in it, to look at without a network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from coase.agent.journal import Record
from coase.errors import MissingExtra
from coase.money import show
from coase.negotiation.trace import Trace
from coase.page import Page


def write_report(path: Path, found: dict[str, Any], records: list[Record], timings: dict[str, float]) -> None:
    """Write the page.

    Args:
        path: of the file.
        found: the demo's result.
        records: the buyer's deals, with the traces of the bargaining.
        timings: wall seconds by phase.
    """
    parts = [_deals(found["deals"]), _plots(records), _balances(found), _timings(timings)]
    fault = found.get("fault")
    note = f"<p>Injected fault: <b>{escape(fault['name'])}</b>, ended {escape(fault['happened'])}</p>" if fault else ""
    page = Page(
        f"coase demo, seed {found['seed']}",
        "A buyer needed a digit classifier. It searched the registry, bargained, paid through escrow, had the work"
        " audited, and tested the result on images that never left it.",
    )
    page.html(note).cards(_cards(found, timings))
    for part in parts:
        page.html(part)
    page.write(path)


def _cards(found: dict[str, Any], timings: dict[str, float]) -> list[tuple[str, str]]:
    settled = [deal for deal in found["deals"] if deal["status"] == "settled"]
    listed, agreed = (sum(deal[name] for deal in settled) for name in ("list_price", "agreed_price"))
    saving = f"{(listed - agreed) / listed:.0%}" if listed else "-"
    accuracy = found["accuracy"]
    return [
        (str(len(settled)), "deals settled"),
        (show(agreed), f"test dollars paid, {show(listed)} listed"),
        (saving, "saved by bargaining"),
        (_percent(accuracy["bought"]), "accuracy of the bought weights"),
        (_percent(accuracy["tuned"]), "after fine-tuning"),
        (f"{sum(timings.values()):.1f} s", "from start to stop"),
    ]


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
