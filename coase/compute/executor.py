"""The market's side of the worker server: start it, hand it folders, await results. Nothing here imports torch."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import coase
from coase.compute import lockdown
from coase.compute.metering import Metering
from coase.compute.spec import JobSpec
from coase.errors import JobFailed, JobRefused, MissingExtra

MAX_RESULT = 2**20
MAX_FILES = 4096
AT_ONCE = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SIGNALLED = {
    "wall_time": "its wall time is over",
    "too_much_output": "it wrote too much",
    "too_many_files": "it wrote too many files",
}


@dataclass(frozen=True)
class JobResult:
    """What a job gave.

    Args:
        result: deterministic in its class, without floats.
        files: what it wrote, name -> path.
        metering: what it used.
        tier: the protection it ran under, as reached.
    """

    result: dict[str, Any]
    files: dict[str, Path]
    metering: Metering
    tier: str


class Executor(Protocol):
    """Runs jobs."""

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        segment: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        resume: bool = False,
    ) -> JobResult:
        """Run a job.

        Args:
            name: of its folder; one job of a name at a time.
            spec: what to do.
            files: the inputs that the spec names, and `checkpoint` for a replay of a later segment.
            segment: replay this segment instead of training.
            on_progress: told (steps done, of) at each checkpoint.
            resume: go on from the checkpoints that an interrupted job of this name and spec left.

        Raises:
            JobRefused: the spec or its inputs are not acceptable.
            JobFailed: the worker ended without a result.
        """
        ...


@dataclass
class _Job:
    done: asyncio.Future[dict[str, Any]]
    tell: Callable[[int], None]
    pid: int = 0


class LocalExecutor:
    """Sandboxed workers on this machine.

    Args:
        root: where jobs have their folders, one each.
        at_once: how many jobs run at the same time; others wait.
    """

    def __init__(self, root: Path, *, at_once: int = AT_ONCE) -> None:
        for module in ("torch", "safetensors"):
            if importlib.util.find_spec(module) is None:
                raise MissingExtra("running jobs", "compute")
        self.root = root.resolve()
        self._slots = asyncio.Semaphore(at_once)
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._jobs: dict[str, _Job] = {}
        self._count = 0

    # ---- the worker server

    async def start(self) -> None:
        """Begin to load torch in the worker server, and return at once; the first job waits for it."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._ready = asyncio.get_running_loop().create_future()
        zygote, package = Path(__file__).with_name("zygote.py"), Path(coase.__file__).parent.parent
        command = [sys.executable, "-I", str(zygote), str(package)]
        self._process = await asyncio.create_subprocess_exec(
            *_wrapped(command, self.root, package),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL if "COASE_WORKER_LOG" not in os.environ else None,
            env=_environment(),
            start_new_session=True,  # Ctrl-C goes to the market, which decides what becomes of jobs
        )
        self._reader = asyncio.create_task(self._read(self._process, self._ready))

    async def stop(self) -> None:
        """End the worker server and every job."""
        process, self._process = self._process, None
        if process is None or self._ready is None:
            return
        if process.returncode is None and not self._ready.done():
            process.kill()  # still importing torch, deaf for a second, and without children
        if process.returncode is None and process.stdin is not None:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        await process.wait()
        if self._reader is not None:
            await self._reader

    async def ready(self) -> dict[str, Any]:
        """Wait for the worker server; restart it when it has died. Returns what it said about itself."""
        if self._process is None or self._process.returncode is not None:
            await self.start()
        assert self._ready is not None
        return await asyncio.shield(self._ready)

    def worker_pid(self, name: str) -> int | None:
        """The process of a running job, for whoever wants to kill it."""
        for ticket, job in self._jobs.items():
            if ticket.rpartition("#")[0] == name and job.pid:
                return job.pid
        return None

    # ---- jobs

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        segment: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        resume: bool = False,
    ) -> JobResult:
        """Run a job; see `Executor.run`."""
        _check(name, spec, files, segment)
        async with self._slots:
            folder = self._prepare(name, spec, files, segment, resume)
            await self.ready()
            self._count += 1
            ticket = f"{name}#{self._count}"
            done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            tell = (lambda step: None) if on_progress is None else (lambda step: on_progress(step, spec.steps))
            self._jobs[ticket] = _Job(done, tell)
            self._order(ticket, folder, spec, segment)
            try:
                report = await done
            except asyncio.CancelledError:
                self._write({"cancel": ticket})
                raise
            finally:
                del self._jobs[ticket]
        return _result(folder, spec, report)

    def _prepare(self, name: str, spec: JobSpec, files: Mapping[str, bytes], segment: int | None, resume: bool) -> Path:
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

    def _order(self, ticket: str, folder: Path, spec: JobSpec, segment: int | None) -> None:
        self._write(
            {
                "id": ticket,
                "folder": str(folder),
                "segment": segment,
                "cpu": spec.wall_seconds * spec.threads,
                "wall": spec.wall_seconds,
                "memory": spec.memory_bytes,
                "output": spec.output_bytes,
                "files": MAX_FILES,
            }
        )

    def _write(self, order: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Future[dict[str, Any]]) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            message = json.loads(line)
            job = self._jobs.get(message.get("id", ""))
            if message.get("ready"):
                ready.set_result(message)
            elif job is None:
                continue
            elif "pid" in message:
                job.pid = int(message["pid"])
            elif "step" in message:
                job.tell(int(message["step"]))
            elif not job.done.done():
                job.done.set_result(message)
        error = JobFailed("the worker server ended", hint="run `coase doctor`", code="worker_server_ended")
        for future in (*(job.done for job in self._jobs.values()), ready):
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: nobody may be waiting


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


