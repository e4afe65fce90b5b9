"""Where the markets are that a command looks at."""

from __future__ import annotations

from pathlib import Path

from coase.errors import UsageError


def markets(home: Path | None) -> list[Path]:
    """The folders of the markets under `home`, by name; under the state folder, ``./.coase`` and ``./runs`` if None.

    Raises:
        UsageError: `no_such_home`.
    """
    from coase.agent.home import HERE, MANIFEST, find_home

    if home is not None and not home.is_dir():
        raise UsageError(f"there is no folder {home}", hint="coase demo makes runs/", code="no_such_home")
    found = []
    for place in [home] if home is not None else [find_home(), HERE, Path()]:
        folders = [place, place / "market", *sorted((place / "runs").glob("*"))]
        folders += sorted(place.glob("*")) if home is not None else []
        found += [folder for folder in folders if (folder / MANIFEST).is_file()]
    unique = {folder.resolve(): folder for folder in reversed(found)}
    return sorted(unique.values())
