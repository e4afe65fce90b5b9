"""The worker server inside bubblewrap, where that is installed; and telling its processes from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coase.compute import bubblewrap
from coase.compute.executor import LocalExecutor
from coase.compute.spec import JobSpec
from coase.errors import JobFailed


@pytest.fixture
def fresh() -> Iterator[None]:
    """Look for bubblewrap anew, before and after."""
    bubblewrap.program.cache_clear()
    yield
    bubblewrap.program.cache_clear()


@pytest.fixture
def program() -> str:
    """Bubblewrap."""
    found = bubblewrap.program()
    if found is None:
        if shutil.which("bwrap") is None and os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail("COASE_REQUIRE_ALL is set, but bubblewrap is not installed")
        pytest.skip("bubblewrap is not installed, or may not make namespaces here")
    return found


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("script", [None, "exit 1", "nonsense"])
def test_what_does_not_work_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """Not installed, without the right to make namespaces, or no program at all."""
    if script is not None:
        (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n" if script != "nonsense" else script)
        (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bubblewrap.program() is None


def test_inside_there_are_only_python_and_the_jobs(tmp_path: Path) -> None:
    """One folder can be written to, nothing but the system's libraries and what is named can be read."""
    command = bubblewrap.wrap("bwrap", ["python", "x"], [Path("/a/coase")], tmp_path)
    text = " ".join(command)
    assert "--unshare-all --die-with-parent --cap-drop ALL" in text
    assert text.count("--bind ") == 1
    assert f"--bind {tmp_path} {tmp_path}" in text
    assert "--ro-bind-try /a/coase /a/coase" in text
    assert "/home" not in text
    assert text.endswith("-- python x")


def test_a_process_that_is_gone_has_no_name(tmp_path: Path) -> None:
    """Nor has one of another family."""
    assert bubblewrap.outer_pid(2**22 - 1, os.getpid()) is None
    assert not bubblewrap._descends(5, 9, {5: 4, 4: 1, 1: 0})
    assert bubblewrap._descends(5, 4, {5: 4, 4: 1, 1: 0})


async def test_a_job_runs_in_there_and_can_be_killed_from_outside(
    program: str, small: JobSpec, data: bytes, executor: LocalExecutor, tmp_path: Path
) -> None:
    """The same bits, under both sandboxes; its process has a number of this machine's."""
    job = small.model_copy(update={"steps": 240, "checkpoint_every": 20})  # it still works when the kill arrives
    local = LocalExecutor(tmp_path / "jobs")
    try:
        done = await local.run("job", job, {"data": data})
        assert done.tier.startswith("bwrap+")
        pids = []

        def kill(step: int, of: int) -> None:
            pid = local.worker_pid("killed")
            assert pid is not None
            pids.append(pid)
            os.kill(pid, 9)

        with pytest.raises(JobFailed) as failed:
            await local.run("killed", job, {"data": data}, on_progress=kill)
        assert failed.value.code == "worker_killed"
        again = await local.run("killed", job, {"data": data}, resume=True)
        assert again.result == done.result
    finally:
        await local.stop()
    assert (await executor.run("outside", job, {"data": data})).result == done.result


def test_it_shows_no_processes_and_no_network(program: str, tmp_path: Path) -> None:
    """Tried with the real program."""
    hidden_files = "ls /etc/passwd /etc/shadow /var/log 2>&1 | grep -c 'No such'"
    script = f"ls /proc | grep -c '^[0-9]'; cat /proc/net/dev | wc -l; {hidden_files}"
    command = bubblewrap.wrap(program, ["/bin/sh", "-c", script], [], tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    processes, interfaces, hidden = (int(line) for line in done.stdout.split())
    assert processes < 8
    assert interfaces == 3  # two lines of heading, and loopback
    assert hidden == 3
