"""The long proofs of the contracts; minutes to an hour.

    python contracts/prove.py                       all stages
    python contracts/prove.py mutations slither     some of them
    python contracts/prove.py mutations --only 2    one mutation, by its number

invariants  forge's random calls, at least 100,000 for each invariant
mutations   bugs seeded into copies of the contracts (mutations.py): the tests must find each
halmos      the arithmetic of claims and refunds (test/halmos), for all values
slither     no finding of high or medium impact without a written reason (slither.json)

Each stage works on a copy and leaves this folder as it is. halmos, its solver and slither are installed, pinned,
into an environment of their own (node_modules/.prove-venv) at their first use.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
TOOLS = MODULES / ".prove-venv"
PINS = ("cvc5==1.4.2", "halmos==0.3.3", "slither-analyzer==0.11.6")
ACCEPTED = HERE / "slither.json"
CALLS = 100_000
SECONDS = 3_600
COLOUR = re.compile(r"\x1b\[\d*m")
# For the mutations: a changed contract does not recompile its tests, and a bug that is there is found soon.
QUICK = {"FOUNDRY_DYNAMIC_TEST_LINKING": "true", "FOUNDRY_FUZZ_RUNS": "64"}


class NotProved(Exception):
    """A stage could not be run; the message says why and what to do."""


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def script(name: str) -> Any:
    """Another script of this folder as a module."""
    spec = importlib.util.spec_from_file_location(f"contracts_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with node and forge first on PATH."""
    build = script("build")
    try:
        found: dict[str, str] = build.environment()
    except build.BuildFailed as error:
        raise NotProved(str(error)) from error
    if not (MODULES / ".bin" / "forge").exists():
        raise NotProved("no forge is installed here: python contracts/build.py, on Linux or macOS")
    return found | {"PATH": f"{MODULES / '.bin'}{os.pathsep}{found['PATH']}", **more}


