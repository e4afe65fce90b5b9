"""The demo on a terminal: live lines while it runs, tables at the end."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from coase.agent.world import Event
from coase.cli.tables import plain, show_table
from coase.money import show

_WORDS = {
    "listed": ("lists", "cyan"),
    "refused": ("is refused", "red"),
    "proposed": ("asks", "white"),
    "quote": ("opens a sealed quote", "cyan"),
    "agreed": ("signs", "green"),
    "funded": ("puts the price into escrow", "green"),
    "accepted": ("begins", "white"),
    "delivered": ("commits to its result on the chain", "green"),
    "settled": ("pays", "bold green"),
    "walked": ("walks away", "yellow"),
    "expired": ("lets it expire", "yellow"),
    "refunded": ("gets the money back", "bold yellow"),
    "disputed": ("disputes", "bold red"),
    "ruled": ("is ruled upon", "bold yellow"),
    "fault": ("finds a fault", "bold red"),
    "retry": ("tries again", "yellow"),
    "waiting": ("waits", "yellow"),
    "killed": ("has its worker killed (SIGKILL)", "bold red"),
    "rebuilt": ("is rebuilt from its journal", "bold yellow"),
    "failure": ("fails", "bold red"),
}
# Both sides report each state; one line is enough, from the side that acts.
WIDE = 105  # columns from which reasons have a place
_ACTS = {"accepted": "seller", "delivered": "seller"}


class Screen:
    """Shows events as they come.

    Args:
        console: where to write.
        quiet: show nothing while it runs.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console, self.quiet = console, quiet
        self.started = time.perf_counter()
        self.progress = Progress(
            TextColumn("         {task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} steps"),
            console=console, transient=True,
        )  # fmt: skip
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Screen:
        if not self.quiet and self.console.is_terminal:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def event(self, event: Event) -> None:
        """Show one event, if it is worth a line."""
        if self.quiet:
            return
        if event.what == "progress":
            bar = self._bars.get(event.deal)
            if bar is None:
                bar = self._bars[event.deal] = self.progress.add_task(f"{event.agent} trains", total=event.data["of"])
            self.progress.update(bar, completed=event.data["done"])
            return
        if event.what not in _WORDS or not _shown(event):
            return
        words, colour = _WORDS[event.what]
        seconds = time.perf_counter() - self.started
        line = f"[dim]{seconds:6.1f}s[/]  [bold]{escape(event.agent):13}[/] [{colour}]{words}[/]"
        detail = _detail(event)
        self.console.print(f"{line}{'  ' + escape(detail) if detail else ''}", highlight=False, soft_wrap=True)


def _shown(event: Event) -> bool:
    buyer = event.agent == "buyer"
    if event.what in ("agreed", "funded", "settled", "refunded", "walked", "refused", "expired", "quote", "proposed"):
        return buyer or event.agent == "stranger"
    if event.what in _ACTS:
        return not buyer
    if event.what in ("disputed", "ruled"):
        return buyer or event.deal.startswith("ruling.")
    return True


def _detail(event: Event) -> str:
    data, deal = dict(event.data), event.deal.removeprefix("ruling.")
    parts = [deal] if deal else []
    if event.what == "listed":
        parts.append(f"{data['title']}, {show(data['price'])} a unit")
    elif event.what == "quote":
        parts.append(f"{show(data['unit_price'])} a unit")
    elif event.what == "proposed":
        parts.append(f"{data['seller']}, listed at {show(data['list_price'])}")
    elif event.what == "ruled" and "basis_points" in data:
        parts.append(f"the seller gets {data['basis_points'] / 100:g}% ({data['code']})")
    elif "price" in data:
        parts.append(f"{show(data['price'])} test dollars")
    if "transaction" in data:
        parts.append(f"tx {str(data['transaction'])[:10]}")
    if "reason" in data:
        parts.append(str(data["reason"]))
    elif "code" in data and event.what != "ruled":
        parts.append(str(data["code"]))
    return " · ".join(parts)


def summary(console: Console, found: dict[str, Any], timings: dict[str, float], folder: str) -> None:
    """The tables at the end."""
    show_table(console, "Deals, in test dollars", _deals(found["deals"], wide=console.width >= WIDE))
    show_table(console, "Accuracy on the 360 held-back images", _accuracy(found["accuracy"]))
    note = "the sum is unchanged" if found["conserved"] else "[red]the sum has changed[/]"
    show_table(console, f"Balances, in test dollars ({note})", _balances(found["balances"]))
    show_table(console, "Time", _times(timings))
    console.print()
    if "fault" in found:
        fault = found["fault"]
        verdict = "[green]as it should be[/]" if fault["ok"] else "[red]NOT as it should be[/]"
        text = (
            f"{fault['name']}: expected {fault['expected']}, happened {fault['happened']} ({fault['code']}) — {verdict}"
        )
        console.print(Panel(text, title="fault", expand=False))
    for row in found["open"]:
        console.print(f"[red]left open[/]: {row['agent']} {row['deal']} is {row['state']}, money: {row['money']}")
    console.print(f"[dim]model, journals and report:[/] {escape(folder)}", soft_wrap=True)


def _deals(deals: list[dict[str, Any]], *, wide: bool) -> Table:
    numbers = ("list", "agreed", "saving", "rounds", "gas")
    last = ("transaction", "status", "why") if wide else ("tx", "status")
    table = plain(("what", "from"), numbers=numbers, last=last, gap=2 if wide else 1)
    for deal in deals:
        listed, agreed = deal["list_price"], deal["agreed_price"]
        first = next(iter(deal["transactions"].values()), "")
        colour = {"settled": "green", "walked": "dim", "refused": "dim"}.get(deal["status"], "yellow")
        table.add_row(
            deal["kind"],
            deal["seller"],
            show(listed),
            "" if agreed is None else show(agreed),
            "" if agreed is None else f"{(listed - agreed) / listed:.0%}",
            str(deal["rounds"] or ""),
            f"{deal['gas']:,}" if deal["gas"] else "",
            first[:10] if wide else first[2:8],
            f"[{colour}]{deal['status']}[/]",
            *((deal["reason"],) if wide else ()),
        )
    return table


def _accuracy(accuracy: dict[str, float | None]) -> Table:
    table = plain((), numbers=("bought weights", "after fine-tuning"))
    table.add_row(*("-" if value is None else f"{value:.2%}" for value in (accuracy["bought"], accuracy["tuned"])))
    return table


def _balances(balances: dict[str, dict[str, int]]) -> Table:
    table = plain(("account",), numbers=("before", "after", "change"))
    for account, before in balances["before"].items():
        after = balances["after"][account]
        change = after - before
        colour = "green" if change > 0 else "red" if change < 0 else "dim"
        sign = "+" if change > 0 else ""
        table.add_row(account, show(before), show(after), f"[{colour}]{sign}{show(change)}[/]")
    return table


def _times(timings: dict[str, float]) -> Table:
    table = plain(("phase",), numbers=("seconds",))
    for phase, seconds in timings.items():
        table.add_row(phase, f"{seconds:.2f}")
    table.add_row("[bold]together[/]", f"[bold]{sum(timings.values()):.2f}[/]")
    return table
