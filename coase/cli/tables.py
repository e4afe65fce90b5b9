"""Tables for a terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 120


def plain(
    words: Sequence[str],
    *,
    numbers: Sequence[str] = (),
    last: Sequence[str] = (),
    prose: Sequence[str] = ("why", "question"),
    gap: int = 2,
) -> Table:
    """A table without walls: columns of words, then of numbers (to the right), then of words again.

    Columns named in `prose` hold sentences, and wrap.
    """
    table = Table(header_style="dim", box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, overflow="fold", no_wrap=name not in prose)
    return table


def console_for_people(*, stderr: bool = False) -> Console:
    """A console; where the output goes to a file or a pipe, wide enough for every table."""
    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    return console


def show_table(console: Console, title: str, table: Table) -> None:
    """Print a title on a line of its own, and the table."""
    console.print(f"\n[bold]{title}[/]")
    console.print(table)
