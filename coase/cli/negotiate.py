"""`coase negotiate`: two skills bargain once, and you see every move."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.errors import UsageError

if TYPE_CHECKING:  # imported in the command itself, so that `coase --help` stays quick
    from rich.table import Table

    from coase.negotiation.session import Result
    from coase.terms.domain import Domain, Value

HEAD, TAIL = 6, 8  # steps of a long trace that are shown
PANEL = "What is bargained over"

Skill = Annotated[
    str,
    typer.Argument(
        help="A skill by name or path, with parameters after a colon: boulware, boulware:beta=0.2, ./my_haggler.py",
        show_default=False,
    ),
]


def negotiate(
    buyer: Skill,
    seller: Skill,
    low: Annotated[int, typer.Option(help="Lowest price.", rich_help_panel=PANEL)] = 0,
    high: Annotated[int, typer.Option(help="Highest price.", rich_help_panel=PANEL)] = 99,
    issue: Annotated[
        list[str] | None,
        typer.Option(
            help="Another issue, or a price list of your own: speed=slow,fast or price=0..500..5 (from, to, step).",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[int, typer.Option(help="Last step; each party moves once in a step, the buyer first.")] = 100,
    reservation_buyer: Annotated[float, typer.Option(help="The buyer's utility of no deal: 1 is its best price.")] = 0,
    reservation_seller: Annotated[float, typer.Option(help="The seller's utility of no deal.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the skills' random draws.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw it, into a .png, .svg or .pdf file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Let two skills bargain over a price, by alternating offers.

    Utilities are linear in the price: the buyer's goes from 1 at the lowest to 0 at the highest, the seller's back.

        coase negotiate boulware conceder --reservation-buyer 0.1 --reservation-seller 0.1 --plot trace.png
    """
    from coase.negotiation import session

    if plot:
        from coase.negotiation.plot import check

        check(plot)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # an author's code may print
        result = session.negotiate(
            skill_argument(buyer),
            skill_argument(seller),
            _domain(low, high, issue or []),
            deadline=deadline,
            reservation=(reservation_buyer, reservation_seller),
            seed=seed,
        )
    drawn = result.plot(plot) if plot else None
    if as_json:
        head = {"buyer": buyer, "seller": seller, "seed": seed, "plot": str(drawn) if drawn else None}
        typer.echo(json.dumps(head | result.to_json()))
    else:
        _show(result, buyer, seller, drawn)


def skill_argument(text: str) -> Any:
    """The skill of a command-line argument: a name or a path, then ``:name=value,name=value`` if it has parameters."""
    from coase.loading import described, skill

    name, parameters = described(text)
    return skill(name, **parameters)


def _domain(low: int, high: int, issues: list[str]) -> Domain:
    from coase.terms.domain import Domain

    if high < low:
        raise UsageError(f"the highest price {high} is below the lowest {low}", hint="swap --low and --high")
    given: dict[str, Iterable[Value]] = {}
    for text in issues:
        name, equals, values = text.partition("=")
        if not equals or name in given:
            raise UsageError(f"the issue '{text}' is not name=values, each name once", hint="--issue speed=slow,fast")
        given[name] = _values(text, values)
    return Domain(**({} if "price" in given else {"price": range(low, high + 1)}), **given)


def _values(text: str, values: str) -> Iterable[Value]:
    if ".." in values:
        try:
            bounds = [int(part) for part in values.split("..")]
        except ValueError:
            bounds = []
        if not 2 <= len(bounds) <= 3 or bounds[1] < bounds[0] or (len(bounds) == 3 and bounds[2] < 1):
            raise UsageError(f"'{text}' is not a range", hint="from..to or from..to..step, such as price=0..500..5")
        return range(bounds[0], bounds[1] + 1, *bounds[2:])
    parts = [part.strip() for part in values.split(",")]
    return [int(part) for part in parts] if all(part.lstrip("-").isdecimal() for part in parts) else parts


def _show(result: Result, buyer: str, seller: str, drawn: Path | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    summary = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    summary.add_row("[bold]agreement", escape(_terms(result.agreement)) if result.agreement else "none")
    summary.add_row("[bold]reason", escape(result.reason))
    summary.add_row("[bold]step", f"{result.step} of {result.trace.deadline}")
    for party, utility, floor in zip(("buyer", "seller"), result.utilities, result.reservation, strict=True):
        summary.add_row(f"[bold]utility of the {party}", f"{_worth(utility)} (no deal: {_worth(floor)})")
    if drawn:
        summary.add_row("[bold]picture", escape(str(drawn)))
    console.print(_moves(result, buyer, seller))
    console.print(summary)


def _moves(result: Result, buyer: str, seller: str) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table("step", f"buyer: {escape(buyer)}", f"seller: {escape(seller)}")
    table.columns[0].justify = "right"
    rows: dict[int, dict[str, str]] = {}
    for turn in result.trace:
        row = turn.to_json(result.trace.domain)
        text = _terms(row["outcome"]) if "outcome" in row else "accepts" if row["move"] == "accept" else "walks"
        rows.setdefault(turn.step, {})[turn.party] = text
    steps = sorted(rows)
    hidden = steps[HEAD:-TAIL] if len(steps) > HEAD + TAIL + 1 else []
    for step in steps:
        if step not in hidden:
            table.add_row(str(step), *(escape(rows[step].get(party, "")) for party in ("buyer", "seller")))
        elif step == hidden[0]:
            table.add_row("...", f"({len(hidden)} steps)", "")
    return table


def _worth(utility: float) -> str:
    return f"{utility:.4f}" if abs(utility) < 1e6 else f"{utility:.4g}"


def _terms(outcome: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in outcome.items())
