"""`coase registry`: search the listings of a market."""

from __future__ import annotations

import typer

app = typer.Typer(help="Search the listings of a market.", no_args_is_help=True)
