"""The inventory of a machine."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from coase.compute import bubblewrap, hardware, lockdown


def test_the_inventory_of_this_machine() -> None:
    """Plausible, and without claims that the kernel does not back."""
    found = hardware.inventory()
    assert found.device in ("cpu", "cuda")
    assert (found.device == "cuda") == (found.devices > 0)
    assert found.device_name
    assert 1 <= found.cpus <= (os.cpu_count() or 1)
    assert found.memory_bytes > 2**28
    assert found.instruction_set in ("avx512", "avx2", "sse4", "neon", "generic")
    assert found.sandbox in ("bwrap", "landlock", "seccomp", "none")


def test_bubblewrap_is_claimed_only_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Being installed is not enough."""
    monkeypatch.setattr(bubblewrap, "program", lambda: "/usr/bin/bwrap")
    assert hardware.sandbox_tier() == "bwrap"
    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    assert hardware.sandbox_tier() == lockdown.available_tier()


def test_no_driver_means_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a driver's library the machine is a CPU."""

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert hardware._cuda() == (0, "")


def test_an_inventory_imports_no_torch() -> None:
    """Nor does anything else here that the market's process imports."""
    rooms = "executor hardware verification metering economics spec datasets checkpoints comparison"
    imports = "; ".join(f"import coase.compute.{room}" for room in rooms.split())
    code = f"{imports}; import sys; coase.compute.hardware.inventory(); "
    code += "assert not {'torch', 'sklearn', 'coincurve'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
