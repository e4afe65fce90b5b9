"""Audits: honest work passes in every class of machines, and each way of cheating is found."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from coase.compute import checkpoints, tensors
from coase.compute.executor import LocalExecutor
from coase.compute.spec import JobSpec
from coase.compute.verification import TOLERANCE, Verdict, draw_segment, evidence_names, replay
from coase.errors import JobFailed, JobRefused

SEGMENTS = 3


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def honest(executor: LocalExecutor, small: JobSpec, data: bytes) -> Any:
    """Work done as ordered."""
    done = await executor.run("honest", small, {"data": data})
    files = {name: path.read_bytes() for name, path in done.files.items()}
    model = files.pop("model.safetensors")
    return Work(done.result, files, model)


class Work:
    """What a worker says it did."""

    def __init__(self, result: Mapping[str, Any], evidence: Mapping[str, bytes], model: bytes) -> None:
        self.result, self.evidence, self.model = dict(result), dict(evidence), model


async def audit(executor: LocalExecutor, spec: JobSpec, data: bytes, work: Any, segment: int) -> Verdict:
    """Audit work with the evidence there is."""
    evidence = {name: work.evidence[name] for name in evidence_names(spec, segment) if name in work.evidence}
    return await replay(executor, spec, {"data": data}, work.result, segment, evidence, model=work.model, name="tests")


async def codes(executor: LocalExecutor, spec: JobSpec, data: bytes, work: Any) -> list[str]:
    """The verdict on each segment."""
    return [(await audit(executor, spec, data, work, segment)).code for segment in range(spec.segments)]


# ---- honest work


async def test_honest_work_gives_the_same_bits(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work
) -> None:
    """Every segment, and the verdict is the same when it is repeated."""
    for segment in range(SEGMENTS):
        verdict = await audit(executor, small, data, honest, segment)
        assert verdict == Verdict(True, "match", "the replay gives the same bits", 0)
        assert await audit(executor, small, data, honest, segment) == verdict


async def test_honest_work_passes_on_other_machines(
    elsewhere: LocalExecutor, small: JobSpec, data: bytes, honest: Work
) -> None:
    """Without the wide vector instructions bits differ, far within the tolerance."""
    for segment in range(SEGMENTS):
        verdict = await audit(elsewhere, small, data, honest, segment)
        assert verdict.ok
        if honest.result["class"]["capability"] != "DEFAULT":
            assert verdict.code == "within_tolerance"
        assert verdict.error_ppm < TOLERANCE * 1e6 / 10


async def test_work_on_a_gpu_can_be_audited_without_one(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work
) -> None:
    """A job that asked for CUDA is replayed on what there is; another class means the tolerance."""
    work = Work({**honest.result, "class": {**honest.result["class"], "device": "cuda"}}, honest.evidence, honest.model)
    spec = small.model_copy(update={"device": "cuda"})
    assert (await audit(executor, spec, data, work, 1)).ok


# ---- cheats in the work


@pytest.mark.parametrize("skipped", [1, 6, 11])
async def test_one_skipped_step_is_found_in_its_segment(
    executor: LocalExecutor, elsewhere: LocalExecutor, small: JobSpec, data: bytes, cheat: Any, skipped: int
) -> None:
    """On every machine; the other segments were really computed, and pass."""
    work = cheat(small, skip=skipped)
    expected = ["mismatch" if segment == skipped // 4 else "match" for segment in range(SEGMENTS)]
    assert await codes(executor, small, data, work) == expected
    there = [await audit(elsewhere, small, data, work, segment) for segment in range(SEGMENTS)]
    assert [verdict.ok for verdict in there] == [code == "match" for code in expected]
    assert there[skipped // 4].error_ppm > 5 * TOLERANCE * 1e6


@pytest.mark.parametrize(
    "change", [{"learning_rate": "0.0001"}, {"batch_size": 8}, {"seed": 8}], ids=["rate", "batch", "seed"]
)
async def test_other_work_than_ordered_is_found(
    executor: LocalExecutor, elsewhere: LocalExecutor, small: JobSpec, data: bytes, change: Any
) -> None:
    """In whatever segment, on whatever machine."""
    other = small.model_copy(update=change)
    done = await executor.run("other", other, {"data": data})
    work = Work(done.result, {n: p.read_bytes() for n, p in done.files.items()}, b"")
    work.model = work.evidence["model.safetensors"]
    assert await codes(executor, small, data, work) == ["mismatch"] * SEGMENTS
    assert await codes(elsewhere, small, data, work) == ["mismatch"] * SEGMENTS


async def test_other_data_than_ordered_are_found(
    executor: LocalExecutor, small: JobSpec, data: bytes, split: Any
) -> None:
    """The worker trained on rows of its own."""
    own = JobSpec.for_files("train_steps", {"data": split.buyer}, **small.model_dump(exclude={"kind", "inputs"}))
    done = await executor.run("own-data", own, {"data": split.buyer})
    work = Work(done.result, {n: p.read_bytes() for n, p in done.files.items()}, b"")
    work.model = work.evidence["model.safetensors"]
    assert await codes(executor, small, data, work) == ["mismatch"] * SEGMENTS


async def test_a_far_away_beginning_excuses_nothing(
    executor: LocalExecutor, elsewhere: LocalExecutor, small: JobSpec, data: bytes, cheat: Any
) -> None:
    """Errors are measured in units of the replay's own movement, not of one that is claimed."""
    work = cheat(small, inflate=True)
    assert (await audit(executor, small, data, work, 0)).code == "mismatch"
    assert (await audit(elsewhere, small, data, work, 0)).code == "mismatch"


