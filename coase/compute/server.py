"""The market's side of one worker server process: start it, send it orders, hear its reports. No torch here."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coase
from coase.compute import bubblewrap
from coase.errors import JobFailed
from coase.terms.reading import read_json

PATIENCE = 5.0  # seconds that the process gets to end by itself
LOG = ".worker-server.log"
_KEPT = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_NEEDED = ("torch", "safetensors", "numpy", "pydantic", "pydantic_core", "pyseccomp")


@dataclass
class Ticket:
    """A job that was ordered.

    Args:
        tell: told the steps done.
        ended: the report of its end.
        pid: its process, as the worker server calls it; 0 before it has one.
    """

    tell: Callable[[int], None]
    ended: asyncio.Future[dict[str, Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    pid: int = 0


class WorkerServer:
    """One process, from start to end; a dead one is replaced, not restarted.

    Args:
        root: the folder with the jobs' folders, the only one it may write to.
        environment: variables it gets beyond what torch needs.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._tickets: dict[str, Ticket] = {}
        self._wrapped = False

    async def start(self) -> None:
        """Begin to load torch over there, and return at once."""
        bwrap = await asyncio.to_thread(bubblewrap.program)
        self._wrapped = bwrap is not None
        package, others = _package(), _folders()
        start = {"coase": str(package.parent), "others": others, "outer": "bwrap" if bwrap else ""}
        command = [sys.executable, "-I", str(package / "compute" / "zygote.py"), json.dumps(start)]
        if bwrap is not None:
            command = bubblewrap.wrap(bwrap, command, [package, *map(Path, others)], self._root)
        with (self._root / LOG).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment() | self._environment,
                start_new_session=True,  # Ctrl-C goes to the market, which decides what becomes of jobs
            )
        self._reader = asyncio.create_task(self._read(self._process))

    @property
    def alive(self) -> bool:
        """Whether it can take orders."""
        return self._reader is not None and not self._reader.done()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid if self._process is not None else 0

    async def ready(self) -> dict[str, Any]:
        """Wait until torch is loaded. Returns what the process says about itself.

        Raises:
            JobFailed: `worker_server_ended`.
        """
        return await asyncio.shield(self._ready)

    def order(self, name: str, order: Mapping[str, Any], tell: Callable[[int], None]) -> Ticket:
        """Order a job."""
        ticket = self._tickets[name] = Ticket(tell)
        if self.alive:
            self._write({"id": name, **order})
        else:
            self._fail(ticket.ended)
        return ticket

    async def cancel(self, name: str) -> None:
        """Kill a job and wait until it is dead: its folder may be given to another one then."""
        ticket = self._tickets[name]
        if not ticket.ended.done():
            self._write({"cancel": name})
            await asyncio.wait([ticket.ended], timeout=PATIENCE)

    def forget(self, name: str) -> None:
        """The job is over."""
        ticket = self._tickets.pop(name)
        if ticket.ended.done() and not ticket.ended.cancelled():
            ticket.ended.exception()  # retrieved

    def worker(self, name: str) -> int | None:
        """The process of a running job, as this machine calls it."""
        ticket = self._tickets.get(name)
        if ticket is None or not ticket.pid or ticket.ended.done():
            return None
        return bubblewrap.outer_pid(ticket.pid, self.pid) if self._wrapped else ticket.pid

    async def stop(self) -> None:
        """End it and every job."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        # Still importing torch, it is deaf for a second, and without children.
        if not self._ready.done() or not await _ends(reader, PATIENCE):
            _kill(process)
        if not await _ends(reader, PATIENCE):
            reader.cancel()  # something holds its output open: what is left of the sandbox; nobody listens to it
            await asyncio.wait([reader])

    def _write(self, message: Mapping[str, Any]) -> None:
        stdin = self._process.stdin if self._process is not None else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hear reports until there are no more; then the process is over, and so is every job."""
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._hear(read_json(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            _kill(process)  # it talks nonsense: no better than dead
        finally:
            await _over(process)
            for future in (*(ticket.ended for ticket in self._tickets.values()), self._ready):
                self._fail(future)

    def _hear(self, message: dict[str, Any]) -> None:
        ticket = self._tickets.get(message.get("id", ""))
        if message.get("ready"):
            self._ready.set_result(message)
        elif ticket is None or ticket.ended.done():
            return
        elif "pid" in message:
            ticket.pid = int(message["pid"])
        elif "step" in message:
            step = int(message["step"])
            try:
                ticket.tell(step)
            except Exception as error:  # noqa: BLE001  # the caller's own: it goes to the caller, and ends its job only
                ticket.ended.set_exception(error)
                self._write({"cancel": message["id"]})
        else:
            ticket.ended.set_result(message)

    def _fail(self, future: asyncio.Future[Any]) -> None:
        if not future.done():
            why = _last_line(self._root / LOG)
            hint = "run `coase doctor`; its log is in the jobs folder"
            future.set_exception(JobFailed(f"the worker server ended{why}", hint=hint, code="worker_server_ended"))
            future.exception()  # retrieved: nobody may be waiting


async def _over(process: asyncio.subprocess.Process) -> None:
    """Wait until the process is gone. (Killing one that is going already would take its exit from asyncio.)"""
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        _kill(process)
        await process.wait()


async def _ends(task: asyncio.Task[None], seconds: float) -> bool:
    return bool((await asyncio.wait([task], timeout=seconds))[0])


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill its group: a sandbox that is killed as it starts may leave a child that does not yet die with it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace")[-2000:].strip().splitlines()
    except OSError:
        lines = []
    return f": {lines[-1].strip()[:300]}" if lines else ""


def _package() -> Path:
    return Path(coase.__file__).resolve().parent


def _folders() -> list[str]:
    """Where the packages that a worker imports are, for Python to look there even when isolated (``-I``)."""
    folders = []
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            folders.append(
                Path(spec.origin).parent.parent if spec.submodule_search_locations else Path(spec.origin).parent
            )
    return list(dict.fromkeys(map(str, folders)))


def _environment() -> dict[str, str]:
    """Nothing of ours but what torch needs: keys and tokens of the market stay here."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # deterministic matrix products on CUDA
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
    }
