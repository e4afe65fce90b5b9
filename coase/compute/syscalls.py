"""The seccomp filter: system calls that a job never needs, refused with an error number (seccomp(2)).

What Landlock leaves open is the reason for most of it: UDP, changing a file's mode or owner, memory that no limit
counts, files without a name, and other processes of the same user.
"""

from __future__ import annotations

import errno
import importlib
import os
from types import ModuleType
from typing import Any

from coase.errors import ComputeError

_GROUPS = {
    "the network and other means of talking": (
        "socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg shmget shmat shmctl semget semctl"
        " semop semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink keyctl add_key request_key"
    ),
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open pidfd_getfd"
        " pidfd_send_signal kill tkill rt_sigqueueinfo rt_tgsigqueueinfo setpriority ioprio_set migrate_pages"
        " move_pages"
    ),
    "becoming another program or user": (
        "execve execveat fork vfork unshare setns setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid"
        " setgroups capset personality"
    ),
    "file systems, and files that are not plain": (
        "mount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot quotactl"
        " quotactl_fd name_to_handle_at open_by_handle_at mkdir mkdirat mknod mknodat symlink symlinkat link linkat"
    ),
    "what Landlock leaves open: modes, owners, attributes, times, watching": (
        "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr setxattrat"
        " removexattr lremovexattr fremovexattr removexattrat utime utimes futimesat utimensat inotify_add_watch"
        " fanotify_init fanotify_mark"
    ),
    "the kernel and the machine": (
        "bpf perf_event_open kexec_load kexec_file_load init_module finit_module delete_module userfaultfd"
        " io_uring_setup io_uring_enter io_uring_register reboot swapon swapoff acct settimeofday clock_settime"
        " adjtimex clock_adjtime sethostname setdomainname syslog vhangup iopl ioperm modify_ldt lookup_dcookie"
    ),
}
FORBIDDEN = tuple(" ".join(_GROUPS.values()).split())
# Allowed for the process itself only.
ONLY_ON_ITSELF = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
# Memory that RLIMIT_DATA does not count. CUDA may need it.
UNCOUNTED = ("memfd_create", "memfd_secret")
# Arguments hide in memory where a filter cannot look; without these, libc falls back to the older call.
OPAQUE = ("clone3", "openat2")

_CLONE_THREAD = 0x00010000
_TMPFILE = 0o20000000
_SHARED_ANONYMOUS = 0x01 | 0x20
_INT = 0xFFFFFFFF  # the kernel reads these arguments as 32 bits; a filter sees 64
_SET_PDEATHSIG = 1
_SET_OWNER = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals by way of a file


def filters() -> ModuleType | None:
    """pyseccomp, or None where it or libseccomp is not installed. Imported before files are out of reach."""
    try:
        return importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError):
        return None


def restrict(*, cuda: bool = False) -> bool:
    """Load the filter into this process, for good. Returns whether there is one.

    Args:
        cuda: leave the ways of sharing memory that drivers use.

    Raises:
        ComputeError: `sandbox_failed`, when the kernel refuses.
    """
    seccomp = filters()
    if seccomp is None:
        return False
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    try:
        for name in (*FORBIDDEN, *(() if cuda else UNCOUNTED)):
            _add(seccomp, rules, refuse, name)
        for name in OPAQUE:
            _add(seccomp, rules, seccomp.ERRNO(errno.ENOSYS), name)
        for name, argument in _arguments(seccomp, cuda):
            _add(seccomp, rules, refuse, name, argument)
        rules.load()
    except OSError as error:
        raise ComputeError(f"seccomp failed: {error}", code="sandbox_failed") from error
    return True


def _arguments(seccomp: Any, cuda: bool) -> list[tuple[str, Any]]:
    """Calls that are refused for some arguments."""
    equal, other = seccomp.MASKED_EQ, seccomp.NE
    rules = [
        ("clone", seccomp.Arg(0, equal, _CLONE_THREAD, 0)),  # threads yes, processes no: RLIMIT_NPROC binds no root
        ("tgkill", seccomp.Arg(0, other, os.getpid())),
        ("open", seccomp.Arg(1, equal, _TMPFILE, _TMPFILE)),  # a file without a name fills the disk unseen
        ("openat", seccomp.Arg(2, equal, _TMPFILE, _TMPFILE)),
        ("prctl", seccomp.Arg(0, equal, _INT, _SET_PDEATHSIG)),
        *((name, seccomp.Arg(0, other, 0)) for name in ONLY_ON_ITSELF),
        *(("fcntl", seccomp.Arg(1, equal, _INT, command)) for command in _SET_OWNER),
    ]
    if not cuda:
        rules.append(("mmap", seccomp.Arg(3, equal, _SHARED_ANONYMOUS, _SHARED_ANONYMOUS)))
    return rules


def _add(seccomp: Any, rules: Any, action: int, name: str, *arguments: Any) -> None:
    number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number != -1:  # a name that this libseccomp does not know
        rules.add_rule(action, number, *arguments)
