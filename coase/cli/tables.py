"""Tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def plain(words: Sequence[str], *, numbers: Sequence[str] = (), last: Sequence[str] = ()) -> Table:
    """A table without walls: columns of words, then of numbers (to the right), then of words again."""
    table = Table(header_style="dim", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, overflow="fold")
    return table


def show_table(console: Console, title: str, table: Table) -> None:
    """Print a title on a line of its own, and the table."""
    console.print(f"\n[bold]{title}[/]")
    console.print(table)