def _result(folder: Path, spec: JobSpec, report: Mapping[str, Any]) -> JobResult:
    out = folder / "out"
    code, verdict = int(report["code"]), str(report["verdict"])
    if code == 65 and not verdict:
        refused = _json(out / "refused.json")
        raise JobRefused(str(refused.get("message"))[:500], code=str(refused.get("code", "job_refused"))[:64])
    if verdict:
        raise JobFailed(f"the job was stopped: {_SIGNALLED[verdict]}", code=verdict)
    if code == 71:
        raise JobFailed("the job ran out of memory", code="out_of_memory")
    if code != 0:
        raise JobFailed(f"the worker ended with {code}: {_tail(out / 'log.txt')}", code="worker_died")
    answer = _json(out / "result.json")
    files = {
        path.name: path for path in sorted(out.iterdir()) if path.suffix == ".safetensors" and not path.is_symlink()
    }
    metering = Metering(
        train_steps=spec.steps,
        bytes_out=sum(path.stat().st_size for path in files.values()),
        wall_seconds=float(report["wall_seconds"]),
        cpu_seconds=float(report["cpu_seconds"]),
        peak_bytes=int(report["peak_bytes"]),
    )
    return JobResult(dict(answer["result"]), files, metering, str(answer["tier"]))


def _json(path: Path) -> dict[str, Any]:
    """What a job wrote is a stranger's: bounded, no link, JSON."""
    try:
        if path.is_symlink() or path.stat().st_size > MAX_RESULT:
            raise JobFailed("the worker's answer is not usable", code="bad_answer")
        answer = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise JobFailed("the worker's answer is not usable", code="bad_answer") from error
    if not isinstance(answer, dict):
        raise JobFailed("the worker's answer is not usable", code="bad_answer")
    return answer


def _tail(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[-1000:].strip() or "it left no word"
    except OSError:
        return "it left no word"


def _environment() -> dict[str, str]:
    """Nothing of ours but what torch needs: keys and tokens of the market stay here."""
    kept = ("OPENBLAS_CORETYPE", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "COASE_WORKER_LOG")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # deterministic matrix products on CUDA
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


def _wrapped(command: list[str], root: Path, package: Path) -> list[str]:
    """Where bubblewrap works, the worker server itself sees only Python, the library and the folder of jobs."""
    if not lockdown.bubblewrap_works():
        return command
    system = [
        p for p in ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/sys/devices") if Path(p).exists()
    ]
    shown = [*system, sys.prefix, sys.base_prefix, str(package / "coase"), *_site_packages()]
    binds = [part for path in dict.fromkeys(shown) for part in ("--ro-bind", path, path)]
    return [
        str(shutil.which("bwrap")),
        *("--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
        *binds,
        *("--dev-bind-try", "/dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
        *("--bind", str(root), str(root)),
        "--",
        *command,
    ]


def _site_packages() -> list[str]:
    spec = importlib.util.find_spec("torch")
    return [str(Path(spec.origin).parent.parent)] if spec and spec.origin else []
