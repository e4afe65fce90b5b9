"""The worker server's own parts; its whole is tested through the executor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coase.compute import zygote

MIB = 2**20


def test_a_folder_within_its_limits(tmp_path: Path) -> None:
    """Plain files, few and small; no folder at all is fine too."""
    (tmp_path / "a").write_bytes(bytes(1000))
    assert zygote.overfull(tmp_path, MIB, 10) == ""
    assert zygote.overfull(tmp_path / "gone", MIB, 10) == ""


def test_too_many_files(tmp_path: Path) -> None:
    """A flood of inodes, each of no bytes."""
    for i in range(11):
        (tmp_path / str(i)).touch()
    assert zygote.overfull(tmp_path, MIB, 10) == "too_many_files"
    assert zygote.overfull(tmp_path, MIB, 11) == ""


def test_too_many_bytes(tmp_path: Path) -> None:
    """All files together; a file with a hole counts with its length."""
    (tmp_path / "a").write_bytes(bytes(MIB // 2))
    assert zygote.overfull(tmp_path, MIB, 10) == ""
    with (tmp_path / "b").open("wb") as file:
        file.truncate(MIB)
    assert zygote.overfull(tmp_path, MIB, 10) == "too_much_output"


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_only_plain_files_are_expected(tmp_path: Path, kind: str) -> None:
    """A folder could hide more than it shows."""
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/")
    else:
        os.mkfifo(path)
    assert zygote.overfull(tmp_path, MIB, 10) == "unexpected_file"


def test_killing_reaches_a_child_without_a_group_and_a_whole_group() -> None:
    """Just forked it has none of its own yet."""
    for new_session in (False, True):
        command = [sys.executable, "-c", "print(flush=True); import signal; signal.pause()"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=new_session) as child:
            assert child.stdout is not None
            child.stdout.readline()
            zygote.kill(child.pid)
            assert child.wait(10) == -signal.SIGKILL


FLOOD = """
import json, os, sys, types
from pathlib import Path
out = Path(sys.argv[1])
import coase.compute
def run(order, pipe, parent, outer):
    # A job gone wild, as locked down as any: it makes files until something stops it.
    from coase.compute import lockdown
    os.setsid()
    lockdown.lock([], [str(out)], [], lockdown.Limits(60, 2**28, 2**20))
    os.write(pipe, b"7\\nnonsense\\n99999999999\\n-1\\n8\\n")
    count = 0
    while True:
        open(out / str(count), "wb").close()
        count += 1
sys.modules["coase.compute.child"] = coase.compute.child = types.ModuleType("child")
coase.compute.child.run = run
from coase.compute import zygote
zygote.Server(1, "").serve()
"""


def test_a_flood_of_files_is_stopped_and_progress_is_only_numbers(tmp_path: Path) -> None:
    """The server looks several times a second; what a job writes into its pipe is taken for numbers or for nothing."""
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", FLOOD, str(tmp_path / "out")]
    order = {"id": "j", "folder": str(tmp_path), "segment": None, "wall": 60, "output": MIB, "files": 100}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        heard: list[dict[str, Any]] = []
        while not heard or "code" not in heard[-1]:
            heard.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        assert server.wait(10) == 0
    assert [message["step"] for message in heard if "step" in message] == [7, 8]
    assert heard[-1]["verdict"] == "too_many_files"
    assert heard[-1]["code"] == -signal.SIGKILL
