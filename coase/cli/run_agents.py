"""`coase run AGENT.toml ...`: agents of your own on a market of your own, until they have what they want or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.interrupt import Interrupted, interruptible
from coase.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from coase.agent.marketplace import Marketplace
    from coase.agent.want import Deal

MAX_BYTES = 64 * 1024
KEYS = {"agent", "name", "funds", "parameters", "want"}


def run_agents(
    files: Annotated[list[Path], typer.Argument(help="Agents to run, one TOML file each; see agents/*/agent.toml.")],
    transport: Annotated[str, typer.Option(help="memory (in process) or mqtt (an embedded broker).")] = "memory",
    port: Annotated[int, typer.Option(help="Of the MQTT broker; 0 takes a free one.", min=0, max=65535)] = 0,
    seed: Annotated[int | None, typer.Option(help="Of keys and draws; random otherwise.", show_default=False)] = None,
    home: Annotated[Path | None, typer.Option(help="The folder of the market's state.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Run agents on a market in this process.

    Sellers open their shops in the order given; then each buyer gets the things its file wants. Without a buyer the
    sellers wait for customers until Ctrl-C.

        coase run agents/data_provider/agent.toml agents/validator/agent.toml agents/buyer/agent.toml
    """
    configurations = [read_configuration(path) for path in files]
    from coase.agent.marketplace import Marketplace
    from coase.cli.demo.screen import Screen
    from coase.cli.tables import console_for_people

    console = console_for_people(stderr=as_json)
    with Screen(console, quiet=as_json) as screen:
        market = Marketplace.embedded(home, seed=seed, transport=transport, port=port, on_event=screen.event)
        try:
            rows = asyncio.run(_run(market, configurations, console))
        except Interrupted:
            return 130
    if as_json:
        typer.echo(json.dumps({"deals": rows}))
    else:
        for row in rows:
            console.print(f"{row['deal']}: {row['status']} ({row['reason']})", highlight=False)
    return 0 if all(row["status"] == "settled" for row in rows) else 1


def read_configuration(path: Path) -> dict[str, Any]:
    """An agent's TOML file.

    Returns:
        agent (a name, or a path relative to the file), name, funds, parameters, want (a list of wants).

    Raises:
        ConfigurationError: it cannot be read, is not TOML, or holds something unknown.
    """
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise ConfigurationError(f"{path} has {len(data)} bytes, more than {MAX_BYTES}", code="file_too_large")
        found = tomllib.loads(data.decode())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", code="unreadable_file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not TOML: {error}", hint="compare agents/buyer/agent.toml", code="bad_toml"
        ) from error
    unknown = set(found) - KEYS
    if unknown or not isinstance(found.get("agent"), str):
        what = f"does not know {', '.join(sorted(unknown))}" if unknown else 'needs agent = "NAME or PATH"'
        raise ConfigurationError(f"{path} {what}", hint=f"keys: {', '.join(sorted(KEYS))}", code="bad_configuration")
    if found["agent"].endswith(".py"):
        found["agent"] = str(path.parent / found["agent"])
    return {"name": "", "funds": "100.00", "parameters": {}, "want": [], **found}


async def _run(market: Marketplace, configurations: list[dict[str, Any]], console: Console) -> list[dict[str, Any]]:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(market)
        return await interruptible(market, lambda: _trade(market, configurations, console), console)


async def _trade(market: Marketplace, configurations: list[dict[str, Any]], console: Console) -> list[dict[str, Any]]:
    from coase.agent.buyer import Buyer

    buyers: list[tuple[Buyer, list[dict[str, Any]]]] = []
    for configuration in configurations:
        party = await market.add(
            configuration["agent"],
            name=configuration["name"],
            funds=configuration["funds"],
            **configuration["parameters"],
        )
        if isinstance(party, Buyer):
            buyers.append((party, configuration["want"]))
    if not buyers:
        console.print("Shops are open. Ctrl-C closes them.")
        await asyncio.Event().wait()
    deals = [await _get(buyer, dict(want)) for buyer, wants in buyers for want in wants]
    await market.quiet()
    return [_row(deal) for deal in deals]


async def _get(buyer: Any, fields: dict[str, Any]) -> Deal:
    from pydantic import ValidationError

    from coase.agent.want import Want

    by = fields.pop("by", "10m")
    try:
        want = Want(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"a want is not usable: {where}: {first['msg']}", code="bad_want") from error
    found: Deal = await buyer.buy(want, by)
    return found


def _row(deal: Deal) -> dict[str, Any]:
    return {
        "deal": deal.name,
        "status": deal.status,
        "reason": deal.code,
        "explanation": deal.reason,
        "price": deal.price,
    }
