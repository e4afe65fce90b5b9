"""What the tests of the command share: running it in a process of its own, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SECONDS = 240


@pytest.fixture(autouse=True)
def own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables do not depend on the terminal: a runner with several workers tells each that it has 80 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def coase() -> Run:
    """Runs `coase` with arguments; `cwd` and `env` as for subprocess."""

    def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COASE_") and k != "COLUMNS"}
        command = [sys.executable, "-m", "coase", *arguments]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**environment, **env},
            timeout=SECONDS,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def demo(coase: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Runs `coase demo --json` with options and returns its object, with the folder of the run under `folder`."""
    known: dict[tuple[str, ...], dict[str, Any]] = {}

    def run(*options: str, fresh: bool = False) -> dict[str, Any]:
        if options not in known or fresh:
            folder = tmp_path_factory.mktemp("demo") / "run"
            done = coase("demo", "--json", "--out", str(folder), *options)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
            known[options] = {**json.loads(done.stdout), "folder": folder}
        return known[options]

    return run
