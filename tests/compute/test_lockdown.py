"""The sandbox: what a locked-down process can and cannot do, by trying it."""

from __future__ import annotations

import errno
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from coase.compute import landlock, lockdown, syscalls

LANDLOCK = f"errno {errno.EACCES}"
SECCOMP = f"errno {errno.EPERM}"
NO_SUCH_CALL = f"errno {errno.ENOSYS}"

EXPECTED = {
    "write its own folder": "done: 'written'",
    "overwrite its own file": "done: 'written'",
    "read its input": "done: b'x'",
    "start a thread": "done: 'ran'",
    "allocate 50 MiB": f"done: {50 * 2**20}",
    "count its capabilities": "done: [0, 0, 0, 0, 0, 0]",
    **dict.fromkeys(("TCP", "UDP", "UNIX socket", "socket pair", "netlink"), SECCOMP),
    **dict.fromkeys(
        (
            "read /etc/passwd",
            "read a secret beside it",
            "list /",
            "read the server's environment",
            "read the server's memory",
            "read its own environment",
            "read a device",
            "write outside",
            "write an input",
            "truncate outside",
            "delete outside",
            "move something in",
            "delete a file that goes on growing",
        ),
        LANDLOCK,
    ),
    **dict.fromkeys(
        (
            "change a mode",
            "change a mode through a descriptor",
            "change an owner",
            "change a time",
            "set an attribute",
            "watch a file",
            "symbolic link",
            "hard link",
            "device node",
            "named pipe",
            "a folder to hide in",
            "a file without a name",
            "open_by_handle_at",
            "exec",
            "subprocess",
            "fork",
            "signal the server",
            "signal the server's thread",
            "queue the server a signal",
            "signal init",
            "signal by way of a file",
            "open the server as a file",
            "trace the server",
            "read the server's memory by call",
            "limit the server",
            "slow the server",
            "pin the server",
            "outlive the server",
            "unshare",
            "mount",
            "io_uring",
            "bpf",
            "performance events",
            "key rings",
            "kernel log",
            "setuid",
            "take capabilities back",
            "1 GiB that nobody counts",
            "System V memory",
            "a file in memory",
            "raise a limit",
        ),
        SECCOMP,
    ),
    "openat2": NO_SUCH_CALL,
    "clone3": NO_SUCH_CALL,
    "80 MiB in a file": f"errno {errno.EFBIG}",
    "1 GiB": "MemoryError",
    "40 more open files": f"errno {errno.EMFILE}",
}
if platform.machine() == "x86_64":
    EXPECTED["socket by the x32 door"] = "signal 31"  # SIGSYS


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All attempts, made once, in processes of their own."""
    if lockdown.available_tier() != "landlock":
        if os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail("this machine has no Landlock or no libseccomp")
        pytest.skip("this kernel has no Landlock, or libseccomp is not installed")
    script = Path(__file__).with_name("escapes.py")
    command = [sys.executable, str(script), str(tmp_path_factory.mktemp("escapes"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("attempt", EXPECTED)
def test_an_attempt_ends_as_it_must(outcomes: dict[str, str], attempt: str) -> None:
    """Each for the right reason: refused by the protection that is there for it."""
    assert outcomes[attempt] == EXPECTED[attempt]


def test_every_attempt_has_an_expectation(outcomes: dict[str, str]) -> None:
    """None is made and not looked at."""
    assert outcomes.keys() == EXPECTED.keys()


def locked(setup: str = "") -> str:
    """The tier that a fresh process reaches, after some preparation."""
    code = (
        f"import sys; from coase.compute import lockdown, landlock, syscalls; {setup}\n"
        "limits = lockdown.Limits(10, 2**28, 2**20)\n"
        "print(lockdown.lock(['/tmp'], [], [], limits))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_tier_says_what_was_reached(outcomes: dict[str, str]) -> None:
    """With the kernel's version of Landlock."""
    assert locked() == f"landlock-{landlock.abi()}+seccomp"


@pytest.mark.parametrize(
    ("missing", "tier", "claimed"),
    [
        ("landlock.abi = lambda: 0", "seccomp", "seccomp"),
        ("syscalls.filters = lambda: None", None, "none"),
        ("landlock.abi = lambda: 0; syscalls.filters = lambda: None", "none", "none"),
        ("sys.platform = 'darwin'", "none", "none"),
    ],
    ids=["no Landlock", "no seccomp", "neither", "not Linux"],
)
def test_no_more_is_claimed_than_there_is(
    outcomes: dict[str, str], missing: str, tier: str | None, claimed: str
) -> None:
    """A kernel or a machine without a part of it."""
    assert locked(missing) == (tier or f"landlock-{landlock.abi()}")
    assert locked(f"{missing}; print(lockdown.available_tier()); sys.exit()") == claimed


def test_a_lower_hard_limit_is_no_obstacle(outcomes: dict[str, str]) -> None:
    """Somebody has limited the market already."""
    setup = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))"
    assert locked(setup).endswith("seccomp")


def test_a_broken_libseccomp_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyseccomp raises RuntimeError where the library itself is missing."""

    def broken(name: str) -> None:
        raise RuntimeError("Unable to find libseccomp")

    monkeypatch.setattr(importlib, "import_module", broken)
    assert syscalls.filters() is None
    assert lockdown.available_tier() == "none"
