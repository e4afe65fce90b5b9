"""`coase deals`: what was bought and sold, and how to finish what a crash left open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.homes import markets
from coase.errors import DealError

if TYPE_CHECKING:
    from coase.agent.journal import Record

app = typer.Typer(help="Look at deals, and finish what a crash left open.", no_args_is_help=True)

Home = Annotated[
    Path | None,
    typer.Option(help="A run, or a folder of runs; COASE_HOME, ./.coase and ./runs otherwise.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("list")
def list_deals(home: Home = None, as_json: Json = False) -> None:
    """Every deal of every agent, with its state."""
    rows = [_row(market, agent, record) for market, agent, record in _all(markets(home))]
    if as_json:
        typer.echo(json.dumps({"deals": rows}))
        return
    from coase.cli.tables import console_for_people, plain, show_table
    from coase.money import show

    console = console_for_people()
    if not rows:
        console.print("No deals yet. Start with: coase demo")
    for run in dict.fromkeys(row["run"] for row in rows):
        table = plain(("agent", "role", "deal", "state", "why"), numbers=("price",))
        for row in (row for row in rows if row["run"] == run):
            price = "" if row["price"] is None else show(row["price"])
            table.add_row(row["agent"], row["role"], row["deal"], row["state"], row["reason"], price)
        show_table(console, run, table)


@app.command("show")
def show_deal(
    deal: Annotated[str, typer.Argument(help="Its name, as `coase deals list` prints it.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Everything both sides know about one deal: events, terms, signatures, result."""
    found = [(market, agent, record) for market, agent, record in _all(markets(home)) if record.deal == deal]
    if not found:
        raise DealError(f"no deal {deal!r} here", hint="see coase deals list", code="unknown_deal")
    sides = [{**_row(*side), "events": _events(side[0], side[1], deal), "body": side[2].body} for side in found]
    if as_json:
        typer.echo(json.dumps({"deal": deal, "sides": sides}))
        return
    from rich.tree import Tree

    from coase.cli.tables import console_for_people

    console = console_for_people()
    for side in sides:
        tree = Tree(
            f"[bold]{side['agent']}[/] as {side['role']}: {side['state']} ({side['reason']})  [dim]{side['run']}[/]"
        )
        for event, state in side["events"]:
            tree.add(f"{event} [dim]-> {state}[/]")
        for name in ("agreement", "result", "files"):
            if name in side["body"]:
                tree.add(name).add(json.dumps(side["body"][name], indent=1))
        console.print(tree)


@app.command("resume")
def resume(home: Home = None, as_json: Json = False) -> int:
    """Finish or refund every deal that a crash left open, on both sides. Safe to repeat."""
    waiting = [m for m in markets(home) if _unfinished(m) or any(not record.ended for _, _, record in _all([m]))]
    results = [asyncio.run(_resume(market, quiet=as_json)) for market in waiting]
    left = [row for result in results for row in result["open"]]
    if as_json:
        typer.echo(json.dumps({"resumed": results, "open": left}))
    elif not results:
        typer.echo("Nothing to resume: no deal is open.")
    else:
        for result in results:
            for row in result["deals"]:
                change = f"{row['was']} -> {row['state']} ({row['reason']})"
                typer.echo(f"{result['run']}  {row['agent']:14} {row['deal']:24} {change}")
        typer.echo("Nothing is left open." if not left else f"{len(left)} deals are still open; run this again later.")
    return 1 if left else 0


async def _resume(home: Path, *, quiet: bool) -> dict[str, Any]:
    from coase.agent.marketplace import Marketplace
    from coase.cli.demo.screen import Screen
    from coase.cli.tables import console_for_people

    known = {(agent, r.deal): r.state for _, agent, r in _all([home]) if not r.ended}
    with Screen(console_for_people(), quiet=quiet) as screen:
        async with Marketplace.embedded(home, on_event=screen.event) as market:
            before = {record.deal for _, _, record in _all([home])}
            left = await market.resume()
            balances = await market.balances()
            records = [(name, record) for name, party in market.parties.items() for record in party.journal.deals()]
            began = {record.deal for _, record in records} - before
            rows = [
                {**_row(home, name, record), "was": known.get((name, record.deal), "new")}
                for name, record in records
                if (name, record.deal) in known or record.deal in began
            ]
    return {"run": str(home), "deals": rows, "open": left, "balances": balances, "total": sum(balances.values())}


# ---- reading journals


def _unfinished(market: Path) -> bool:
    """Whether an outbox holds a transaction without a receipt."""
    import sqlite3

    for path in (*market.glob("agents/*/journal.db"), market / "bank.db"):
        if path.is_file():
            db = sqlite3.connect(path)
            try:
                if db.execute("select 1 from outbox where status is null limit 1").fetchone():
                    return True
            except sqlite3.Error:
                continue
            finally:
                db.close()
    return False


def _all(markets: list[Path]) -> list[tuple[Path, str, Record]]:
    from coase.agent.journal import Journal

    rows = []
    for market in markets:
        for path in sorted(market.glob("agents/*/journal.db")):
            journal = Journal(path, path.parent.name)
            try:
                rows += [(market, path.parent.name, record) for record in journal.deals()]
            finally:
                journal.close()
    return rows


def _events(market: Path, agent: str, deal: str) -> list[tuple[str, str]]:
    from coase.agent.journal import Journal

    journal = Journal(market / "agents" / agent / "journal.db", agent)
    try:
        return [(event, state) for event, state in journal.events(deal)]
    finally:
        journal.close()


def _row(market: Path, agent: str, record: Record) -> dict[str, Any]:
    body = record.body
    return {
        "run": str(market),
        "agent": agent,
        "role": record.role,
        "deal": record.deal,
        "kind": body["order"]["kind"],
        "price": body["agreement"]["price"] if "agreement" in body else None,
        "state": record.state,
        "reason": str(body.get("code", record.state)),
        "explanation": str(body.get("reason", "")),
        "open": not record.ended,
    }
