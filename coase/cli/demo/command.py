"""The `coase demo` command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coase.cli.interrupt import Interrupted, interruptible
from coase.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from coase.cli.demo.play import Play

FAULT_NAMES = ("tampered-listing", "overspend", "no-delivery", "tampered-result", "crash")
RUNS = Path("runs")
MOST_RUNS = 10_000


def demo(
    seed: Annotated[
        int, typer.Option(help="Of everything: the same seed gives the same result.", min=0, max=2**62)
    ] = 1,
    fault: Annotated[
        str, typer.Option(help=f"Let something go wrong: {', '.join(FAULT_NAMES)}.", show_default=False)
    ] = "",
    transport: Annotated[str, typer.Option(help="memory (in process) or mqtt (an embedded broker).")] = "memory",
    port: Annotated[int, typer.Option(help="Of the MQTT broker; 0 takes a free one.", min=0, max=65535)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The folder of this run; a new one in runs/ otherwise.", show_default=False)
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Where runs/ is kept.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Watch agents find each other, bargain, train a real model, prove it and settle on a real EVM.

    A buyer wants a digit classifier. It buys a data set and weights, takes sealed quotes from three GPU providers,
    bargains, has the weights fine-tuned in a sandbox, has a validator replay a part of the work, and pays.

        coase demo --seed 2
        coase demo --fault tampered-result --json
    """
    started = time.perf_counter()
    if fault and fault not in FAULT_NAMES:
        raise UsageError(f"there is no fault '{fault}'", hint=f"one of {', '.join(FAULT_NAMES)}", code="unknown_fault")
    from coase.cli.demo.play import Play

    folder = _folder(out, home, seed, fault)
    imported = time.perf_counter() - started
    from coase.cli.demo.outcome import succeeded
    from coase.cli.demo.screen import Screen, summary
    from coase.cli.tables import console_for_people

    console = console_for_people()
    with Screen(console, quiet=as_json) as screen:
        if not as_json:
            console.print(f"[bold]coase demo[/], seed {seed}{f', fault {fault}' if fault else ''}", highlight=False)
        play = Play(folder, seed, fault, transport=transport, port=port, watch=screen.event)
        play.timings["imports"] = imported
        try:
            found = asyncio.run(_perform(play, console))
        except Interrupted:
            return 130
    if as_json:
        seconds = {name: round(value, 3) for name, value in play.timings.items()}
        total = round(time.perf_counter() - started, 3)
        typer.echo(json.dumps({**found, "timings": {**seconds, "total": total, **_measured(folder)}}))
    else:
        summary(console, found, play.timings, str(folder))
    return 0 if succeeded(found) else 1


async def _perform(play: Play, console: Console) -> dict[str, Any]:
    from coase.agent.home import write_json
    from coase.cli.demo.outcome import outcome
    from coase.cli.demo.report import write_report

    async with contextlib.AsyncExitStack() as stack:
        with play.timed("start"):
            await stack.enter_async_context(play.market)
        await interruptible(play.market, play.run, console)
        found = outcome(play, await play.market.balances())
        write_json(play.home / "result.json", found)
        with play.timed("report"):
            write_report(play.home / "report.html", found, play.buyer.journal.deals("buyer"), play.timings)
        stopping = time.perf_counter()
    play.timings["stop"] = time.perf_counter() - stopping
    return found


def _measured(folder: Path) -> dict[str, Any]:
    from coase import crash
    from coase.cli.demo.outcome import memory_mib

    return {"peak_mib": memory_mib(), "crash_points": crash.passed, "folder": str(folder)}


def _folder(out: Path | None, home: Path | None, seed: int, fault: str) -> Path:
    """A new folder for this run: `out`, or the next free name in ``runs/`` of the home or of the current folder."""
    from coase.agent.home import usable

    if out is not None:
        if out.is_dir() and any(out.iterdir()):
            raise UsageError(f"the folder {out} is not empty", hint="give a new one, or none", code="folder_not_empty")
        return usable(out)
    base = home or (Path(os.environ["COASE_HOME"]) if os.environ.get("COASE_HOME") else None)
    runs = usable(base / RUNS if base else RUNS)
    stem = f"seed-{seed}" + (f"-{fault}" if fault else "")
    for number in range(1, MOST_RUNS):
        folder = runs / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise UsageError(f"{runs} holds too many runs", hint="coase demo --out FOLDER, or make clean", code="too_many_runs")
