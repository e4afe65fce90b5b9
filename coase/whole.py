"""Files that are written whole or not at all: a name never leads to half of what should be there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coase.errors import ConfigurationError


def write_whole(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Have a file written beside its place, then move it there; return its path.

    Args:
        path: where it belongs.
        write: writes everything to the path that it is given.

    Raises:
        ConfigurationError: `unwritable_file`: the disk or the folder does not take it.
    """
    file = Path(path)
    part = file.with_name(file.name + ".part")
    try:
        write(part)
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise ConfigurationError(
            f"cannot write {file}: {error.strerror or error}",
            hint="free some space, or choose another place",
            code="unwritable_file",
        ) from error
    return file


def check_place(path: str | Path) -> None:
    """Raise as `write_whole` would, before the work whose result is to be written there."""
    file = Path(path)
    beside = file.with_name(f"{file.name}.try")
    write_whole(beside, Path.touch)
    beside.unlink()
