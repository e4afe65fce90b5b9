"""How a job ended, as the market learns it: exit codes, why it was stopped, and what it left in its folder.

What a job wrote is a stranger's: bounded, no links, JSON without floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coase.compute.metering import Metering
from coase.compute.spec import JobSpec
from coase.errors import JobFailed, JobRefused, TermsError
from coase.terms.canonical import canonical
from coase.terms.reading import read_json

REFUSED, FAILED, OUT_OF_MEMORY = 65, 70, 71  # exit codes of a job
MAX_ANSWER = 2**20
_STOPPED = {
    "wall_time": "its wall time is over",
    "too_much_output": "it wrote more than its output_bytes",
    "too_many_files": "it wrote too many files",
    "unexpected_file": "it made something that is not a plain file",
}
_HINTS = {"wall_time": "order fewer steps or raise wall_seconds", "too_much_output": "raise output_bytes"}


@dataclass(frozen=True)
class JobResult:
    """What a job gave.

    Args:
        result: deterministic in its class, without floats.
        files: what it wrote, name -> path.
        metering: what it used.
        tier: the protection it ran under, as reached: `bwrap+landlock-7+seccomp`, for example, or `none`.
    """

    result: dict[str, Any]
    files: dict[str, Path]
    metering: Metering
    tier: str


def read(folder: Path, spec: JobSpec, segment: int | None, report: Mapping[str, Any]) -> JobResult:
    """What a job in this folder gave, by the worker server's report of its end.

    Raises:
        JobRefused: the job itself says that it cannot be done.
        JobFailed: anything else that is no result.
    """
    out = folder / "out"
    code, verdict = int(report["code"]), str(report["verdict"])
    if verdict:
        raise JobFailed(
            f"the job was stopped: {_STOPPED.get(verdict, verdict)}", code=verdict, hint=_HINTS.get(verdict, "")
        )
    if code == REFUSED:
        refused = _json(out / "refused.json")
        raise JobRefused(
            str(refused.get("message", "no reason given"))[:500],
            code=str(refused.get("code", "job_refused"))[:64],
            hint=str(refused.get("hint", ""))[:500],
        )
    if code == OUT_OF_MEMORY:
        raise JobFailed("the job ran out of memory", code="out_of_memory", hint="raise memory_bytes")
    if code < 0:
        raise JobFailed(f"the worker was killed by signal {-code}", code="worker_killed", hint="run the job again")
    if code != 0:
        raise JobFailed(f"the worker ended with {code}: {_last_word(out / 'log.txt')}", code="worker_died")
    answer = _json(out / "result.json")
    result, tier = answer.get("result"), answer.get("tier")
    if not isinstance(result, dict) or not isinstance(tier, str):
        raise _unusable("it holds no result")
    try:
        canonical(result)
    except TermsError as error:
        raise _unusable(error.message) from error
    files = {path.name: path for path in sorted(out.glob("*.safetensors")) if path.is_file() and not path.is_symlink()}
    return JobResult(result, files, _metering(spec, segment, result, files, report), tier[:64])


def _metering(
    spec: JobSpec, segment: int | None, result: Mapping[str, Any], files: Mapping[str, Path], report: Mapping[str, Any]
) -> Metering:
    steps = spec.steps if segment is None else spec.checkpoint_every
    labels = result.get("labels")
    rows = len(labels) if isinstance(labels, list) else 0
    return Metering(
        train_steps=steps,
        rows_in=steps * spec.batch_size if spec.kind == "train_steps" else rows,
        rows_out=rows,
        bytes_out=sum(path.stat().st_size for path in files.values()),
        wall_seconds=float(report["wall_seconds"]),
        cpu_seconds=float(report["cpu_seconds"]),
        peak_bytes=int(report["peak_bytes"]),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink() or path.stat().st_size > MAX_ANSWER:
            raise _unusable(f"it is larger than {MAX_ANSWER} bytes")
        answer = read_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable("it is not JSON") from error
    if not isinstance(answer, dict):
        raise _unusable("it is not an object")
    return answer


def _unusable(why: str) -> JobFailed:
    return JobFailed(f"the worker's answer is not usable: {why}", code="bad_answer")


def _last_word(log: Path) -> str:
    """The last line of the log: the exception, without its traceback's paths."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it left no word")[:300]
