"""The worker server: a clean process, torch imported once, one locked-down child a job. Run as ``python -I zygote.py``.

Why not fork from the market: importing uagents alone starts threads there, and OpenMP does not survive a fork. This
process stays single-threaded: it imports, warms up, forks, and never runs a tensor operation with a second thread.

JSON lines in: ``{"id", "folder", "segment", "cpu", "wall", "memory", "output", "files"}`` starts a job, ``{"cancel"}``
kills one. JSON lines out: ``{"ready", ...}`` once; for each job ``{"id", "pid"}``, ``{"id", "step"}`` at checkpoints,
and ``{"id", "code", ...}`` at its end. What a child writes into its progress pipe is parsed as bare numbers.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REFUSED, OUT_OF_MEMORY, FAILED = 65, 71, 70  # exit codes of a child
LOOK = 0.2  # seconds between looks at what running jobs have written
_STEP = re.compile(rb"\d{1,9}", re.ASCII)


@dataclass
class Running:
    """A child at work."""

    order: dict[str, Any]
    pipe: int
    started: float = field(default_factory=time.monotonic)
    rest: bytes = b""
    verdict: str = ""

    @property
    def deadline(self) -> float:
        """When it has had its wall time."""
        return self.started + float(self.order["wall"])


class Server:
    """Reads orders, forks children, watches them."""

    def __init__(self) -> None:
        self.running: dict[int, Running] = {}
        self.select = selectors.DefaultSelector()
        self.pending = b""
        wake, self._wake = os.pipe()
        for end in (wake, self._wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.select.register(0, selectors.EVENT_READ)
        self.select.register(wake, selectors.EVENT_READ)
        self.wake = wake

    def serve(self) -> None:
        """Until the market is gone."""
        while True:
            for key, _ in self.select.select(LOOK if self.running else None):
                handle = int(key.fd)
                if handle == 0:
                    self._orders()
                elif handle == self.wake:
                    os.read(handle, 4096)
                else:
                    self._progress(handle)
            self._watch()
            self._reap()

    def _orders(self) -> None:
        data = os.read(0, 65536)
        if not data:  # the market is gone, however it went
            for pid in self.running:
                _kill(pid)
            os._exit(0)  # torch takes 0.4 s to leave the polite way
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "cancel" in order:
                for pid, job in self.running.items():
                    if job.order["id"] == order["cancel"]:
                        _kill(pid)
            else:
                self._start(order)

    def _start(self, order: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(order, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self.running[pid] = Running(order, reading)
        self.select.register(reading, selectors.EVENT_READ)
        say({"id": order["id"], "pid": pid})

    def _progress(self, pipe: int) -> None:
        job = next(j for j in self.running.values() if j.pipe == pipe)
        try:
            data = os.read(pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self.select.unregister(pipe)
            return
        *lines, job.rest = (job.rest + data).split(b"\n")
        job.rest = job.rest[:16]
        for line in lines:
            if _STEP.fullmatch(line):
                say({"id": job.order["id"], "step": int(line)})

    def _watch(self) -> None:
        now = time.monotonic()
        for pid, job in self.running.items():
            if job.verdict:
                continue
            if now >= job.deadline:
                job.verdict = "wall_time"
            elif (
                why := overfull(Path(job.order["folder"]) / "out", job.order["output"], job.order["files"])
            ) is not None:
                job.verdict = why
            if job.verdict:
                _kill(pid)

    def _reap(self) -> None:
        while self.running:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid not in self.running:
                continue
            self._finished(self.running.pop(pid), status, usage)

    def _finished(self, job: Running, status: int, usage: Any) -> None:
        if job.pipe in self.select.get_map():
            self._progress_rest(job)
            self.select.unregister(job.pipe)
        os.close(job.pipe)
        say(
            {
                "id": job.order["id"],
                "code": os.waitstatus_to_exitcode(status),
                "verdict": job.verdict,
                "wall_seconds": time.monotonic() - job.started,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * 1024,
            }
        )

    def _progress_rest(self, job: Running) -> None:
        try:
            for line in os.read(job.pipe, 4096).split(b"\n"):
                if _STEP.fullmatch(line):
                    say({"id": job.order["id"], "step": int(line)})
        except BlockingIOError:
            pass


def overfull(folder: Path, most_bytes: int, most_files: int) -> str | None:
    """Why a job's folder is too full, or None."""
    total = count = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                count += 1
                total += entry.stat(follow_symlinks=False).st_size
                if count > most_files:
                    return "too_many_files"
                if total > most_bytes:
                    return "too_much_output"
    except FileNotFoundError:
        pass
    return None


