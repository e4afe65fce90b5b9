"""`coase chain`: a chain of your own for development, the contracts on a chain, and how it stands."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.chains import Home, Json, Rpc, connected, known, remember
from coase.cli.wallet import PassphraseFile, keystore, unlock
from coase.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from coase.identity import Identity
    from coase.settlement.backend import ChainBackend
    from coase.settlement.governance import GovernanceTerms
    from coase.settlement.outbox import Outbox

app = typer.Typer(help="Run a chain for development, deploy the contracts, see how they stand.", no_args_is_help=True)

ETHER = 10**18
DAY = 24 * 3_600
WALLET_ETHER = 100 * ETHER  # what `up` gives each wallet that has none
WALLET_DOLLARS = 1_000  # what `deploy` gives each wallet
SUPPLY = 1_000_000
PORT = 8545


@app.command("up")
def up(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0 for any free one.")] = PORT,
    anvil: Annotated[
        bool, typer.Option("--anvil", help="Run anvil (Foundry): faster, and its time is the clock's.")
    ] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Keep nothing: another chain the next time.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run a chain of your own until Ctrl-C, for programs of this machine only. It goes on where it was left.

    A development account, whose key everybody knows, has ether for all; each of your wallets is given some.
    """
    from coase.agent.home import find_home

    asyncio.run(_up(find_home(home), port=port, anvil=anvil, memory=memory, as_json=as_json))


