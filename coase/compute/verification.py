"""Was the work done? Replay of one segment between two committed checkpoints.

The worker commits to the digest of every checkpoint before anybody knows which segment will be looked at; the segment
is drawn by the auditor's signature over that commitment. Within one determinism class the replay must give the same
bits; across classes the update of the segment must agree to `TOLERANCE`. (Measured over 50 steps: other instruction
sets at most 6e-4, two threads against one 2e-6, one skipped step at least 0.12.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coase.compute import checkpoints, tensors
from coase.compute.comparison import update_error
from coase.compute.determinism import DeterminismClass
from coase.compute.executor import Executor
from coase.compute.outcome import JobResult
from coase.compute.spec import JobSpec
from coase.errors import JobRefused

TOLERANCE = 1e-2
_HEX = frozenset("0123456789abcdef")
_OURS = {"no_cuda", "input_missing", "input_mismatch", "bad_job_name"}  # refusals that say nothing about the worker


@dataclass(frozen=True)
class Verdict:
    """What an audit found; the same whenever it is repeated on the auditor's machine.

    Args:
        ok: whether the work holds.
        code: `match` or `within_tolerance`; else `mismatch`, `malformed`, `checkpoint_withheld`, `checkpoint_forged`,
            `model_mismatch` or `replay_failed`.
        detail: a sentence.
        error_ppm: the relative error of the replayed update, in millionths; -1 where nothing was compared.
    """

    ok: bool
    code: str
    detail: str
    error_ppm: int = -1


def draw_segment(signature: bytes, commitment: bytes, count: int) -> int:
    """The audited segment, from 0 to count - 1.

    Anybody can check it, and the worker cannot foresee it: it depends on a signature that is made after the commitment.
    An auditor that colludes could try several signatures; a dispute between strangers needs other randomness.

    Raises:
        JobRefused: there is nothing to draw from.
    """
    if count < 1:
        raise JobRefused("there are no segments to draw from", code="no_such_segment")
    return int.from_bytes(hashlib.sha256(b"coase segment" + commitment + signature).digest(), "big") % count


def evidence_names(spec: JobSpec, segment: int) -> list[str]:
    """The files an audit of this segment needs: its two checkpoints, and the last one, which binds the model."""
    return [checkpoints.file_name(step) for step in _steps(spec, segment)]


async def replay(
    executor: Executor,
    spec: JobSpec,
    inputs: Mapping[str, bytes],
    result: Mapping[str, Any],
    segment: int,
    evidence: Mapping[str, bytes],
    *,
    model: bytes,
    name: str,
) -> Verdict:
    """Audit one segment of a `train_steps` job.

    Where the job asked for CUDA and the auditor has none, it replays on the CPU, with the tolerance.

    Args:
        executor: runs the replay.
        spec: the job as it was ordered.
        inputs: its input files.
        result: what the worker committed to.
        segment: which segment.
        evidence: the files of `evidence_names`, by name; what is withheld is missing.
        model: the weights as they were delivered.
        name: of the replay's folder.

    Raises:
        JobRefused: the audit is not well posed: the inputs are not the job's, or there is no such segment.
        JobFailed: the auditor's own worker ended without a result, which says nothing about the work.
    """
    if not 0 <= segment < spec.segments:
        raise JobRefused(f"there is no segment {segment}: the job has {spec.segments}", code="no_such_segment")
    points, claimed = _points(result, spec), _class(result)
    if points is None or claimed is None or not isinstance(result.get("model"), str):
        return Verdict(False, "malformed", f"the result needs {spec.segments + 1} checkpoint digests, model and class")
    shown = _shown(spec, segment, points, evidence)
    if isinstance(shown, Verdict):
        return shown
    if not _binds(model, shown[spec.steps], result):
        return Verdict(False, "model_mismatch", "the delivered weights are not those of the last checkpoint")
    first, last = segment * spec.checkpoint_every, (segment + 1) * spec.checkpoint_every
    files = {**inputs, **({"checkpoint": evidence[checkpoints.file_name(first)]} if segment else {})}
    ours = spec.model_copy(update={"device": "auto"}) if spec.device == "cuda" else spec
    try:
        done = await executor.run(f"audit.{name}", ours, files, segment=segment)
    except JobRefused as error:
        if error.code in _OURS:
            raise
        code = "checkpoint_forged" if error.code == "checkpoint_malformed" else "replay_failed"
        return Verdict(False, code, f"the segment cannot be replayed: {error.message}"[:200])
    return _compared(done, claimed, (shown[first], shown[last]))


def _shown(
    spec: JobSpec, segment: int, points: list[str], evidence: Mapping[str, bytes]
) -> dict[int, tensors.Tensors] | Verdict:
    """The checkpoints, by step, all of them those that were committed to."""
    found: dict[int, tensors.Tensors] = {}
    for step in _steps(spec, segment):
        file = checkpoints.file_name(step)
        if file not in evidence:
            return Verdict(False, "checkpoint_withheld", f"{file} was not shown")
        try:
            found[step] = tensors.read(evidence[file], file)
        except JobRefused as error:
            return Verdict(False, "checkpoint_forged", error.message[:200])
        if tensors.digest(found[step]) != points[step // spec.checkpoint_every]:
            return Verdict(False, "checkpoint_forged", f"{file} is not the one that was committed to")
    return found


def _compared(
    done: JobResult, claimed: DeterminismClass, committed: tuple[tensors.Tensors, tensors.Tensors]
) -> Verdict:
    """The replay's states against the committed ones. Segment 0 was replayed from the inputs alone, so that the claimed
    beginning is checked as well; all errors are in units of what our own replay moved, never of what is claimed.
    """
    start, end = (tensors.read(done.files[f"{name}.safetensors"].read_bytes()) for name in ("start", "end"))
    if [done.result["start"], done.result["end"]] == [tensors.digest(state) for state in committed]:
        return Verdict(True, "match", "the replay gives the same bits", 0)
    error = max(update_error(end, start, committed[0]), update_error(start, end, committed[1]))
    ppm = int(min(error, 1e3) * 1e6)
    if DeterminismClass.parse(done.result["class"]) == claimed:
        return Verdict(False, "mismatch", "the replay differs in the same determinism class", ppm)
    if error > TOLERANCE:
        return Verdict(False, "mismatch", f"the replay differs beyond the tolerance of {TOLERANCE:g}", ppm)
    return Verdict(True, "within_tolerance", "the replay agrees within the tolerance between classes", ppm)


def _steps(spec: JobSpec, segment: int) -> list[int]:
    return sorted({segment * spec.checkpoint_every, (segment + 1) * spec.checkpoint_every, spec.steps})


def _class(result: Mapping[str, Any]) -> DeterminismClass | None:
    try:
        return DeterminismClass.parse(result.get("class"))
    except JobRefused:
        return None


def _points(result: Mapping[str, Any], spec: JobSpec) -> list[str] | None:
    points = result.get("checkpoints")
    if not isinstance(points, list) or len(points) != spec.segments + 1:
        return None
    return points if all(isinstance(p, str) and len(p) == 64 and set(p) <= _HEX for p in points) else None


def _binds(model: bytes, last: tensors.Tensors, result: Mapping[str, Any]) -> bool:
    """Whether the delivered weights and the chain are the committed ones, and those of the last checkpoint."""
    try:
        delivered = tensors.digest(tensors.read(model, "the model"))
    except JobRefused:
        return False
    weights = {name[2:]: value for name, value in last.items() if name.startswith("w.")}
    chain = last["chain"].tobytes().hex() if "chain" in last else ""
    return delivered == result["model"] == tensors.digest(weights) and chain == result.get("chain")