async def test_claiming_another_class_buys_the_tolerance_only(
    executor: LocalExecutor, small: JobSpec, data: bytes, cheat: Any
) -> None:
    """A cheat that says it ran elsewhere is still found."""
    work = cheat(small, skip=5)
    lie = replace(work, result={**work.result, "class": {**work.result["class"], "processor": "another"}})
    verdict = await audit(executor, small, data, lie, 1)
    assert (verdict.ok, verdict.code) == (False, "mismatch")


# ---- cheats in the evidence


def altered(body: bytes) -> bytes:
    """The same tensors, one bit of one weight aside."""
    state = {name: value.copy() for name, value in tensors.read(body).items()}
    state["w.1.bias"].view(np.uint8)[0] ^= 1
    return tensors.write(state)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["first", "second", "last"])
async def test_a_checkpoint_withheld_or_forged_is_found(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work, which: int
) -> None:
    """Each of the three that an audit asks for."""
    name = evidence_names(small, 0)[which]
    evidence = {key: value for key, value in honest.evidence.items() if key != name}
    verdict = await audit(executor, small, data, Work(honest.result, evidence, honest.model), 0)
    assert (verdict.ok, verdict.code) == (False, "checkpoint_withheld")
    for body in (altered(honest.evidence[name]), b"", b"\x80\x04pickle", honest.evidence[name][:-4]):
        forged = Work(honest.result, {**honest.evidence, name: body}, honest.model)
        verdict = await audit(executor, small, data, forged, 0)
        assert (verdict.ok, verdict.code) == (False, "checkpoint_forged")


