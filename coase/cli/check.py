"""`coase check`: whether a skill keeps to the rules, before it plays for anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from coase.cli.tables import console_for_people, plain

if TYPE_CHECKING:
    from coase.negotiation.conformance.kit import Verdict


def check(
    skills: Annotated[
        list[str], typer.Argument(help="By name or path: ./my_haggler.py, ./my_haggler.py:beta=0.1", show_default=False)
    ],
    seconds: Annotated[float, typer.Option(help="A skill may think in one negotiation.", min=0.1)] = 10.0,
    memory: Annotated[int, typer.Option(help="MiB that it may use in one negotiation.", min=1)] = 512,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Try a skill out, in a process of its own: does it end in time, keep its reservation, repeat itself?

    A trading skill trades in several worlds, compiled and plain; its limits are those of the check as a whole.

    Exit code 1 when a rule is broken; the table says what to mend.

        coase check ./my_haggler.py
    """
    verdicts = [_tried(name, seconds, memory) for name in skills]
    if as_json:
        checks = [{"skill": v.skill, **one} for v in verdicts for one in v.as_dict()["checks"]]
        typer.echo(json.dumps({"ok": all(v.passed for v in verdicts), "checks": checks}))
    else:
        for verdict in verdicts:
            _show(verdict)
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)


def _tried(name: str, seconds: float, memory: int) -> Verdict:
    from coase.market import conformance as trading
    from coase.negotiation.conformance import kit

    return trading.check(name) if trading.is_trader(name) else kit.check(name, limits=(seconds, memory))


def _show(verdict: Verdict) -> None:
    from rich.markup import escape

    signs = {True: "[green]ok[/]", False: "[bold red]broken[/]", None: "[dim]note[/]"}
    table = plain(["", "rule"], last=["what", "why"], prose=["what", "why"])
    table.columns[3].header = "what to do"
    for one in verdict.findings:
        table.add_row(signs[one.passed], one.name, escape(one.what), escape(one.mend))
    console = console_for_people()
    console.print(f"\n[bold]{escape(verdict.skill)}[/]")
    console.print(table)
    broken = [one.name for one in verdict.findings if one.passed is False]
    console.print(f"[bold red]broken: {', '.join(broken)}[/]" if broken else "[green]keeps every rule[/]")