def run(command: Sequence[str | Path], where: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command's result, whatever its status."""
    try:
        return subprocess.run(
            [str(word) for word in command],
            cwd=where,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotProved(f"'{command[0]}' did not end within {SECONDS} seconds") from error


def copy(to: Path, *roots: str) -> Path:
    """A copy in a new folder of the files that match these globs and of all that they import."""
    build = script("build")
    waiting = [path.relative_to(HERE).as_posix() for root in roots for path in HERE.glob(root)]
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done or name.startswith("node_modules/"):
            continue
        done.add(name)
        text = (HERE / name).read_text(encoding="utf-8")
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_text(text, encoding="utf-8")
        waiting.extend(build.resolve(name, target) for target in build.IMPORT.findall(text))
    shutil.copytree(HERE / "tools", to / "tools")
    shutil.copy2(HERE / "foundry.toml", to)
    (to / "node_modules").symlink_to(MODULES)
    return to


def forge(where: Path, *options: str, **more: str) -> Mapping[str, Any]:
    """forge's report of a run: suite -> {"test_results": {test: {"status", "reason", "kind", ...}}}."""
    done = run([MODULES / ".bin" / "forge", "test", "--json", *options], where, **more)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise NotProved(f"forge did not get to run the tests:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}") from error
    return report


def failures(report: Mapping[str, Any]) -> list[str]:
    """The tests that failed."""
    return [
        test
        for suite in report.values()
        for test, result in suite["test_results"].items()
        if result["status"] != "Success"
    ]


def invariants(where: Path) -> bool:
    """Every invariant holds over `CALLS` random calls."""
    report = forge(copy(where, "test/invariant/*.sol"), FOUNDRY_PROFILE="prove")
    good = not failures(report)
    for suite, content in report.items():
        for test, result in content["test_results"].items():
            kind = result["kind"].get("Invariant")
            calls = kind["calls"] if kind else None
            enough = calls is None or calls >= CALLS
            good = good and enough
            say(f"  {result['status']:8} {suite.partition(':')[2]}.{test} {'' if calls is None else f'{calls} calls'}")
    return good


def mutations(where: Path, only: int | None = None) -> bool:
    """The tests find every seeded bug; a bug that does not compile is an error of the table and not found."""
    table = script("mutations").MUTATIONS
    chosen = list(enumerate(table, 1))
    if only is not None:
        if not 1 <= only <= len(table):
            raise NotProved(f"there are mutations 1 to {len(table)}")
        chosen = [chosen[only - 1]]
    survivors = 0
    checked: set[Path] = set()
    for number, mutation in chosen:
        folder = where / mutation.tests.split("/")[1]
        if folder not in checked:
            checked.add(folder)
            if bad := failures(forge(copy(folder, f"{mutation.tests}.sol"), **QUICK)):
                raise NotProved(f"tests fail without any bug: {', '.join(bad)}")
        found = failures(_with_bug(mutation, folder))
        survivors += not found
        fate = f"killed by {found[0].partition('(')[0]}" if found else "SURVIVED"
        say(f"  {number:2} {mutation.file:16} {mutation.kind:34} {fate}")
    say(f"  {len(chosen) - survivors} of {len(chosen)} killed")
    return survivors == 0


def _with_bug(mutation: Any, folder: Path) -> Mapping[str, Any]:
    """forge's report on a copy with a bug, which is taken out again."""
    path = folder / "src" / f"{mutation.file}.sol"
    sound = path.read_text(encoding="utf-8")
    path.write_text(seeded(mutation, sound), encoding="utf-8")
    try:
        return forge(folder, "--fail-fast", **QUICK)
    finally:
        path.write_text(sound, encoding="utf-8")


def seeded(mutation: Any, text: str) -> str:
    """A source with a bug."""
    if (times := text.count(mutation.before)) != 1:
        raise NotProved(f"'{mutation.kind}': its text occurs {times} times in {mutation.file}.sol: mend mutations.py")
    return text.replace(mutation.before, mutation.after)


def tool(name: str) -> Path:
    """A program of the environment of the proofs, which is made at the first call."""
    binary = TOOLS / "bin" / name
    stamp = TOOLS / "pins"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != "\n".join(PINS):
        say(f"  installing {', '.join(PINS)} ...")
        shutil.rmtree(TOOLS, ignore_errors=True)
        commands: list[list[str | Path]] = [
            [sys.executable, "-m", "venv", TOOLS],
            [TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", *PINS],
        ]
        for command in commands:
            done = run(command, HERE)
            if done.returncode:
                raise NotProved(f"halmos and slither cannot be installed:\n{done.stderr[-2000:]}")
        stamp.write_text("\n".join(PINS), encoding="utf-8")
    return binary


def halmos(where: Path) -> bool:
    """halmos proves each check_ function of test/halmos, with a solver that can divide (tools/integers.py)."""
    program = tool("halmos")
    solver = f"{program.parent / 'python'} tools/integers.py"
    options = ["--solver-command", solver, "--solver-timeout-assertion", "300s"]
    done = run([program, "--root", ".", *options], copy(where, "test/halmos/*.sol"))
    lines = [line for line in done.stdout.splitlines() if "check_" in line or line.startswith("Symbolic")]
    for line in lines:
        say(f"  {COLOUR.sub('', line)}")
    if not lines:
        say(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 0 and bool(lines)


def slither(where: Path) -> bool:
    """Each finding of slither is one that slither.json gives a reason for, and each of those is found."""
    folder = copy(where, "src/**/*.sol")
    options = ["--filter-paths", "node_modules|test/", "--exclude-informational", "--exclude-low"]
    done = run([tool("slither"), ".", *options, "--exclude-optimization", "--json", "found.json"], folder)
    try:
        report = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotProved(f"slither did not get to an end:\n{done.stderr[-2000:]}") from error
    if not report["success"]:
        raise NotProved(f"slither says: {report['error']}")
    found = {finding(one) for one in report["results"].get("detectors", [])}
    reasons: Mapping[str, str] = json.loads(ACCEPTED.read_text(encoding="utf-8"))
    for key in sorted(found | reasons.keys()):
        fate = reasons.get(key, "NO REASON IS GIVEN") if key in found else "NOT FOUND ANY MORE: remove it"
        say(f"  {key}: {fate}")
    return found == reasons.keys()


def finding(one: Mapping[str, Any]) -> str:
    """A finding without line numbers: "check Contract.function"."""
    place = one["elements"][0]
    for element in one["elements"]:
        if element["type"] == "function":
            place = element
            break
    if place["type"] == "variable":
        place = place["type_specific_fields"]["parent"]
    return f"{one['check']} {place['type_specific_fields']['parent']['name']}.{place['name']}"


STAGES: Mapping[str, Callable[..., bool]] = {
    "invariants": invariants,
    "mutations": mutations,
    "halmos": halmos,
    "slither": slither,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the stages; the process's exit status."""
    parser = argparse.ArgumentParser(description="The long proofs of the contracts.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}; all when none is named")
    parser.add_argument("--only", type=int, metavar="N", help="one mutation, by its number")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.stages if name not in STAGES]:
        parser.error(f"no such stage: {', '.join(unknown)}")
    failed = []
    for name in given.stages or STAGES:
        say(name)
        more = {"only": given.only} if name == "mutations" else {}
        try:
            with tempfile.TemporaryDirectory() as folder:
                good = STAGES[name](Path(folder) / "copy", **more)
        except NotProved as error:
            say(f"  {error}")
            good = False
        if not good:
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "all proved")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