def committed(work: Work, spec: JobSpec, step: int, state: tensors.Tensors) -> Work:
    """The work with another checkpoint, which was committed to as well."""
    points = list(work.result["checkpoints"])
    points[step // spec.checkpoint_every] = tensors.digest(state)
    evidence = {**work.evidence, checkpoints.file_name(step): tensors.write(state)}
    return Work({**work.result, "checkpoints": points}, evidence, work.model)


@pytest.mark.parametrize("change", ["missing", "more", "shape", "type", "negative"])
async def test_a_checkpoint_of_another_form_is_found(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work, change: str
) -> None:
    """Committed to, and yet no state of this training: the replay refuses it before it computes with it."""
    state = dict(tensors.read(honest.evidence[checkpoints.file_name(4)]))
    if change == "missing":
        del state["m.1.bias"]
    else:
        name = {"more": "x", "shape": "m.1.bias", "type": "v.1.bias", "negative": "v.1.bias"}[change]
        size = {"more": 1, "shape": 33}.get(change, 32)
        state[name] = np.full(size, -1, np.float64 if change == "type" else np.float32)
    verdict = await audit(executor, small, data, committed(honest, small, 4, state), 1)
    assert (verdict.ok, verdict.code) == (False, "checkpoint_forged")


async def test_a_checkpoint_that_blows_up_is_found(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work
) -> None:
    """Finite numbers from which the replay diverges."""
    state = dict(tensors.read(honest.evidence[checkpoints.file_name(4)]))
    state["w.1.weight"] = np.full_like(state["w.1.weight"], 3e38)
    verdict = await audit(executor, small, data, committed(honest, small, 4, state), 1)
    assert (verdict.ok, verdict.code) == (False, "replay_failed")


@pytest.mark.parametrize("where", ["model", "digest", "chain"])
async def test_the_delivery_must_be_what_was_trained(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work, where: str
) -> None:
    """Good checkpoints do not excuse other weights, and the chain's head is bound as well."""
    weights = tensors.read(honest.model)
    other = tensors.write({**weights, "1.bias": weights["1.bias"] + 1})
    result, model = dict(honest.result), honest.model
    if where == "model":
        model = other
    elif where == "digest":
        model, result["model"] = other, tensors.digest(tensors.read(other))
    else:
        result["chain"] = "0" * 64
    verdict = await audit(executor, small, data, Work(result, honest.evidence, model), 2)
    assert (verdict.ok, verdict.code) == (False, "model_mismatch")
    for missing in (b"", b"no tensors"):
        verdict = await audit(executor, small, data, Work(honest.result, honest.evidence, missing), 2)
        assert verdict.code == "model_mismatch"


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoints": None},
        {"checkpoints": []},
        {"checkpoints": ["0" * 64] * SEGMENTS},
        {"checkpoints": ["0" * 64] * (SEGMENTS + 2)},
        {"checkpoints": ["0" * 63] * (SEGMENTS + 1)},
        {"checkpoints": ["g" * 64] * (SEGMENTS + 1)},
        {"checkpoints": [7] * (SEGMENTS + 1)},
        {"model": None},
        {"class": None},
        {"class": {"device": "cpu"}},
    ],
    ids=lambda change: str(change)[:40],
)
async def test_a_result_that_commits_to_nothing_is_malformed(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work, change: dict[str, Any]
) -> None:
    """Nothing is replayed then."""
    verdict = await audit(executor, small, data, Work({**honest.result, **change}, honest.evidence, honest.model), 0)
    assert (verdict.ok, verdict.code) == (False, "malformed")


# ---- an auditor's own faults


async def test_an_auditors_fault_is_not_the_workers(
    executor: LocalExecutor, small: JobSpec, data: bytes, honest: Work, split: Any
) -> None:
    """Wrong inputs, no such segment, a replay that is killed: errors, not verdicts."""
    with pytest.raises(JobRefused) as refused:
        await audit(executor, small, split.buyer, honest, 0)
    assert refused.value.code == "input_mismatch"
    for segment in (-1, SEGMENTS):
        with pytest.raises(JobRefused) as refused:
            await replay(executor, small, {"data": data}, honest.result, segment, {}, model=b"", name="tests")
        assert refused.value.code == "no_such_segment"
    short = small.model_copy(update={"memory_bytes": 64 * 2**20, "batch_size": 4096})
    with pytest.raises(JobFailed):
        await audit(executor, short, data, honest, 0)


# ---- the draw


@given(st.binary(max_size=65), st.binary(max_size=32), st.integers(1, 1000))
def test_a_drawn_segment_is_one_of_them_and_anyone_draws_the_same(
    signature: bytes, commitment: bytes, count: int
) -> None:
    """A function of both, recomputed here from its description."""
    drawn = draw_segment(signature, commitment, count)
    digest = hashlib.sha256(b"coase segment" + commitment + signature).hexdigest()
    assert drawn == int(digest, 16) % count


def test_every_segment_is_drawn_about_as_often() -> None:
    """There is no safe place to cheat."""
    counts = Counter(draw_segment(i.to_bytes(4, "big"), b"result", 8) for i in range(4000))
    assert set(counts) == set(range(8))
    assert all(400 < count < 600 for count in counts.values())


def test_nothing_can_be_drawn_from_nothing() -> None:
    """A job without segments has none to audit."""
    with pytest.raises(JobRefused):
        draw_segment(b"", b"", 0)


def test_the_evidence_of_a_segment(small: JobSpec) -> None:
    """Its two ends, and the last checkpoint, once."""
    assert evidence_names(small, 0) == [f"checkpoint-{step}.safetensors" for step in (0, 4, 12)]
    assert evidence_names(small, 2) == [f"checkpoint-{step}.safetensors" for step in (8, 12)]
