"""Was the work done? Replay of one segment between two committed checkpoints.

The worker commits to the digest of every checkpoint before anybody knows which segment will be looked at; the segment is
drawn by the auditor's signature over that commitment. Within one determinism class the replay must give the same bits;
across classes the update of the segment must agree to `TOLERANCE` (facts measured: other instruction sets up to 6e-4, one
skipped step at least 0.12).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coase.compute import tensors
from coase.compute.executor import Executor
from coase.compute.spec import JobSpec
from coase.errors import ComputeError, JobFailed, JobRefused

TOLERANCE = 1e-2
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Verdict:
    """What an audit found; deterministic in the auditor's class.

    Args:
        ok: whether the work holds.
        code: `match`, `within_tolerance`, `mismatch`, `malformed`, `checkpoint_withheld`, `checkpoint_forged`,
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
    """
    if count < 1:
        raise JobRefused("nothing to draw from", code="no_such_segment")
    return int.from_bytes(hashlib.sha256(b"coase segment" + commitment + signature).digest(), "big") % count


def evidence_names(spec: JobSpec, segment: int) -> list[str]:
    """The files an audit of this segment needs: its two checkpoints, and the last one, which binds the model."""
    steps = {segment * spec.checkpoint_every, (segment + 1) * spec.checkpoint_every, spec.steps}
    return [f"checkpoint-{step}.safetensors" for step in sorted(steps)]


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

    Args:
        executor: runs the replay.
        spec: the job as it was ordered.
        inputs: its input files.
        result: what the worker committed to.
        segment: which segment.
        evidence: the files of `evidence_names`, by name; what is withheld is missing.
        model: the weights as they were delivered.
        name: of the replay's folder.
    """
    points = result.get("checkpoints")
    if not _well_formed(points, spec) or not isinstance(result.get("model"), str):
        return Verdict(False, "malformed", f"the result does not hold {spec.segments + 1} checkpoint digests")
    assert isinstance(points, list)
    found: list[tensors.Tensors] = []
    for file in evidence_names(spec, segment):
        if file not in evidence:
            return Verdict(False, "checkpoint_withheld", f"{file} was not shown")
        step = int(file.split("-")[1].split(".")[0])
        try:
            found.append(tensors.read(evidence[file], file))
        except JobRefused as error:
            return Verdict(False, "checkpoint_forged", error.message[:200])
        if tensors.digest(found[-1]) != points[step // spec.checkpoint_every]:
            return Verdict(False, "checkpoint_forged", f"{file} is not the one that was committed to")
    if not _binds(model, found[-1], str(result["model"])):
        return Verdict(False, "model_mismatch", "the delivered weights are not those of the last checkpoint")
    first = f"checkpoint-{segment * spec.checkpoint_every}.safetensors"
    files = {**inputs, **({"checkpoint": evidence[first]} if segment else {})}
    try:
        done = await executor.run(f"audit.{name}", spec, files, segment=segment)
        replayed = tensors.read(done.files["end.safetensors"].read_bytes())
    except (JobRefused, JobFailed) as error:
        return Verdict(False, "replay_failed", f"the segment cannot be replayed: {error.message}"[:200])
    return _compared(done.result, result, points[segment : segment + 2], replayed, (found[0], found[1]))


def _compared(
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    points: list[str],
    replayed: tensors.Tensors,
    committed: tuple[tensors.Tensors, tensors.Tensors],
) -> Verdict:
    if ours["start"] == points[0] and ours["end"] == points[1]:
        return Verdict(True, "match", "the replay gives the same bits", 0)
    # A segment's first checkpoint is given, except for the very first: there it is made from the inputs, anew.
    start, end = committed
    moved = tensors.distance(
        end, {**end, **{n: start[n] for n in end if n in start and start[n].shape == end[n].shape}}
    )
    error = tensors.distance(replayed, end) / moved if moved > 0 else float("inf")
    ppm = int(min(error, 1e3) * 1e6)
    same_class = ours["class"] == theirs.get("class")
    if same_class or error > TOLERANCE:
        why = "in the same determinism class" if same_class else f"beyond the tolerance of {TOLERANCE:g}"
        return Verdict(False, "mismatch", f"the replay differs {why}", ppm)
    return Verdict(True, "within_tolerance", "the replay agrees within the tolerance between classes", ppm)


def _well_formed(points: Any, spec: JobSpec) -> bool:
    return (
        isinstance(points, list)
        and len(points) == spec.segments + 1
        and all(isinstance(p, str) and len(p) == 64 and set(p) <= _HEX for p in points)
    )


def _binds(model: bytes, last: tensors.Tensors, digest: str) -> bool:
    """Whether the delivered weights are the committed ones, and those of the last checkpoint."""
    try:
        delivered = tensors.digest(tensors.read(model, "the model"))
    except ComputeError:
        return False
    weights = {name[2:]: value for name, value in last.items() if name.startswith("w.")}
    return delivered == digest == tensors.digest(weights)
