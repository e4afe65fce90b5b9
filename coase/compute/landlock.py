"""Landlock (landlock(7)): files, TCP and signals, by system calls made through ctypes. Linux 5.13 and later."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

from coase.errors import ComputeError

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system call numbers, the same on every architecture
_BENEATH = 1

WRITE, READ, LIST, MAKE_FILE, TRUNCATE, IOCTL = 1 << 1, 1 << 2, 1 << 3, 1 << 8, 1 << 14, 1 << 15

INPUT = READ | LIST
OUTPUT = WRITE | READ | LIST | MAKE_FILE | TRUNCATE  # a flat folder: nothing is deleted, moved or hidden in it
DEVICE = WRITE | READ | IOCTL
_OF_FILES = WRITE | READ | TRUNCATE | IOCTL


def abi() -> int:
    """The kernel's version of Landlock; 0 without it."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), 1)))


def restrict(allowed: Iterable[tuple[str, int]]) -> int:
    """Give up all files but those beneath the given paths, with the given rights; TCP; signals to others.

    Needs no_new_privs. Returns the version, which tells how much was given up: files 1, moving 2, truncating 3, TCP 4,
    device ioctls 5, signals and abstract sockets 6. 0 where the kernel has no Landlock, and nothing was given up.

    Raises:
        ComputeError: `sandbox_failed`, when the kernel has Landlock and refuses.
    """
    libc, version = _libc(), abi()
    if version == 0:
        return 0
    handled = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        handled |= (1 << bit) if version >= since else 0
    network, scope = 3 if version >= 4 else 0, 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(_CREATE, struct.pack("QQQ", handled, network, scope), ctypes.c_size_t(size), 0)
    if rules < 0:
        raise _failed("landlock_create_ruleset")
    for path, access in allowed:
        _allow(libc, rules, path, access & handled)
    if libc.syscall(_RESTRICT, rules, 0):
        raise _failed("landlock_restrict_self")
    os.close(rules)
    return version


def _allow(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    access &= -1 if os.path.isdir(path) else _OF_FILES
    failed = libc.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", access, handle), 0)
    os.close(handle)
    if failed:
        raise _failed(f"landlock_add_rule {path}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _failed(what: str) -> ComputeError:
    number = ctypes.get_errno()
    return ComputeError(f"{what} failed: {os.strerror(number)}", code="sandbox_failed")