@app.command("deploy")
def deploy(
    wallet: Annotated[
        str | None, typer.Option(help="Who deploys and pays; the development account otherwise.", show_default=False)
    ] = None,
    governance: Annotated[
        bool, typer.Option("--governance", help="Give the market's rules to voters: votes, timelock and governor.")
    ] = False,
    votes: Annotated[
        list[str] | None,
        typer.Option(help="WALLET=VOTES, or 0x...=VOTES; 1,000 for each wallet otherwise.", show_default=False),
    ] = None,
    vote_delay: Annotated[int, typer.Option(help="Seconds from a proposal to the vote.")] = DAY,
    vote_period: Annotated[int, typer.Option(help="Seconds of the vote.")] = 3 * DAY,
    timelock: Annotated[int, typer.Option(help="Seconds from the decision to its execution.")] = 2 * DAY,
    rpc: Rpc = None,
    home: Home = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Put the contracts on the chain, once: asked again, it says where they are.

    These are the test dollar, the market's rules, escrow and channels, the registry of agents, the pool of validators,
    reputation, assets and computing time. With --governance, voters decide about the rules once the first proposal is
    executed, and the deployer no longer does; that can be added later, and not taken away.

    The test dollars go to the deployer, and 1,000 to each of your wallets.
    """
    from coase.agent.home import find_home
    from coase.cli import governing

    if votes and not governance:
        raise UsageError("votes are for a market with a government", hint="add --governance", code="bad_votes")
    folder, accounts = find_home(home), _accounts(home)
    terms = governing.terms(vote_delay, vote_period, timelock)
    deployer = development_key() if wallet is None else unlock(home, wallet, passphrase_file)
    holders = governing.holders(votes or (), accounts, deployer.account) if governance else None
    contracts = asyncio.run(_deploy(folder, rpc, deployer, accounts, holders, terms))
    if as_json:
        typer.echo(json.dumps({"deployer": deployer.account, "contracts": contracts}))
        return
    for name, account in contracts.items():
        typer.echo(f"{name:<16}{account}")


@app.command("status")
def status(rpc: Rpc = None, home: Home = None, as_json: Json = False) -> None:
    """The chain, its height and time, whether the contracts are there, and what your wallets hold."""
    from coase.agent.home import find_home

    found = asyncio.run(_status(find_home(home), rpc, _accounts(home)))
    if as_json:
        typer.echo(json.dumps(found))
        return
    from coase import money

    typer.echo(f"chain {found['chain_id']} at {found['url']}: block {found['block']}, time {found['time']}")
    for name, contract in found["contracts"].items():
        typer.echo(f"  {name:<14}{contract['account']}" + ("" if contract["there"] else "   NOT on this chain"))
    if rules := found["rules"]:
        offered = f", offered to {rules['offered_to']}" if rules["offered_to"] else ""
        typer.echo(f"  rules are {'governed by votes' if rules['governed'] else 'of ' + str(rules['owner'])}{offered}")
    if not found["contracts"]:
        typer.echo("  no contracts are known here: coase chain deploy")
    for wallet in found["wallets"]:
        dollars = "" if wallet["dollars"] is None else f", {money.show(wallet['dollars'])} dollars"
        typer.echo(f"  {wallet['name']:<14}{wallet['account']}  {money.show(wallet['wei'], 18)} ether{dollars}")


def development_key() -> Identity:
    """The account that `up` gives all ether at first. Everybody knows its key: it is worth nothing elsewhere."""
    from coase.identity import Identity

    return Identity.from_seed("coase chain", "development")


# ---- below, on the loop


async def _up(home: Path, *, port: int, anvil: bool, memory: bool, as_json: bool) -> None:
    from coase.agent.home import usable

    folder = None if memory else usable(home / ("anvil" if anvil else "chain"))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _running(folder, port, anvil=anvil) as (chain, url):
        await _fund(chain, folder, home)
        place = None if folder is None else str(folder.resolve())
        facts: dict[str, Any] = {"url": url, "chain_id": chain.chain_id, "folder": place}
        before = known(home)
        same = place is not None and before.get("folder") == place
        remember(home, **facts, contracts=before.get("contracts", {}) if same else {})
        facts |= {"kind": "anvil" if anvil else "embedded", "development_account": development_key().account}
        if as_json:
            typer.echo(json.dumps(facts))
        else:
            typer.echo(f"Chain {chain.chain_id} ({facts['kind']}) at {url}; Ctrl-C ends it.")
            typer.echo(f"  kept in {folder}" if folder else "  kept nowhere: it ends with this command")
            typer.echo("Next, in another terminal: coase chain deploy, then coase chain status")
        await stop.wait()


@asynccontextmanager
async def _running(folder: Path | None, port: int, *, anvil: bool) -> AsyncIterator[tuple[ChainBackend, str]]:
    from coase.settlement.anvil import AnvilChain
    from coase.settlement.embedded import EmbeddedChain
    from coase.settlement.server import serve

    alloc = {development_key().account: 1_000_000 * ETHER}
    if anvil:
        async with AnvilChain(folder, alloc=alloc, port=port, block_seconds=1.0) as node:
            yield node, node.rpc.url
        return
    async with EmbeddedChain(folder, alloc=alloc) as chain, serve(chain, port) as url:
        yield chain, url


async def _fund(chain: ChainBackend, folder: Path | None, home: Path) -> None:
    """Ether for each wallet that has none."""
    from coase.settlement.records import Call

    with _journal(folder) as db:
        box = _outbox(chain, development_key(), db)
        await box.resume()
        for account in _accounts(home).values():
            if not await box.node.balance(account):
                await box.send(f"ether/{account}", Call(account, value=WALLET_ETHER, gas=21_000))


async def _deploy(
    home: Path,
    rpc: str | None,
    deployer: Identity,
    wallets: dict[str, str],
    votes: dict[str, int] | None,
    terms: GovernanceTerms,
) -> dict[str, str]:
    from coase.agent.home import usable
    from coase.cli.governing import govern
    from coase.money import DOLLAR
    from coase.settlement import deploy as contracts
    from coase.settlement.institutions import deploy_institutions

    async with connected(rpc, home) as chain:
        holders = dict.fromkeys(wallets.values(), WALLET_DOLLARS * DOLLAR)
        holders[deployer.account] = SUPPLY * DOLLAR - sum(holders.values())
        # One journal a chain: two development chains may have the same number, and not the same history.
        first = await _first_block(chain)
        with _journal(usable(home / "journals"), f"{chain.chain_id}-{first[2:18]}-{deployer.account}") as db:
            box = _outbox(chain, deployer, db)
            await box.resume()
            market = await contracts.deploy(box, holders)
            found = {**asdict(market), **asdict(await deploy_institutions(box, market))}
            government = await govern(box, market, votes, terms)
            found |= asdict(government) if government else {}
        remember(home, url=chain.url, chain_id=chain.chain_id, contracts=found)
        return found


async def _status(home: Path, rpc: str | None, wallets: dict[str, str]) -> dict[str, Any]:
    from coase.cli.governing import rules_of
    from coase.settlement.node import Node
    from coase.settlement.records import Patience
    from coase.settlement.token import balance_of

    contracts = known(home).get("contracts", {})
    async with connected(rpc, home) as chain:
        node = Node(chain.w3, Patience(attempts=2, pause=0.2))
        head = await node.head()
        there = {name: bool(len(await _code(node, account))) for name, account in contracts.items()}
        token = contracts.get("token") if there.get("token") else None
        return {
            "url": chain.url,
            "chain_id": chain.chain_id,
            "block": head.number,
            "hash": head.hash,
            "time": head.time,
            "contracts": {name: {"account": contracts[name], "there": there[name]} for name in contracts},
            "rules": await rules_of(node, contracts) if there.get("rules") else None,
            "wallets": [
                {
                    "name": name,
                    "account": account,
                    "wei": await node.balance(account),
                    "dollars": await balance_of(node, token, account) if token else None,
                }
                for name, account in wallets.items()
            ],
        }


async def _code(node: Any, account: str) -> bytes:
    return bytes(await node.ask(lambda: node.w3.eth.get_code(account)))


async def _first_block(chain: ChainBackend) -> str:
    from coase.settlement.node import Node
    from coase.settlement.records import Patience

    (first,) = await Node(chain.w3, Patience(attempts=2, pause=0.2)).headers([0])
    if first is None:
        raise ConfigurationError("this node does not show its first block", hint="ask another node")
    return first.hash


def _accounts(home: Path | None) -> dict[str, str]:
    store = keystore(home)
    return {name: store.account(name) for name in store.names()}


def _journal(folder: Path | None, name: str = "development") -> closing[sqlite3.Connection]:
    db = sqlite3.connect(folder / f"{name}.db" if folder is not None else ":memory:", isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    return closing(db)


def _outbox(chain: ChainBackend, identity: Identity, db: sqlite3.Connection) -> Outbox:
    from coase.settlement.outbox import Outbox

    return Outbox(chain.w3, identity, db, chain.chain_id)
