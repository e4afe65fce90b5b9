"""Executors run jobs. The one here runs them in sandboxed processes of this machine; nothing in it imports torch."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import re
import shutil
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from coase.compute import outcome
from coase.compute.outcome import JobResult as JobResult
from coase.compute.server import WorkerServer
from coase.compute.spec import JobSpec
from coase.errors import JobFailed, JobRefused, MissingExtra

MAX_FILES = 4096  # in a job's output folder
AT_ONCE = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)

Progress = Callable[[int, int], None]


class Executor(Protocol):
    """Runs jobs."""

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        segment: int | None = None,
        on_progress: Progress | None = None,
        resume: bool = False,
    ) -> JobResult:
        """Run a job.

        Args:
            name: of its folder; a second job of the same name waits for the first.
            spec: what to do.
            files: the inputs that the spec names, and `checkpoint` for a replay of a later segment.
            segment: replay this segment instead of training.
            on_progress: told (steps done, of) when training has begun and at each checkpoint.
            resume: go on from the checkpoints that an interrupted job of this name and spec left.

        Raises:
            JobRefused: the spec or its inputs are not acceptable.
            JobFailed: the worker ended without a result.
        """
        ...


class LocalExecutor:
    """Sandboxed workers on this machine.

    Args:
        root: where jobs have their folders, one each.
        at_once: how many jobs run at the same time; others wait.
        environment: variables for the worker server, for example ``ATEN_CPU_CAPABILITY``.

    Raises:
        MissingExtra: torch or safetensors is not installed.
    """

    def __init__(self, root: Path, *, at_once: int = AT_ONCE, environment: Mapping[str, str] | None = None) -> None:
        for module in ("torch", "safetensors"):
            if importlib.util.find_spec(module) is None:
                raise MissingExtra("running jobs", "compute")
        self.root = root.resolve()
        self._environment = dict(environment or {})
        self._slots = asyncio.Semaphore(at_once)
        self._starting = asyncio.Lock()
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._server: WorkerServer | None = None
        self._stopped = False

    async def start(self) -> None:
        """Begin to load torch in the worker server, and return at once; the first job waits for it."""
        self._stopped = False
        await self._alive()

    async def stop(self) -> None:
        """End the worker server and every job; later jobs fail until `start`."""
        self._stopped = True
        async with self._starting:
            server, self._server = self._server, None
            if server is not None:
                await server.stop()

    async def ready(self) -> dict[str, Any]:
        """Wait for the worker server. Returns what it says about itself: its `threads`, its version of `torch`."""
        return await (await self._alive()).ready()

    @property
    def server_pid(self) -> int | None:
        """The worker server's process."""
        return self._server.pid if self._server is not None and self._server.alive else None

    def worker_pid(self, name: str) -> int | None:
        """The process of a running job, for whoever wants to kill it; None when there is none."""
        return self._server.worker(name) if self._server is not None else None

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        segment: int | None = None,
        on_progress: Progress | None = None,
        resume: bool = False,
    ) -> JobResult:
        """Run a job; see `Executor.run`. Cancelling it kills the job."""
        _check(name, spec, files, segment)
        turn = self._turns.setdefault(name, asyncio.Lock())
        async with turn, self._slots:
            folder = self._prepare(name, spec, files, resume=resume and segment is None)
            report = await self._worked(name, folder, spec, segment, _teller(spec, on_progress))
            return outcome.read(folder, spec, segment, report)

    async def _worked(
        self, name: str, folder: Path, spec: JobSpec, segment: int | None, tell: Callable[[int], None]
    ) -> dict[str, Any]:
        """Have the worker server do it. Returns its report."""
        server = await self._alive()
        await server.ready()
        ticket = server.order(name, _order(folder, spec, segment), tell)
        try:
            return await asyncio.shield(ticket.ended)
        except asyncio.CancelledError:
            await server.cancel(name)
            raise
        finally:
            server.forget(name)

    async def _alive(self) -> WorkerServer:
        """The worker server; a new one where there is none or it has died."""
        async with self._starting:
            if self._stopped:
                raise JobFailed("the executor has been stopped", code="executor_stopped", hint="start it again")
            if self._server is None or not self._server.alive:
                self.root.mkdir(parents=True, exist_ok=True)
                self._server = WorkerServer(self.root, self._environment)
                await self._server.start()
            return self._server

    def _prepare(self, name: str, spec: JobSpec, files: Mapping[str, bytes], *, resume: bool) -> Path:
        folder = self.root / name
        text = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
        known = folder / "in" / "job.json"
        if not (resume and known.is_file() and known.read_text() == text):
            shutil.rmtree(folder, ignore_errors=True)
            for part in ("in", "out"):
                (folder / part).mkdir(parents=True)
        for ended in ("result.json", "refused.json"):
            (folder / "out" / ended).unlink(missing_ok=True)
        for file, body in files.items():
            (folder / "in" / f"{file}.safetensors").write_bytes(body)
        known.write_text(text)
        return folder


def _order(folder: Path, spec: JobSpec, segment: int | None) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "segment": segment,
        "cpu": spec.wall_seconds * spec.threads,
        "wall": spec.wall_seconds,
        "memory": spec.memory_bytes,
        "output": spec.output_bytes,
        "files": MAX_FILES,
    }


def _teller(spec: JobSpec, on_progress: Progress | None) -> Callable[[int], None]:
    """Pass on steps that can be: rising, and not beyond the job's end."""
    last = -1

    def tell(step: int) -> None:
        nonlocal last
        if on_progress is not None and last < step <= spec.steps:
            last = step
            on_progress(step, spec.steps)

    return tell


def _check(name: str, spec: JobSpec, files: Mapping[str, bytes], segment: int | None) -> None:
    if not _NAME.fullmatch(name):
        raise JobRefused(f"{name!r} does not name a job", code="bad_job_name")
    wanted = set(spec.inputs) | ({"checkpoint"} if segment else set())
    if set(files) != wanted:
        raise JobRefused(
            f"the job needs {', '.join(sorted(wanted))} and got {', '.join(sorted(files)) or 'nothing'}",
            code="input_missing",
        )
    for file, expected in spec.inputs.items():
        if hashlib.sha256(files[file]).hexdigest() != expected:
            raise JobRefused(f"the input {file!r} is not the one that was agreed on", code="input_mismatch")
