"""The worker server: a clean process, torch imported once, one locked-down child a job. Run as ``python -I zygote.py``.

Why not fork from the market: importing uagents alone starts threads there, and OpenMP does not survive a fork. This
process stays single-threaded: it imports, warms up, forks, and never runs a tensor operation with a second thread.

JSON lines in: ``{"id", "folder", "segment", "cpu", "wall", "memory", "output", "files"}`` starts a job, ``{"cancel"}``
kills one. JSON lines out: ``{"ready", ...}`` once; for each job ``{"id", "pid"}``, ``{"id", "step"}`` when training
begins and at checkpoints, and ``{"id", "code", ...}`` at its end. When its input ends, the market is gone, and so are
the jobs.
"""

from __future__ import annotations

import gc
import json
import os
import re
import selectors
import signal
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOK = 0.1  # seconds between looks at what running jobs have written
_STEP = re.compile(rb"\d{1,9}", re.ASCII)
_NO_PROCESS = 70


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
    """Reads orders, forks children, watches them.

    Args:
        output: the file descriptor that reports go to.
        outer: the sandbox that this process is in, or the empty string.
    """

    def __init__(self, output: int, outer: str) -> None:
        self.output, self.outer = output, outer
        self.running: dict[int, Running] = {}
        self.select = selectors.DefaultSelector()
        self.pending = b""
        self.wake, writing = os.pipe()
        for end in (self.wake, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.select.register(0, selectors.EVENT_READ)
        self.select.register(self.wake, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until the market is gone."""
        while True:
            for key, _ in self.select.select(self._patience()):
                if key.fd == 0:
                    self._orders()
                elif key.fd == self.wake:
                    os.read(self.wake, 4096)
                else:
                    self._progress(key.data)
            self._watch()
            self._reap()

    def _patience(self) -> float | None:
        if not self.running:
            return None
        nearest = min(job.deadline for job in self.running.values()) - time.monotonic()
        return max(0.001, min(LOOK, nearest))

    def _orders(self) -> None:
        data = os.read(0, 65536)
        if not data:
            for pid in self.running:
                kill(pid)
            os._exit(0)  # torch takes 0.4 s to leave the polite way
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "cancel" in order:
                for pid, job in self.running.items():
                    if job.order["id"] == order["cancel"]:
                        job.verdict = job.verdict or "cancelled"
                        kill(pid)
            else:
                self._start(order)

    def _start(self, order: dict[str, Any]) -> None:
        from coase.compute import child

        reading, writing = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            self.say(_end(order["id"], _NO_PROCESS, f"no new process: {error.strerror}"))
            return
        if pid == 0:
            child.run(order, writing, parent, self.outer)
        os.close(writing)
        os.set_blocking(reading, False)
        job = self.running[pid] = Running(order, reading)
        self.select.register(reading, selectors.EVENT_READ, job)
        self.say({"id": order["id"], "pid": pid})

    def _progress(self, job: Running) -> None:
        """Pass on what a child has written, as far as it is bare numbers."""
        try:
            data = os.read(job.pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self.select.unregister(job.pipe)
            return
        *lines, rest = (job.rest + data).split(b"\n")
        job.rest = rest[:16]
        for line in lines:
            if _STEP.fullmatch(line):
                self.say({"id": job.order["id"], "step": int(line)})

    def _watch(self) -> None:
        now = time.monotonic()
        for pid, job in self.running.items():
            if not job.verdict:
                job.verdict = "wall_time" if now >= job.deadline else self._overfull(job)
                if job.verdict:
                    kill(pid)

    def _overfull(self, job: Running) -> str:
        return overfull(Path(job.order["folder"]) / "out", job.order["output"], job.order["files"])

    def _reap(self) -> None:
        while self.running:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            job = self.running.pop(pid, None)
            if job is not None:
                self._finished(job, os.waitstatus_to_exitcode(status), usage)

    def _finished(self, job: Running, code: int, usage: Any) -> None:
        if job.pipe in self.select.get_map():
            self._progress(job)
        if job.pipe in self.select.get_map():
            self.select.unregister(job.pipe)
        os.close(job.pipe)
        verdict = job.verdict or self._overfull(job)  # one that ended between two looks
        report = _end(job.order["id"], code, verdict)
        report["wall_seconds"] = time.monotonic() - job.started
        report["cpu_seconds"] = usage.ru_utime + usage.ru_stime
        report["peak_bytes"] = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        self.say(report)

    def say(self, message: dict[str, Any]) -> None:
        """A line to the market; without a market there is nothing to do."""
        line = json.dumps(message).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self.output, line) :]
        except BrokenPipeError:
            os._exit(0)


def overfull(folder: Path, most_bytes: int, most_files: int) -> str:
    """Why a job's folder is too full, or the empty string. Only plain files are expected in it."""
    total = count = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                count += 1
                total += max(found.st_size, found.st_blocks * 512)
                if not stat.S_ISREG(found.st_mode):
                    return "unexpected_file"
                if count > most_files:
                    return "too_many_files"
                if total > most_bytes:
                    return "too_much_output"
    except FileNotFoundError:
        pass  # somebody has removed it, or a file in it, while we looked
    return ""


def kill(pid: int) -> None:
    """End a job with all that it has started; it has not been reaped, so the number is still its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)  # it has not made its own group yet


def _end(name: str, code: int, verdict: str) -> dict[str, Any]:
    return {"id": name, "code": code, "verdict": verdict, "wall_seconds": 0.0, "cpu_seconds": 0.0, "peak_bytes": 0}


def main(start: str) -> None:
    """Get ready, say so, serve.

    Args:
        start: JSON: `coase` is the folder that holds the package, `others` folders of what it needs, `outer` the
            sandbox that this process is in or the empty string.
    """
    order = json.loads(start)
    output = os.dup(1)
    os.dup2(2, 1)  # a library that prints must not garble the reports
    sys.path.insert(0, order["coase"])
    sys.path.extend(path for path in order["others"] if path not in sys.path)

    import torch

    from coase.compute import child, syscalls

    sys.path.remove(order["coase"])  # the package knows its own folder now; nothing else is to be found there
    syscalls.filters()  # children cannot read its files any more
    torch.set_num_threads(1)
    child.warm()
    gc.collect()
    gc.freeze()  # memory that the collector does not touch stays shared with the children
    server = Server(output, order["outer"])
    tasks = Path("/proc/self/task")
    threads = len(list(tasks.iterdir())) if tasks.is_dir() else 1
    server.say({"ready": True, "threads": threads, "torch": str(torch.__version__)})
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1])
