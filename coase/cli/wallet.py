"""`coase wallet`: a key of your own, encrypted on disk, and what its account holds."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.chains import Home, Json, Rpc, connected, known
from coase.cli.passphrase import passphrase
from coase.errors import ConfigurationError, SignatureError, UsageError

if TYPE_CHECKING:
    from coase.identity import Identity
    from coase.settlement.keystore import Keystore

app = typer.Typer(help="Keep a key encrypted on disk, and see what its account holds.", no_args_is_help=True)

FOLDER = "wallets"
ETHER = 10**18

Name = Annotated[str, typer.Option(help="Which of your wallets.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with the passphrase in its first line; else COASE_PASSPHRASE, else you are asked.",
        show_default=False,
    ),
]


def keystore(home: Path | None) -> Keystore:
    """The wallets of a state folder."""
    from coase.agent.home import find_home
    from coase.settlement.keystore import Keystore

    return Keystore(find_home(home) / FOLDER)


def unlock(home: Path | None, name: str, passphrase_file: Path | None) -> Identity:
    """The key of a wallet; whether it exists is known before anybody types a passphrase."""
    store = keystore(home)
    store.account(name)
    return store.unlock(name, passphrase(passphrase_file))


@app.command("new")
def new(
    name: Name = "default", home: Home = None, passphrase_file: PassphraseFile = None, as_json: Json = False
) -> None:
    """Make a new key at random. Whoever has the file and the passphrase has the money; without either it is lost."""
    from coase.identity import Identity

    _create(keystore(home), name, Identity(_random_key()), passphrase_file, as_json)


@app.command("import")
def import_key(
    name: Name = "default",
    key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the key, 64 hexadecimal digits; else you are asked.", show_default=False),
    ] = None,
    home: Home = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Take over a key that you have. It is never given on the command line, where other users could read it."""
    from coase.identity import Identity

    try:
        identity = Identity(bytes.fromhex(_key_text(key_file).strip().removeprefix("0x")))
    except (ValueError, SignatureError) as error:
        raise UsageError("that is no private key", hint="64 hexadecimal digits", code="bad_key") from error
    _create(keystore(home), name, identity, passphrase_file, as_json)


@app.command("show")
def show(home: Home = None, as_json: Json = False) -> None:
    """Your wallets: their names, accounts and files. No passphrase is needed."""
    store = keystore(home)
    rows = [{"name": one, "account": store.account(one), "file": str(store.path(one))} for one in store.names()]
    if as_json:
        typer.echo(json.dumps({"wallets": rows}))
        return
    for row in rows:
        typer.echo(f"{row['name']:<16}{row['account']}  {row['file']}")
    if not rows:
        typer.echo("No wallets yet. Make one with: coase wallet new")


@app.command("balance")
def balance(
    name: Name = "default",
    rpc: Rpc = None,
    home: Home = None,
    least_ether: Annotated[str, typer.Option(help="Warn below this much ether, which pays for gas.")] = "0.01",
    least_dollars: Annotated[str, typer.Option(help="Warn below this many dollars.")] = "0.00",
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when something is low: for cron and CI.")] = False,
    as_json: Json = False,
) -> int:
    """What the account holds, with a warning when it is too little to go on."""
    from coase import money
    from coase.agent.home import find_home

    account = keystore(home).account(name)
    wei, dollars = asyncio.run(_holdings(account, rpc, find_home(home)))
    low = ["ether"] if wei < money.parse(least_ether, 18) else []
    low += ["dollars"] if dollars is not None and dollars < money.parse(least_dollars) else []
    if as_json:
        typer.echo(json.dumps({"name": name, "account": account, "wei": wei, "dollars": dollars, "low": low}))
    else:
        typer.echo(f"{name}  {account}")
        typer.echo(f"  {money.show(wei, 18)} ether")
        typer.echo(f"  {money.show(dollars)} dollars" if dollars is not None else "  no contracts are known here")
        if "ether" in low:
            typer.secho(
                f"  Low: send ether to {account}, or its transactions cannot be paid for.", fg="yellow", err=True
            )
        if "dollars" in low:
            typer.secho(f"  Low: send dollars to {account}, or it cannot buy.", fg="yellow", err=True)
    return int(check and bool(low))


async def _holdings(account: str, rpc: str | None, home: Path) -> tuple[int, int | None]:
    from coase.settlement.node import Node
    from coase.settlement.records import Patience
    from coase.settlement.token import balance_of

    token = known(home).get("contracts", {}).get("token")
    async with connected(rpc, home) as chain:
        node = Node(chain.w3, Patience(attempts=2, pause=0.2))
        try:
            dollars = await balance_of(node, token, account) if token else None
        except ConfigurationError:  # another chain than the one where they were deployed
            dollars = None
        return await node.balance(account), dollars


def _random_key() -> bytes:
    from coase.identity import Identity

    while True:
        key = secrets.token_bytes(32)
        try:
            return Identity(key).secret
        except SignatureError:  # about one in 2**128
            continue


def _key_text(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask for the key", hint="--key-file FILE", code="no_key")
        return str(typer.prompt("Private key", hide_input=True, err=True))
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read", code="unreadable_file") from error


def _create(store: Keystore, name: str, identity: Identity, passphrase_file: Path | None, as_json: bool) -> None:
    if store.path(name).exists():  # before anybody types a passphrase
        raise UsageError(f"there is a wallet '{name}' already", hint="choose another --name", code="wallet_exists")
    path = store.create(name, identity, passphrase(passphrase_file, confirm=True))
    body: dict[str, Any] = {
        "name": name,
        "account": identity.account,
        "address": identity.address,
        "file": str(path),
    }
    if as_json:
        typer.echo(json.dumps(body))
        return
    typer.echo(f"Wallet '{name}' is in {path}")
    typer.echo(f"  account        {identity.account}   (send ether and dollars here)")
    typer.echo(f"  agent address  {identity.address}")
    typer.echo("Keep a copy of the file, and the passphrase somewhere else: nobody can restore either.")