def child(order: dict[str, Any], pipe: int) -> None:
    """Lock down, run the job, leave. Never returns."""
    from coase.compute import jobs, lockdown
    from coase.compute.spec import parse_spec
    from coase.errors import CoaseError

    code = FAILED
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        folder = Path(order["folder"])
        null = os.open("/dev/null", os.O_RDWR)
        log = os.open(folder / "out" / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for source, target in ((null, 0), (log, 1), (log, 2), (pipe, 3)):
            os.dup2(source, target)
        os.closerange(4, 4096)
        spec = parse_spec((folder / "in" / "job.json").read_bytes())
        limits = lockdown.Limits(order["cpu"], order["memory"], order["output"])
        devices = [str(path) for path in Path("/dev").glob("nvidia*")] if spec.device != "cpu" else []
        tier = lockdown.lock([str(folder / "in")], [str(folder / "out"), *devices], limits)
        try:
            result = jobs.run(jobs.Order(spec, order["segment"]), folder, lambda step: _tell(step))
            (folder / "out" / "result.json").write_text(json.dumps({"result": result, "tier": tier}))
            code = 0
        except CoaseError as error:
            (folder / "out" / "refused.json").write_text(json.dumps(error.as_dict()))
            code = REFUSED
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001  # whatever a job raises ends in the log and an exit code
        traceback.print_exc()
    finally:
        os._exit(code)


def _tell(step: int) -> None:
    os.write(3, b"%d\n" % step)


def warm() -> None:
    """Run one tiny job of each kind here: all that torch and numpy import lazily is then in memory, and a child needs
    to read nothing but its own folder.
    """
    import numpy as np

    from coase.compute import jobs, tensors
    from coase.compute.spec import JobSpec

    data = tensors.write({"x": np.zeros((2, 64), np.float32), "y": np.zeros(2, np.int64)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("in", "out"):
            (folder / part).mkdir()
        (folder / "in" / "data.safetensors").write_bytes(data)
        spec = JobSpec.for_files("train_steps", {"data": data}, steps=2, checkpoint_every=1, batch_size=2, device="cpu")
        jobs.run(jobs.Order(spec), folder)
        made = {path.name: path.read_bytes() for path in (folder / "out").glob("*.safetensors")}
        (folder / "in" / "checkpoint.safetensors").write_bytes(made["checkpoint-1.safetensors"])
        jobs.run(jobs.Order(spec, 1), folder)
        (folder / "in" / "model.safetensors").write_bytes(made["model.safetensors"])
        files = {"data": data, "model": made["model.safetensors"]}
        jobs.run(jobs.Order(JobSpec.for_files("infer", files, device="cpu")), folder)


def say(message: dict[str, Any]) -> None:
    """A line to the market; without a market there is nothing to do."""
    try:
        os.write(1, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        os._exit(0)


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)  # it has not made its own group yet


def main(package: str) -> None:
    """Get ready, say so, serve."""
    sys.path.insert(0, package)
    import importlib.util

    if importlib.util.find_spec("pyseccomp") is not None:
        import pyseccomp  # noqa: F401  # children cannot read its files any more
    import torch

    torch.set_num_threads(1)
    warm()
    threads = len(os.listdir("/proc/self/task")) if Path("/proc/self/task").is_dir() else 1
    say({"ready": True, "threads": threads, "torch": str(torch.__version__)})
    Server().serve()


if __name__ == "__main__":
    main(sys.argv[1])
