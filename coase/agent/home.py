"""Where state lives: the flag, then ``COASE_HOME``, then ``./.coase``, then the user's folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import typer

from coase.errors import ConfigurationError

HERE = Path(".coase")
MANIFEST = "market.json"  # in the folder of a market: its seed and its agents


def find_home(flag: Path | None = None) -> Path:
    """The folder that holds an owner's state; it need not exist yet."""
    if flag is not None:
        return flag.expanduser()
    if from_environment := os.environ.get("COASE_HOME"):
        return Path(from_environment).expanduser()
    return HERE if HERE.is_dir() else Path(typer.get_app_dir("coase"))


def usable(folder: Path) -> Path:
    """Make the folder and check that it can be written; `ConfigurationError` says why it cannot."""
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"the folder {folder} cannot be written: {error.strerror or error}",
            hint="choose another with --home, or set COASE_HOME",
            code="home_not_writable",
        ) from error
    return folder


def read_json(path: Path) -> Any:
    """A JSON file, or None when it does not exist; `ConfigurationError` when it is not JSON."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} is not readable: {error}", code="unreadable_file") from error


def write_json(path: Path, value: Any) -> None:
    """Replace a file in one step, readable by its owner only: it may hold a seed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
