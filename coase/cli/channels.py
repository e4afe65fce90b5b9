"""`coase channels`: pay by the call or be paid so: a deposit, vouchers, a claim, a withdrawal."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coase.cli.chains import Home, Json, Rpc
from coase.cli.wallet import Name, PassphraseFile, keystore, unlock
from coase.errors import ConfigurationError, UsageError

app = typer.Typer(help="Pay, or be paid, by the call: one deposit, many vouchers, one claim.", no_args_is_help=True)

Channel = Annotated[str, typer.Argument(help="Its id, or how that begins; see `coase channels list`.")]
Confirmations = Annotated[
    int, typer.Option(min=1, max=1_000, help="Blocks until a deposit counts and a transaction is over; 1: mined.")
]


@app.command("list")
def list_channels(home: Home = None, as_json: Json = False) -> None:
    """The channels that your wallets pay by or are paid by, as your books know them."""
    from coase.agent.home import find_home
    from coase.cli.channel_books import rows

    found = rows(find_home(home))
    if as_json:
        typer.echo(json.dumps({"channels": found}))
        return
    from coase.cli.tables import console_for_people, plain, show_table
    from coase.money import show

    console = console_for_people()
    if not found:
        console.print("No channels yet. Open one with: coase channels open ACCOUNT --amount 5.00")
        return
    table = plain(("side", "channel", "with"), numbers=("holds", "used", "unclaimed"), last=("state",))
    for row in found:
        paid = row["side"] == "receiver"
        other = row["config"]["payer" if paid else "receiver"]
        used, unclaimed = (row["charged"], show(row["unclaimed"])) if paid else (row["spent"], "")
        table.add_row(row["side"], row["id"][:18], other, show(row["balance"]), show(used), unclaimed, _state(row))
    show_table(console, "channels", table)


@app.command("show")
def show_channel(
    channel: Channel,
    rpc: Rpc = None,
    home: Home = None,
    confirmations: Confirmations = 1,
    as_json: Json = False,
) -> None:
    """All that is known of a channel, and what the chain says of it now."""
    from coase.agent.home import find_home
    from coase.cli.channel_books import on_chain, one

    folder = find_home(home)
    row = one(folder, channel)
    row["chain"] = asyncio.run(on_chain(folder, rpc, row, confirmations))
    typer.echo(json.dumps({"channel": row}) if as_json else json.dumps(row, indent=1))


@app.command("open")
def open_channel(
    receiver: Annotated[str, typer.Argument(help="The account that is paid.")],
    amount: Annotated[str, typer.Option(help="Dollars to deposit.")],
    salt: Annotated[str, typer.Option(help="A word that tells channels between the same two apart.")] = "main",
    delay: Annotated[int, typer.Option(help="Seconds that a withdrawal waits.")] = 24 * 3600,
    add: Annotated[bool, typer.Option("--add", help="Deposit into a channel that is open.")] = False,
    wallet: Name = "default",
    rpc: Rpc = None,
    home: Home = None,
    confirmations: Confirmations = 1,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Deposit into a channel. The allowance is for exactly that amount."""
    from coase.agent.home import find_home
    from coase.cli.channel_acts import deposit
    from coase.money import parse, show

    units, identity = parse(amount), unlock(home, wallet, passphrase_file)
    found = asyncio.run(
        deposit(find_home(home), rpc, identity, receiver, units, (salt, delay), add=add, blocks=confirmations)
    )
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{found['id']} holds {show(found['balance'])} dollars")


@app.command("pay")
def pay(
    channel: Channel,
    call: Annotated[str, typer.Option(help="Your name for the call; asked again, you get the same payment.")],
    price: Annotated[str, typer.Option(help="Dollars that the call costs, or may cost at most.")],
    wallet: Name = "default",
    home: Home = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign a voucher for a call, and print the payment to send along with it. No chain is asked."""
    from coase.agent.home import find_home
    from coase.cli.channel_acts import sign
    from coase.money import parse

    del as_json  # a payment is JSON
    identity = unlock(home, wallet, passphrase_file)
    typer.echo(json.dumps(sign(find_home(home), identity, channel, call, parse(price))))


@app.command("charge")
def charge(
    price: Annotated[str, typer.Option(help="Dollars that the call costs.")],
    payment: Annotated[Path | None, typer.Argument(help="A file with the payment; else standard input.")] = None,
    least_delay: Annotated[int, typer.Option(min=900, help="Seconds that withdrawals must wait at least.")] = 3600,
    wallet: Name = "default",
    rpc: Rpc = None,
    home: Home = None,
    confirmations: Confirmations = 1,
    as_json: Json = False,
) -> None:
    """Take a call's price from a payment that you were sent. Exit 0 means: serve it. No passphrase is needed."""
    from coase.agent.home import find_home
    from coase.cli.channel_acts import take
    from coase.money import parse, show

    folder, account = find_home(home), keystore(home).account(wallet)
    found = asyncio.run(take(folder, rpc, account, _text(payment), parse(price), least_delay, confirmations))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        again = ", as before: give the answer that you gave then" if found["again"] else ""
        typer.echo(f"{show(found['price'])} dollars for {found['call']}{again}; {show(found['charged'])} in all")


@app.command("claim")
def claim(
    wallet: Name = "default",
    rpc: Rpc = None,
    home: Home = None,
    confirmations: Confirmations = 1,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> int:
    """Claim all that was charged, of all channels at once, and have it paid out. Safe to repeat."""
    from coase.agent.home import find_home
    from coase.cli.channel_acts import collect
    from coase.money import show

    identity = unlock(home, wallet, passphrase_file)
    found = asyncio.run(collect(find_home(home), rpc, identity, confirmations))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{show(found['paid'])} dollars in {len(found['transactions'])} transactions")
        for row in found["trouble"]:
            typer.secho(f"  {row['id']}: {row['reason']}", fg="yellow", err=True)
    return int(bool(found["trouble"]))


@app.command("withdraw")
def withdraw(
    channel: Channel,
    amount: Annotated[str | None, typer.Option(help="Dollars; all that is left otherwise.", show_default=False)] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Leave the money in after all.")] = False,
    wallet: Name = "default",
    rpc: Rpc = None,
    home: Home = None,
    confirmations: Confirmations = 1,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Take your money back: asked first, the delay starts; asked after it, the money comes."""
    from coase.agent.home import find_home
    from coase.cli.channel_acts import take_back
    from coase.money import parse, show

    units = None if amount is None else parse(amount)
    identity = unlock(home, wallet, passphrase_file)
    found = asyncio.run(take_back(find_home(home), rpc, identity, channel, units, cancel=cancel, blocks=confirmations))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        when = f"; it can be had from the chain's time {found['ready_at']} on" if found["did"] in WAITING else ""
        typer.echo(f"{found['did']}: {show(found['amount'])} dollars{when}")


WAITING = ("asked", "waits")


def _state(row: dict[str, Any]) -> str:
    if row.get("withdrawing"):
        return "the payer takes its money back"
    return str(row.get("trouble") or "")


def _text(path: Path | None) -> str:
    """A payment from a file or standard input, no longer than one may be."""
    from coase.settlement.channels.payment import LONGEST

    if path is None and sys.stdin.isatty():
        raise UsageError("there is no payment", hint="name a file, or pipe it in", code="no_payment")
    try:
        if path is None:
            return sys.stdin.read(LONGEST + 1).strip()
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST + 1).strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the payment cannot be read: {error}", code="unreadable_file") from error
