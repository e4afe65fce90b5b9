"""What each call costs, as the forge tests in test/*/gas.t.sol measure it: transaction gas, exact, the same everywhere.

    python contracts/gas.py            write gas.json
    python contracts/gas.py --check    exit 1 and name what differs from the committed file

Needs node and forge, as build.py installs them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SNAPSHOT = HERE / "gas.json"
SECONDS = 600


class NotMeasured(Exception):
    """The costs cannot be measured; the message says why and what to do."""


def measure() -> dict[str, int]:
    """case -> units of gas."""
    forge = next((HERE / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"), None)
    if forge is None:
        raise NotMeasured("no forge is installed here: python contracts/build.py, on Linux or macOS")
    command = [str(forge), "test", "--json", "-vv", "--match-path", "test/*/gas.t.sol"]
    done = subprocess.run(
        command, cwd=HERE, env=_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        raise NotMeasured(f"forge did not get to run the tests:\n{done.stdout}\n{done.stderr}") from error
    return costs(report)


def costs(report: Mapping[str, Any]) -> dict[str, int]:
    """The lines `gas CASE UNITS ...` that the tests in forge's report printed, by case."""
    found: dict[str, int] = {}
    for suite in report.values():
        for result in suite["test_results"].values():
            for words in (line.split() for line in result["decoded_logs"]):
                if words[:1] == ["gas"]:
                    found[words[1]] = int(words[2])
    return dict(sorted(found.items()))


def differences(measured: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """One sentence for each case whose cost is not the expected one."""
    return [
        f"{case} costs {measured.get(case, 'nothing')} and not {expected.get(case, 'nothing')}"
        for case in sorted(measured.keys() | expected.keys())
        if measured.get(case) != expected.get(case)
    ]


def _environment() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("contracts_build", HERE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    try:
        found: dict[str, str] = build.environment()
    except build.BuildFailed as error:
        raise NotMeasured(str(error)) from error
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the process's exit status."""
    parser = argparse.ArgumentParser(description="Measure what the contracts' calls cost.")
    parser.add_argument("--check", action="store_true", help="compare with the committed file, write nothing")
    check = parser.parse_args(arguments).check
    try:
        measured = measure()
    except NotMeasured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not check:
        SNAPSHOT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        return 0
    said = differences(measured, json.loads(SNAPSHOT.read_text(encoding="utf-8")))
    for sentence in said:
        sys.stderr.write(f"{sentence}: run python contracts/gas.py and commit the result if this is meant\n")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
