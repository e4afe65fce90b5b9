"""What this machine has, found out without importing torch."""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from coase.compute import bubblewrap, lockdown

_LEVELS = (("avx512", "avx512f"), ("avx2", "avx2"), ("sse4", "sse4_2"))


@dataclass(frozen=True)
class Inventory:
    """A machine.

    Args:
        device: `cuda` when a driver with at least one device answers, else `cpu`.
        device_name: of the GPU, or of the processor.
        devices: number of GPUs.
        cpus: processors that this process may use.
        memory_bytes: of the machine.
        instruction_set: `avx512`, `avx2`, `sse4`, `neon` or `generic`.
        sandbox: the strongest tier that jobs get here: `bwrap`, `landlock`, `seccomp` or `none`.
    """

    device: str
    device_name: str
    devices: int
    cpus: int
    memory_bytes: int
    instruction_set: str
    sandbox: str


@lru_cache(1)
def inventory() -> Inventory:
    """Look at this machine."""
    devices, gpu = _cuda()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Inventory(
        device="cuda" if devices else "cpu",
        device_name=gpu or processor(),
        devices=devices,
        cpus=cpus,
        memory_bytes=memory,
        instruction_set=instruction_set(),
        sandbox=sandbox_tier(),
    )


def sandbox_tier() -> str:
    """The strongest tier available here."""
    return "bwrap" if bubblewrap.program() else lockdown.available_tier()


def instruction_set() -> str:
    """The widest vector instructions, which decide how floats are summed."""
    if platform.machine() in ("aarch64", "arm64"):
        return "neon"
    flags = _cpuinfo("flags").split()
    return next((name for name, flag in _LEVELS if flag in flags), "generic")


def processor() -> str:
    """The model of the processor."""
    return _cpuinfo("model name") or platform.machine()


def _cpuinfo(field: str) -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    except OSError:
        pass
    return ""


def _cuda() -> tuple[int, str]:
    """Number of CUDA devices and the name of the first, asked of the driver itself (NVML); (0, "") without one."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        count, handle, text = ctypes.c_uint(), ctypes.c_void_p(), ctypes.create_string_buffer(96)
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) or not count.value:
            return 0, ""
        nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle))
        nvml.nvmlDeviceGetName(handle, text, 96)
        return count.value, text.value.decode(errors="replace")
    except (OSError, AttributeError):
        return 0, ""
