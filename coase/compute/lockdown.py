"""Lock a process down for good: Landlock (files, TCP, signals), seccomp, resource limits. Linux; called after `fork`.

`lock` returns the tier that it really reached and never claims more than the kernel gave. Sources: landlock(7),
seccomp(2), and the escapes that tests/compute/test_lockdown.py tries.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import os
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from coase.errors import ComputeError

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system call numbers, the same on every architecture
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CLONE_THREAD = 0x00010000

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_NEVER = (1 << 0) | (1 << 6) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)  # execute, device nodes, sockets, links
_ON_A_FILE = _WRITE | _READ | (1 << 14)

# Looking outside, changing other processes or the kernel, becoming another program.
FORBIDDEN = tuple(
    (
        "socket socketpair connect bind listen accept accept4 sendto sendmsg ptrace process_vm_readv process_vm_writev"
        " kcmp pidfd_open pidfd_getfd pidfd_send_signal kill tkill mount umount2 move_mount open_tree fsopen fsmount"
        " pivot_root chroot bpf perf_event_open kexec_load kexec_file_load init_module finit_module delete_module keyctl"
        " add_key request_key unshare setns userfaultfd io_uring_setup io_uring_enter io_uring_register execve execveat"
        " fork vfork setuid setgid setresuid setresgid setgroups capset reboot swapon swapoff acct settimeofday"
        " clock_settime sethostname setdomainname quotactl name_to_handle_at open_by_handle_at mknod mknodat symlink"
        " symlinkat link linkat setpriority ioprio_set migrate_pages move_pages rt_tgsigqueueinfo rt_sigqueueinfo"
    ).split()
)
# Allowed for the process itself only; neither Landlock nor ptrace rules cover them.
ONLY_ON_ITSELF = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")


@dataclass(frozen=True)
class Limits:
    """What a job may use: CPU seconds, bytes of memory, bytes of one file, open files."""

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int
    open_files: int = 64


def available_tier() -> str:
    """`landlock`, `seccomp` or `none`: what `lock` could reach on this machine."""
    if not sys.platform.startswith("linux"):
        return "none"
    if importlib.util.find_spec("pyseccomp") is None:
        return "none"
    return "landlock" if landlock_abi() else "seccomp"


def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    path = shutil.which("bwrap")
    if path is None:
        return False
    command = [path, "--unshare-user", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/", "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 without it."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(_CREATE, None, ctypes.c_size_t(0), 1))


def lock(read_only: Iterable[str], read_write: Iterable[str], limits: Limits) -> str:
    """Give up everything but the named folders. There is no way back. Returns the tier reached.

    Raises:
        ComputeError: the kernel promised a protection and then did not give it.
    """
    for kind, value in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        resource.setrlimit(kind, (value, value))
    tier = available_tier()
    if tier == "none":
        return tier
    libc = _libc()
    libc.prctl(_PDEATHSIG, 9, 0, 0, 0)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _failed("no_new_privs")
    abi = _landlock(read_only, read_write)
    _seccomp()
    return f"landlock-{abi}+seccomp" if abi else "seccomp"


def _landlock(read_only: Iterable[str], read_write: Iterable[str]) -> int:
    libc, abi = _libc(), landlock_abi()
    if abi == 0:
        return 0
    files = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        files |= (1 << bit) if abi >= since else 0
    network, scope = 3 if abi >= 4 else 0, 3 if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = libc.syscall(_CREATE, struct.pack("QQQ", files, network, scope), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise _failed("landlock_create_ruleset")
    for paths, access in ((read_only, _READ | _LIST), (read_write, files & ~_NEVER)):
        for path in paths:
            _allow(libc, ruleset, path, access)
    if libc.syscall(_RESTRICT, ruleset, 0):
        raise _failed("landlock_restrict_self")
    os.close(ruleset)
    return abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    allowed = access if os.path.isdir(path) else access & _ON_A_FILE
    failed = libc.syscall(_ADD, ruleset, 1, struct.pack("=Qi", allowed, handle), 0)
    os.close(handle)
    if failed:
        raise _failed(f"landlock_add_rule {path}")


def _seccomp() -> None:
    import pyseccomp as filters  # the worker server imported it before the files were closed

    rules = filters.SyscallFilter(defaction=filters.ALLOW)
    refuse = filters.ERRNO(errno.EPERM)
    for name in FORBIDDEN:
        rules.add_rule(refuse, name)
    # Threads yes, processes no. RLIMIT_NPROC does not bind root; clone3 hides its flags, and without it libc uses clone.
    rules.add_rule(filters.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(refuse, "clone", filters.Arg(0, filters.MASKED_EQ, _CLONE_THREAD, 0))
    for name in ONLY_ON_ITSELF:
        rules.add_rule(refuse, name, filters.Arg(0, filters.NE, 0))
    rules.load()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _failed(what: str) -> ComputeError:
    number = ctypes.get_errno()
    return ComputeError(f"{what} failed: {os.strerror(number)}", code="sandbox_failed")
