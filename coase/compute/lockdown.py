"""Lock a process down for good: limits, capabilities, Landlock, seccomp. Called in a job's process, after `fork`.

`lock` returns the tier that it really reached and never claims more than the kernel gave. The escapes that
tests/compute/test_lockdown.py tries say what it is worth.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coase.compute import landlock, syscalls
from coase.errors import ComputeError

_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CAPABILITIES_V3 = 0x20080522
OPEN_FILES, OPEN_FILES_CUDA = 64, 1024


@dataclass(frozen=True)
class Limits:
    """What a job may use.

    Args:
        cpu_seconds: of all its threads.
        memory_bytes: that it may allocate from now on.
        file_bytes: of one file.
        cuda: it has a GPU, whose driver needs more open files and ways of sharing memory.
    """

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int
    cuda: bool = False


def available_tier() -> str:
    """`landlock` (with seccomp), `seccomp` or `none`: what `lock` could reach on this machine."""
    if not sys.platform.startswith("linux") or syscalls.filters() is None:
        return "none"
    return "landlock" if landlock.abi() else "seccomp"


def die_with(parent: int) -> None:
    """End with the process that forked this one, however it ends. Linux."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def lock(read_only: Iterable[str], read_write: Iterable[str], devices: Iterable[str], limits: Limits) -> str:
    """Give up everything but the named folders and devices. There is no way back.

    Returns:
        What was reached: `landlock-7+seccomp` (with the kernel's version of Landlock), a part of it, or `none`.

    Raises:
        ComputeError: `sandbox_failed`: the kernel promised a protection and then did not give it.
    """
    _limit(limits)
    if not sys.platform.startswith("linux"):
        return "none"
    syscalls.filters()  # its files are out of reach in a moment
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    # Root without capabilities is bound by limits, modes and owners like anybody else.
    if libc.capset(struct.pack("Ii", _CAPABILITIES_V3, 0), bytes(24)) or libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise ComputeError(f"privileges could not be dropped: {os.strerror(number)}", code="sandbox_failed")
    rights = ((read_only, landlock.INPUT), (read_write, landlock.OUTPUT), (devices, landlock.DEVICE))
    version = landlock.restrict([(path, right) for paths, right in rights for path in paths])
    reached = [f"landlock-{version}"] if version else []
    reached += ["seccomp"] if syscalls.restrict(cuda=limits.cuda) else []
    return "+".join(reached) or "none"


def _limit(limits: Limits) -> None:
    open_files = OPEN_FILES_CUDA if limits.cuda else OPEN_FILES
    for kind, value in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_DATA, _data_bytes() + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, open_files),
    ):
        with contextlib.suppress(ValueError):  # above a hard limit that somebody has set: lower already
            resource.setrlimit(kind, (value, value))


def _data_bytes() -> int:
    """What RLIMIT_DATA counts and this process has already, having been forked from a large one."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
