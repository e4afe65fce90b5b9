"""Where a passphrase comes from: a file, the environment, or the terminal. Never the command line, which others see."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import typer

from coase.errors import ConfigurationError, UsageError

VARIABLE = "COASE_PASSPHRASE"


def passphrase(file: Path | None, *, confirm: bool = False) -> str:
    """The passphrase.

    Args:
        file: whose first line it is; others than its owner must not be able to read it.
        confirm: ask twice on a terminal.

    Raises:
        ConfigurationError: the file cannot be read, or others can read it.
        UsageError: `no_passphrase`, when there is none of the three.
    """
    if file is not None:
        return _from(file)
    if (given := os.environ.get(VARIABLE)) is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError(
            "a passphrase is needed, and there is no terminal to ask on",
            hint=f"--passphrase-file FILE, or the variable {VARIABLE}",
            code="no_passphrase",
        )
    return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))


def _from(file: Path) -> str:
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(f"others can read {file}", hint=f"chmod 600 {file}", code="passphrase_file_open")
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read", code="unreadable_file") from error
    return lines[0] if lines else ""
