"""What a locked-down job can still do: each attempt in a fresh child, through the real lockdown. Run by a test.

Prints one JSON object: attempt -> outcome; an outcome is ``done: ...``, ``errno 13``, ``MemoryError`` or ``signal 9``.
An attempt can fail for want of a module and so look contained: everything is imported first and errno is reported.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401  # else a connection fails for want of it
import fcntl
import json
import mmap
import os
import platform
import resource
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coase.compute import lockdown, syscalls

ROOT = Path(sys.argv[1])
SERVER = os.getpid()
MIB = 2**20
libc = ctypes.CDLL(None, use_errno=True)
resolve: Callable[[int, str], int] = syscalls.filters().resolve_syscall  # type: ignore[union-attr]  # it is there


def call(name: str, *arguments: Any) -> str:
    """A system call by name, as no library would make it."""
    if libc.syscall(resolve(0, name), *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "went through"


def read(path: Any) -> bytes:
    """The beginning of a file."""
    with open(path, "rb") as file:
        return file.read(64)


def write(path: Any, size: int = 1) -> str:
    """So many bytes into a file."""
    with open(path, "wb") as file:
        file.write(bytes(size))
    return "written"


def thread() -> str:
    """Whether a second thread runs."""
    found: list[int] = []
    worker = threading.Thread(target=lambda: found.append(1))
    worker.start()
    worker.join()
    return "ran" if found else "did not run"


def shared(size: int) -> str:
    """Memory that is nobody's data."""
    with mmap.mmap(-1, size) as memory:
        memory[: 8 * MIB] = b"1" * (8 * MIB)
    return "shared"


def raise_limit() -> str:
    """A higher limit for itself."""
    return call("prlimit64", 0, resource.RLIMIT_DATA, (ctypes.c_ulong * 2)(2**40, 2**40), None)


def capabilities() -> list[int]:
    """What it is still capable of, where even root is capable of everything by default."""
    sets = (ctypes.c_uint32 * 6)()
    call("capget", struct.pack("Ii", 0x20080522, 0), sets)
    return list(sets)


def x32_socket() -> str:
    """A socket, by the numbers of the x32 ABI."""
    if libc.syscall(0x40000000 + 41, 2, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "x32")
    return "went through"


