"""Kill a demo with SIGKILL at a chosen point, resume it, and look at the money. Run by the tests beside this file.

python tests/soak/crashes.py 17 40 300     # these points
python tests/soak/crashes.py --all         # every point, one after another
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SUPPLY, FUNDS = 1_000_000_000_000, 100_000_000
KILLED = -9


def coase(*arguments: str, crash_at: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("COASE_CRASH_AT", "COASE_HOME")}
    if crash_at:
        environment["COASE_CRASH_AT"] = str(crash_at)
    command = [sys.executable, "-m", "coase", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)


def points(fault: str = "") -> int:
    """How many points a demo passes."""
    with tempfile.TemporaryDirectory() as folder:
        done = coase("demo", "--json", "--out", f"{folder}/run", *(["--fault", fault] if fault else []))
        return int(json.loads(done.stdout)["timings"]["crash_points"])


def crash_and_resume(point: int, *, again: int = 0, fault: str = "") -> str:
    """Kill a demo at a point (and its resume at another, if `again` is given), resume, check. Returns where it died.

    Raises:
        AssertionError: a deal is left open, or money is lost or doubled.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = f"{folder}/run"
        died = coase("demo", "--json", "--out", home, *(["--fault", fault] if fault else []), crash_at=point)
        assert died.returncode == KILLED, f"point {point}: not killed: {died.stdout[-500:]}{died.stderr[-2000:]}"
        where = died.stderr.strip().splitlines()[-1]
        if not (Path(home) / "market.json").is_file():
            return f"{where} (nothing had begun)"
        if again:
            coase("deals", "resume", "--home", home, "--json", crash_at=again)
        resumed = coase("deals", "resume", "--home", home, "--json")
        assert resumed.returncode == 0, f"{where}: {resumed.stdout[-1000:]}{resumed.stderr[-3000:]}"
        found = json.loads(resumed.stdout)
        assert found["open"] == [], f"{where}: left open {found['open']}"
        listed = json.loads(coase("deals", "list", "--home", home, "--json").stdout)["deals"]
        for result in found["resumed"]:
            check_money(result["balances"], listed, where)
        once_more = json.loads(coase("deals", "resume", "--home", home, "--json").stdout)
        assert once_more["resumed"] == [], f"{where}: a second resume found something to do"
        return where


def check_money(balances: dict[str, int], deals: Iterable[dict[str, Any]], where: str) -> None:
    """Every account holds what its ended deals say, nothing is in escrow, and the sum is the supply."""
    assert sum(balances.values()) == SUPPLY, f"{where}: {sum(balances.values())} of {SUPPLY}"
    assert balances["escrow"] == 0, f"{where}: {balances['escrow']} in escrow"
    expected: dict[str, int] = dict.fromkeys(balances, 0)
    paid: dict[str, int] = {}
    for deal in deals:
        assert not deal["open"], f"{where}: {deal}"
        if deal["state"] == "settled" and deal["role"] in ("buyer", "seller"):
            expected[deal["agent"]] += deal["price"] if deal["role"] == "seller" else -deal["price"]
            paid[deal["deal"]] = paid.get(deal["deal"], 0) + (1 if deal["role"] == "seller" else -1)
    assert not any(paid.values()), f"{where}: one side says settled and the other does not: {paid}"
    for name, balance in balances.items():
        if name not in ("bank", "escrow"):
            assert balance - expected[name] in (0, FUNDS), f"{where}: {name} has {balance}, deals say {expected[name]}"


def main(arguments: list[str]) -> int:
    """Run points two at a time and print what happened at each."""
    chosen = range(1, points() + 1) if arguments == ["--all"] else [int(text) for text in arguments]

    def attempt(point: int) -> str:
        try:
            return f"ok   {crash_and_resume(point)}"
        except (AssertionError, subprocess.TimeoutExpired, ValueError) as error:
            return f"BAD  {point}: {error}"

    bad = 0
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(attempt, chosen):
            bad += line.startswith("BAD")
            print(line, flush=True)  # noqa: T201  # a script
    print(f"{bad} bad of {len(chosen)}")  # noqa: T201  # a script
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
