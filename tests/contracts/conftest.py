"""What the contract tests share: the build script as a module, the artifacts, and forge's report of one run."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
ARTIFACTS = CONTRACTS.parent / "coase" / "settlement" / "abi"


def _absent(reason: str) -> NoReturn:
    """Skip; or fail, where everything is required."""
    if os.environ.get("COASE_REQUIRE_ALL"):
        pytest.fail(f"COASE_REQUIRE_ALL is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """contracts/build.py, which is a script and in no package."""
    return _script("build")


@pytest.fixture(scope="session")
def gas() -> ModuleType:
    """contracts/gas.py."""
    return _script("gas")


@pytest.fixture(scope="session")
def prove() -> ModuleType:
    """contracts/prove.py."""
    return _script("prove")


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"contracts_{name}", CONTRACTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def artifact() -> Callable[[str], dict[str, Any]]:
    """Reads a committed artifact."""

    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
        return found

    return read


@pytest.fixture(scope="session")
def toolchain(build: ModuleType) -> dict[str, str]:
    """The environment in which the installed tools run."""
    if not (CONTRACTS / "node_modules" / "solc").is_dir():
        _absent("contracts/node_modules is not installed: python contracts/build.py")
    try:
        environment: dict[str, str] = build.environment()
    except build.BuildFailed as error:
        _absent(str(error))
    return environment


@pytest.fixture(scope="session")
def forge_report(toolchain: dict[str, str]) -> dict[str, Any]:
    """What `forge test` says: suite -> {"test_results": {test: {"status", "reason", "decoded_logs", ...}}}."""
    binary = next((CONTRACTS / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"), None)
    if binary is None or shutil.which(str(binary)) is None:
        _absent("no forge is installed for this platform: see optionalDependencies in contracts/package.json")
    done = subprocess.run(
        [str(binary), "test", "--json", "-vv"],
        cwd=CONTRACTS,
        env=toolchain,
        capture_output=True,
        text=True,
        timeout=840,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"forge did not get to run the tests:\n{done.stdout}\n{done.stderr}")
    return report
