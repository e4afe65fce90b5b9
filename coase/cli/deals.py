"""`coase deals`: what was bought and sold, and how to finish what a crash left open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.homes import markets
from coase.errors import DealError, UsageError

if TYPE_CHECKING:
    from coase.agent.journal import Record

app = typer.Typer(help="Look at deals, and finish what a crash left open.", no_args_is_help=True)

DISPUTABLE = ("funded", "accepted", "delivered")
MOST_REASON = 1_000

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


@app.command("dispute")
def dispute(
    deal: Annotated[str, typer.Argument(help="Its name, as `coase deals list` prints it.")],
    reason: Annotated[str, typer.Option(help="What is wrong, in a sentence; its hash goes on the chain.")],
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Object to a delivery that you have not paid for yet, whatever your agent thinks of it; the arbiter rules.

    Only what is bought and neither paid nor refunded can be disputed. The market must not be running.
    """
    if not 0 < len(reason.strip()) <= MOST_REASON:
        raise UsageError(f"a reason has 1 to {MOST_REASON} characters", code="bad_reason")
    sides = [side for side in _all(markets(home)) if side[2].deal == deal]
    if not sides:
        raise DealError(f"no deal {deal!r} here", hint="see coase deals list", code="unknown_deal")
    bought = [side for side in sides if side[2].role == "buyer"]
    if not bought:
        raise DealError(f"nobody here bought {deal}", hint="only the buyer can dispute", code="not_the_buyer")
    market, agent, record = bought[0]
    if record.ended or record.state not in DISPUTABLE:
        raise DealError(
            f"{deal} is {record.state}: there is nothing that could be held back",
            hint="only a signed deal that is neither paid nor refunded can be disputed",
            code="not_disputable",
        )
    result = asyncio.run(_resume(market, quiet=as_json, objection=(agent, deal, reason.strip())))
    row = next(row for row in result["deals"] if row["deal"] == deal and row["role"] == "buyer")
    if as_json:
        typer.echo(json.dumps({"deal": row, "open": result["open"], "balances": result["balances"]}))
    else:
        typer.echo(f"{deal}: {row['was']} -> {row['state']} ({row['reason']})")
    return 1 if row["open"] else 0


async def _resume(home: Path, *, quiet: bool, objection: tuple[str, str, str] | None = None) -> dict[str, Any]:
    from coase.agent.marketplace import Marketplace
    from coase.cli.demo.screen import Screen
    from coase.cli.tables import console_for_people

    known = {(agent, r.deal): r.state for _, agent, r in _all([home]) if not r.ended}
    with Screen(console_for_people(), quiet=quiet) as screen:
        async with Marketplace.embedded(home, on_event=screen.event) as market:
            if objection is not None:  # only now is nobody else at work on this journal
                _object(home, *objection)
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


def _object(market: Path, agent: str, deal: str, reason: str) -> None:
    """Note that the owner objects, as an inspection that failed: the agent takes it from there."""
    from coase.agent.journal import Journal

    journal = Journal(market / "agents" / agent / "journal.db", agent)
    try:
        journal.note(deal, "objection", unseen=True, code="owner_objects", reason=reason)
    finally:
        journal.close()


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
