"""The whole worker server inside bubblewrap: namespaces of its own, and no files but Python's and its jobs'.

Jobs are locked down in there once more (`coase.compute.lockdown`). Used wherever bubblewrap is installed and works.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

_NAMESPACES = ("--unshare-all", "--die-with-parent", "--cap-drop", "ALL")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/sys/devices")
_PATIENCE = 10  # seconds


@lru_cache(1)
def program() -> str | None:
    """Where bubblewrap is, if it may make namespaces here; else None. Tried once."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    command = [path, *_NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/true"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if done.returncode == 0 else None


def wrap(bwrap: str, command: Sequence[str], readable: Sequence[Path], writable: Path) -> list[str]:
    """The command, inside: no network, no other processes, no files but the system's libraries and these folders."""
    folders = dict.fromkeys([*_SYSTEM, sys.prefix, sys.base_prefix, *map(str, readable)])
    shown = [part for path in folders for part in ("--ro-bind-try", path, path)]
    devices = [
        part for path in sorted(Path("/dev").glob("nvidia*")) for part in ("--dev-bind-try", str(path), str(path))
    ]
    return [
        bwrap,
        *_NAMESPACES,
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108  # a new one, inside
        *devices,
        *shown,
        *("--bind", str(writable), str(writable)),
        *("--chdir", str(writable)),
        "--",
        *command,
    ]


def outer_pid(inner: int, ancestor: int) -> int | None:
    """What the machine calls the process `inner` of the namespace that `ancestor` made; None when it is gone."""
    parents: dict[int, int] = {}
    candidates: list[int] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        except OSError:
            continue
        parents[int(folder.name)] = int(fields["PPid"])
        names = fields.get("NSpid", "").split()
        if len(names) > 1 and int(names[-1]) == inner:
            candidates.append(int(folder.name))
    return next((pid for pid in candidates if _descends(pid, ancestor, parents)), None)


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid and pid != ancestor:
        pid = parents.get(pid, 0)
    return pid == ancestor