OUT, SECRET = ROOT / "out", ROOT / "secret"
ATTEMPTS: dict[str, Callable[[], Any]] = {
    # what a job needs
    "write its own folder": lambda: write(OUT / "mine"),
    "overwrite its own file": lambda: write(OUT / "log.txt"),
    "read its input": lambda: read(ROOT / "in" / "data"),
    "start a thread": thread,
    "allocate 50 MiB": lambda: len(bytearray(50 * MIB)),
    "count its capabilities": capabilities,
    # the network
    "TCP": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    "UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "UNIX socket": lambda: socket.socket(socket.AF_UNIX),
    "socket pair": socket.socketpair,
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "socket by the x32 door": x32_socket,
    # files
    "read /etc/passwd": lambda: read("/etc/passwd"),
    "read a secret beside it": lambda: read(SECRET),
    "list /": lambda: os.listdir("/"),
    "read the server's environment": lambda: read(f"/proc/{SERVER}/environ"),
    "read the server's memory": lambda: read(f"/proc/{SERVER}/mem"),
    "read its own environment": lambda: read("/proc/self/environ"),
    "read a device": lambda: read("/dev/zero"),
    "write outside": lambda: write(ROOT / "more"),
    "write an input": lambda: write(ROOT / "in" / "data"),
    "truncate outside": lambda: os.truncate(SECRET, 0),
    "delete outside": lambda: os.unlink(SECRET),
    "change a mode": lambda: os.chmod(SECRET, 0o777),
    "change a mode through a descriptor": lambda: os.fchmod(1, 0o777),
    "change an owner": lambda: os.chown(SECRET, 1, 1),
    "change a time": lambda: os.utime(SECRET, (0, 0)),
    "set an attribute": lambda: os.setxattr(SECRET, "user.x", b"1"),
    "watch a file": lambda: call("inotify_add_watch", 0, str(SECRET).encode(), 0xFFF),
    "symbolic link": lambda: os.symlink(SECRET, OUT / "link"),
    "hard link": lambda: os.link(SECRET, OUT / "link"),
    "move something in": lambda: os.rename(SECRET, OUT / "moved"),
    "device node": lambda: os.mknod(OUT / "device", 0o20666, os.makedev(1, 1)),
    "named pipe": lambda: os.mkfifo(OUT / "pipe"),
    "a folder to hide in": lambda: os.mkdir(OUT / "deeper"),
    "a file without a name": lambda: os.open(OUT, os.O_TMPFILE | os.O_RDWR, 0o600),
    "delete a file that goes on growing": lambda: os.unlink(OUT / "log.txt"),
    "open_by_handle_at": lambda: call("open_by_handle_at", 0, ctypes.create_string_buffer(64), 0),
    "openat2": lambda: call("openat2", -100, b"/etc/passwd", ctypes.create_string_buffer(24), 24),
    "80 MiB in a file": lambda: write(OUT / "large", 80 * MIB),
    # processes and programs
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "subprocess": lambda: subprocess.run(["/bin/true"], check=True),
    "fork": lambda: os._exit(66) if os.fork() == 0 else "forked",
    "clone3": lambda: call("clone3", ctypes.create_string_buffer(88), 88),
    "signal the server": lambda: os.kill(SERVER, 0),
    "signal the server's thread": lambda: call("tgkill", SERVER, SERVER, 0),
    "queue the server a signal": lambda: call("rt_sigqueueinfo", SERVER, 0, ctypes.create_string_buffer(128)),
    "signal init": lambda: os.kill(1, 0),
    "signal by way of a file": lambda: fcntl.fcntl(1, fcntl.F_SETOWN, SERVER),
    "open the server as a file": lambda: call("pidfd_open", SERVER, 0),
    "trace the server": lambda: call("ptrace", 16, SERVER, 0, 0),
    "read the server's memory by call": lambda: call("process_vm_readv", SERVER, 0, 0, 0, 0, 0),
    "limit the server": lambda: resource.prlimit(SERVER, resource.RLIMIT_NOFILE, (8, 8)),
    "slow the server": lambda: os.setpriority(os.PRIO_PROCESS, SERVER, 10),
    "pin the server": lambda: os.sched_setaffinity(SERVER, {0}),
    "outlive the server": lambda: call("prctl", 1, 0, 0, 0, 0),
    # the kernel
    "unshare": lambda: call("unshare", 0x10000000),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
    "io_uring": lambda: call("io_uring_setup", 8, ctypes.create_string_buffer(256)),
    "bpf": lambda: call("bpf", 0, 0, 0),
    "performance events": lambda: call("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "key rings": lambda: call("keyctl", 0, -3, 0),
    "kernel log": lambda: call("syslog", 3, ctypes.create_string_buffer(64), 64),
    "setuid": lambda: os.setuid(1),
    "take capabilities back": lambda: call("capset", ctypes.create_string_buffer(8), ctypes.create_string_buffer(24)),
    # memory
    "1 GiB": lambda: len(bytearray(1024 * MIB)),
    "1 GiB that nobody counts": lambda: shared(1024 * MIB),
    "System V memory": lambda: call("shmget", 0, 64 * MIB, 0o1600),
    "a file in memory": lambda: os.memfd_create("x"),
    "raise a limit": raise_limit,
    "40 more open files": lambda: [os.dup(1) for _ in range(lockdown.OPEN_FILES)],
}
if platform.machine() != "x86_64":
    del ATTEMPTS["socket by the x32 door"]


def attempt(action: Callable[[], Any]) -> str:
    """One attempt in a fresh child."""
    for part in ("in", "out"):
        (ROOT / part).mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "in" / "data", SECRET, OUT / "log.txt"):
        path.write_text("x")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os._exit(inside(action, writing))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return said or f"signal {-code}"


def inside(action: Callable[[], Any], writing: int) -> int:
    """The child: lock down, try, tell."""
    try:
        log = os.open(OUT / "log.txt", os.O_WRONLY)
        os.dup2(log, 1)
        limits = lockdown.Limits(cpu_seconds=20, memory_bytes=256 * MIB, file_bytes=64 * MIB)
        lockdown.lock([str(ROOT / "in")], [str(OUT)], [], limits)
        try:
            said = f"done: {action()!r}"
        except OSError as error:
            said = f"errno {error.errno}"
        except MemoryError:
            said = "MemoryError"
    except BaseException as error:  # noqa: BLE001  # a broken attempt must be seen as one
        said = f"broken: {error!r}"
    os.write(writing, said[:200].encode())
    return 0


sys.stdout.write(json.dumps({name: attempt(action) for name, action in ATTEMPTS.items()}))
