"""The executor: real jobs in real sandboxed processes, and everything that can happen to them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import pickle  # noqa: TID251  # to show that it is refused
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coase.compute import checkpoints, lockdown, tensors
from coase.compute.executor import LocalExecutor
from coase.compute.hardware import inventory
from coase.compute.spec import JobSpec
from coase.errors import CoaseError, JobFailed, JobRefused, MissingExtra

MIB = 2**20
ZEROS = np.zeros((3, 64), np.float32)
LABELS = np.zeros(3, np.int64)


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends in time; it need not be a child of ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def environment_of(pid: int | None) -> bytes:
    """The variables that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


class Watch:
    """Remembers progress, and acts once at a step."""

    def __init__(self, at: int = -1, act: Any = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self._at, self._act = at, act

    def __call__(self, done: int, of: int) -> None:
        self.seen.append((done, of))
        if done == self._at:
            self._act()


def long(data: bytes, **fields: Any) -> JobSpec:
    """A job that would take minutes."""
    fields = {"steps": 100_000, "checkpoint_every": 100, "batch_size": 8, "architecture": "digits_mlp", **fields}
    return JobSpec.for_files("train_steps", {"data": data}, **fields)


# ---- what it is for


async def test_digits_are_learnt_fine_tuned_and_read(executor: LocalExecutor, split: Any) -> None:
    """Weights trained on a seller's few rows are good, and better after fine-tuning on a buyer's many."""
    start = JobSpec.for_files("train_steps", {"data": split.seller}, steps=200, seed=1)
    bought = await executor.run("pretrain", start, {"data": split.seller})
    model = bought.files["model.safetensors"].read_bytes()
    files = {"data": split.buyer, "model": model}
    watch = Watch()
    tune = JobSpec.for_files("train_steps", files, steps=400, seed=1)
    tuned = await executor.run("tune", tune, files, on_progress=watch)

    accuracy = []
    for weights in (model, tuned.files["model.safetensors"].read_bytes()):
        files = {"data": split.held, "model": weights}
        answer = await executor.run("read", JobSpec.for_files("infer", files), files)
        y = tensors.read(split.held)["y"]
        assert answer.result["correct"] == (np.array(answer.result["labels"]) == y).sum()
        assert (answer.metering.rows_in, answer.metering.rows_out, answer.result["rows"]) == (360, 360, 360)
        accuracy.append(answer.result["correct"] / 360)
    assert 0.90 <= accuracy[0] <= 0.975
    assert accuracy[1] >= 0.967

    assert watch.seen == [(step, 400) for step in range(0, 401, 50)]
    assert set(tuned.files) == {"model.safetensors", *(checkpoints.file_name(step) for step in range(0, 401, 50))}
    final = tensors.read(tuned.files["model.safetensors"].read_bytes())
    assert tensors.digest(final) == tuned.result["model"]
    for step, point in zip(range(0, 401, 50), tuned.result["checkpoints"], strict=True):
        assert tensors.digest(tensors.read(tuned.files[checkpoints.file_name(step)].read_bytes())) == point
    assert tuned.metering.counters["train_steps"] == 400
    assert tuned.metering.counters["rows_in"] == 400 * 64
    assert tuned.metering.wall_seconds > 0
    assert 100 * MIB < tuned.metering.peak_bytes < 450 * MIB


async def test_the_market_process_imports_no_torch(
    executor: LocalExecutor, small: JobSpec, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch is over there; the worker server has one thread, or its forks would hang."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)  # another test may have imported it
    await executor.run("elsewhere", small, {"data": data})
    assert "torch" not in sys.modules
    assert (await executor.ready())["threads"] == 1


async def test_the_tier_is_what_was_reached(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """A job under Landlock says so."""
    done = await executor.run("tier", small, {"data": data})
    if lockdown.available_tier() == "landlock":
        assert "landlock-" in done.tier
        assert done.tier.endswith("+seccomp")
    else:
        assert "landlock" not in done.tier


@pytest.mark.parametrize("architecture", ["digits_cnn", "digits_mlp"])
async def test_the_same_job_gives_the_same_bits(executor: LocalExecutor, data: bytes, architecture: Any) -> None:
    """Also beside others; and another seed gives others."""
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=6, checkpoint_every=3, architecture=architecture)
    other = spec.model_copy(update={"seed": 1})
    runs = [executor.run(f"same-{i}", s, {"data": data}) for i, s in enumerate((spec, spec, other))]
    one, two, three = await asyncio.gather(*runs)
    assert one.result == two.result
    assert three.result["checkpoints"][0] != one.result["checkpoints"][0]
    assert three.result["model"] != one.result["model"]


async def test_a_job_may_have_threads(executor: LocalExecutor, data: bytes) -> None:
    """Two threads in a child of a single-threaded server do not hang; they are another determinism class."""
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=2, checkpoint_every=1, threads=2)
    done = await executor.run("threads", spec, {"data": data})
    assert done.result["class"]["threads"] == 2


# ---- interrupted


async def test_a_killed_worker_fails_its_job_which_resumes_to_the_same_result(
    executor: LocalExecutor, data: bytes
) -> None:
    """SIGKILL in mid-job; the next run goes on from the last checkpoint and ends with the same digests."""
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=40, checkpoint_every=10, batch_size=16)
    whole = await executor.run("whole", spec, {"data": data})

    def kill() -> None:
        pid = executor.worker_pid("broken")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(JobFailed) as failed:
        await executor.run("broken", spec, {"data": data}, on_progress=Watch(20, kill))
    assert failed.value.code == "worker_killed"
    assert executor.worker_pid("broken") is None
    watch = Watch()
    again = await executor.run("broken", spec, {"data": data}, on_progress=watch, resume=True)
    assert again.result == whole.result
    assert watch.seen[0][0] >= 20
    assert watch.seen[-1] == (40, 40)


async def test_a_finished_job_resumes_without_work(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """The market died after the worker's end, before it had noted the result."""
    first = await executor.run("finished", small, {"data": data})
    watch = Watch()
    second = await executor.run("finished", small, {"data": data}, on_progress=watch, resume=True)
    assert second.result == first.result
    assert watch.seen == [(12, 12)]


async def test_another_job_of_the_name_does_not_resume(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """Checkpoints belong to a spec."""
    await executor.run("reused", small, {"data": data})
    watch = Watch()
    other = small.model_copy(update={"seed": 8})
    await executor.run("reused", other, {"data": data}, on_progress=watch, resume=True)
    assert watch.seen[0] == (0, 12)


async def test_damaged_checkpoints_do_not_spoil_a_resume(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """One cut short, one of another architecture with a note that fits it: the job goes on from the one before."""
    whole = await executor.run("damaged", small, {"data": data})
    out = executor.root / "damaged" / "out"
    (out / checkpoints.file_name(12)).write_bytes(b"cut")
    checkpoints.write(out, 8, {"w.x": np.zeros(3, np.float32)})
    watch = Watch()
    again = await executor.run("damaged", small, {"data": data}, on_progress=watch, resume=True)
    assert again.result == whole.result
    assert watch.seen[0] == (4, 12)


async def test_the_death_of_the_worker_server_fails_its_jobs_and_the_next_gets_a_new_one(
    executor: LocalExecutor, small: JobSpec, data: bytes
) -> None:
    """SIGKILL to the server: jobs fail at once, their processes die with it, and later jobs run."""
    first, worker = executor.server_pid, 0
    assert first is not None

    def kill() -> None:
        nonlocal worker
        worker = executor.worker_pid("orphan") or 0
        os.kill(first, signal.SIGKILL)

    silent = long(data, checkpoint_every=100_000)  # it says nothing more that would fail
    with pytest.raises(JobFailed) as failed:
        await executor.run("orphan", silent, {"data": data}, on_progress=Watch(0, kill))
    assert failed.value.code == "worker_server_ended"
    assert worker
    assert gone(worker)
    runs = [executor.run(f"next-{i}", small, {"data": data}) for i in range(3)]
    results = await asyncio.gather(*runs)
    assert results[0].result == results[2].result
    assert executor.server_pid not in (None, first)


async def test_a_cancelled_job_is_dead_when_cancellation_is_through(executor: LocalExecutor, data: bytes) -> None:
    """Nobody writes into its folder any more, and its name can be used at once."""
    begun = asyncio.Event()
    job = asyncio.create_task(executor.run("cancel", long(data), {"data": data}, on_progress=Watch(0, begun.set)))
    await begun.wait()
    pid = executor.worker_pid("cancel")
    assert pid is not None
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert gone(pid, 0)
    assert executor.worker_pid("cancel") is None


async def test_a_callback_that_fails_ends_its_own_job_only(
    executor: LocalExecutor, small: JobSpec, data: bytes
) -> None:
    """Its error goes to whoever ordered the job."""

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await executor.run("callback", long(data), {"data": data}, on_progress=Watch(0, fail))
    assert (await executor.run("after", small, {"data": data})).result["steps"] == 12


def test_a_dead_market_leaves_nothing_behind(data: bytes, tmp_path: Path) -> None:
    """SIGKILL to the market: the worker server sees its input end, and takes the job with it."""
    (tmp_path / "data").write_bytes(data)
    code = """
import asyncio, os, sys
from pathlib import Path
from coase.compute.executor import LocalExecutor
from coase.compute.hardware import inventory
from coase.compute.spec import JobSpec
async def main(folder):
    data = (folder / "data").read_bytes()
    local = LocalExecutor(folder / "jobs")
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=100_000, checkpoint_every=100)
    await local.run("job", spec, {"data": data}, on_progress=lambda *_: print(
        os.getpid(), local.server_pid, local.worker_pid("job"), flush=True))
asyncio.run(main(Path(sys.argv[1])))
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as market:
        assert market.stdout is not None
        pids = [int(pid) for pid in market.stdout.readline().split()]
        market.kill()
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


# ---- limits


async def test_wall_time_is_limited(executor: LocalExecutor, data: bytes) -> None:
    """A job that takes too long is killed."""
    with pytest.raises(JobFailed) as failed:
        await executor.run("wall", long(data, wall_seconds=1), {"data": data})
    assert failed.value.code == "wall_time"
    assert "wall_seconds" in failed.value.hint


async def test_memory_is_limited(executor: LocalExecutor, data: bytes) -> None:
    """A batch that does not fit is the job's end, not the machine's."""
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=1, checkpoint_every=1, batch_size=4096)
    spec = spec.model_copy(update={"memory_bytes": 64 * MIB})
    with pytest.raises(JobFailed) as failed:
        await executor.run("memory", spec, {"data": data})
    assert failed.value.code == "out_of_memory"


@pytest.mark.parametrize("architecture", ["digits_cnn", "digits_mlp"])
async def test_output_is_limited(executor: LocalExecutor, data: bytes, architecture: Any) -> None:
    """All files together are too many, though no single one; also in a job that ends before anybody looks."""
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=20, checkpoint_every=1, output_bytes=MIB)
    spec = spec.model_copy(update={"architecture": architecture})
    with pytest.raises(JobFailed) as failed:
        await executor.run("output", spec, {"data": data})
    assert failed.value.code == "too_much_output"


async def test_two_jobs_of_one_name_take_turns(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """They share a folder."""
    watches = [Watch(), Watch()]
    runs = [executor.run("twin", small, {"data": data}, on_progress=watch, resume=True) for watch in watches]
    one, two = await asyncio.gather(*runs)
    assert one.result == two.result
    assert [watch.seen[0][0] for watch in watches] == [0, 12]


# ---- hostile inputs


def file(**arrays: Any) -> bytes:
    """A file of tensors."""
    return tensors.write(arrays)


def not_finite(value: float) -> np.ndarray[Any, Any]:
    """Images with one bad pixel."""
    x = ZEROS.copy()
    x[1, 1] = value
    return x


BAD_DATA = {
    "a pickle": pickle.dumps([1, 2, 3]),
    "nothing": b"",
    "a header of 100 MB": (10**8).to_bytes(8, "little") + b"{" + bytes(100),
    "not a number": file(x=not_finite(np.nan), y=LABELS),
    "infinity": file(x=not_finite(np.inf), y=LABELS),
    "no rows": file(x=ZEROS[:0], y=LABELS[:0]),
    "another width": file(x=ZEROS[:, :10], y=LABELS),
    "another rank": file(x=ZEROS.reshape(3, 8, 8), y=LABELS),
    "double precision": file(x=ZEROS.astype(np.float64), y=LABELS),
    "integers": file(x=ZEROS.astype(np.int64), y=LABELS),
    "no labels": file(x=ZEROS),
    "no images": file(y=LABELS),
    "more than images and labels": file(x=ZEROS, y=LABELS, z=LABELS),
    "fewer labels than rows": file(x=ZEROS, y=LABELS[:2]),
    "a label of 10": file(x=ZEROS, y=LABELS + 10),
    "a label of -1": file(x=ZEROS, y=LABELS - 1),
    "labels as floats": file(x=ZEROS, y=LABELS.astype(np.float32)),
    "short labels": file(x=ZEROS, y=LABELS.astype(np.int32)),
}


@pytest.mark.parametrize("body", BAD_DATA.values(), ids=BAD_DATA)
async def test_bad_data_is_refused(executor: LocalExecutor, body: bytes) -> None:
    """The job says so with a code; it does not crash, and trains on nothing."""
    spec = JobSpec.for_files("train_steps", {"data": body}, steps=1, checkpoint_every=1)
    with pytest.raises(JobRefused) as refused:
        await executor.run("hostile", spec, {"data": body})
    assert refused.value.code == "tensors_malformed"


@pytest.fixture(scope="session")
def weights(executor: LocalExecutor) -> tensors.Tensors:
    """Weights of the small network, all zero."""
    shapes = {"0.weight": (128, 64), "0.bias": (128,), "2.weight": (10, 128), "2.bias": (10,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "change",
    [
        {"0.bias": None},
        {"more": np.zeros(1, np.float32)},
        {"0.bias": np.zeros(129, np.float32)},
        {"0.bias": np.zeros(128, np.float64)},
        {"0.bias": np.full(128, np.nan, np.float32)},
    ],
    ids=["missing", "more", "shape", "type", "not a number"],
)
@pytest.mark.parametrize("kind", ["infer", "train_steps"])
async def test_bad_weights_are_refused(
    executor: LocalExecutor, weights: tensors.Tensors, kind: Any, change: dict[str, Any]
) -> None:
    """Names, types, shapes and numbers must be those of the architecture."""
    changed = {name: value for name, value in {**weights, **change}.items() if value is not None}
    files = {"data": file(x=ZEROS, y=LABELS), "model": tensors.write(changed)}
    fields: dict[str, Any] = {"steps": 1, "checkpoint_every": 1} if kind == "train_steps" else {}
    spec = JobSpec.for_files(kind, files, architecture="digits_mlp", **fields)
    with pytest.raises(JobRefused) as refused:
        await executor.run("hostile-model", spec, files)
    assert refused.value.code == "tensors_malformed"


async def test_inference_needs_no_labels(executor: LocalExecutor, weights: tensors.Tensors) -> None:
    """And then counts no right ones."""
    files = {"data": file(x=ZEROS), "model": tensors.write(weights)}
    spec = JobSpec.for_files("infer", files, architecture="digits_mlp")
    done = await executor.run("unlabelled", spec, files)
    assert done.result["labels"] == [0, 0, 0]
    assert "correct" not in done.result


async def test_a_training_that_diverges_is_refused(executor: LocalExecutor, data: bytes) -> None:
    """Numbers that are not finite are no result."""
    large = tensors.read(data)
    body = file(x=large["x"] * np.float32(1e38), y=large["y"])
    spec = JobSpec.for_files("train_steps", {"data": body}, steps=4, checkpoint_every=2, learning_rate="9")
    with pytest.raises(JobRefused) as refused:
        await executor.run("diverges", spec, {"data": body})
    assert refused.value.code == "diverged"


async def test_cuda_is_not_pretended(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """A job that insists on a device gets it, or is refused."""
    spec = small.model_copy(update={"device": "cuda"})
    if inventory().device == "cuda":
        done = await executor.run("cuda", spec, {"data": data})
        assert done.result["class"]["device"] == "cuda"
    else:
        with pytest.raises(JobRefused) as refused:
            await executor.run("cuda", spec, {"data": data})
        assert refused.value.code == "no_cuda"


@pytest.mark.parametrize(
    ("files", "segment", "code"),
    [
        ({}, None, "input_missing"),
        ({"data": b"x", "model": b"x"}, None, "input_missing"),
        ({"data": b"other"}, None, "input_mismatch"),
        ({"data": b"x"}, 1, "input_missing"),
    ],
)
async def test_inputs_must_be_the_ones_agreed_on(
    executor: LocalExecutor, files: dict[str, bytes], segment: int | None, code: str
) -> None:
    """All of them, no more, with the right hashes; checked before anything runs."""
    spec = JobSpec.for_files("train_steps", {"data": b"x"}, steps=50)
    with pytest.raises(JobRefused) as refused:
        await executor.run("inputs", spec, files, segment=segment)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "a\0b", "-x", "x" * 129, "ä"])
async def test_a_name_cannot_leave_the_folder(executor: LocalExecutor, small: JobSpec, name: str, data: bytes) -> None:
    """It becomes part of a path."""
    with pytest.raises(JobRefused) as refused:
        await executor.run(name, small, {"data": data})
    assert refused.value.code == "bad_job_name"


async def test_there_are_only_so_many_segments(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """A replay of one that is not there is refused."""
    state = {"x": np.zeros(1, np.float32)}
    with pytest.raises(JobRefused) as refused:
        await executor.run("segments", small, {"data": data, "checkpoint": tensors.write(state)}, segment=3)
    assert refused.value.code == "no_such_segment"


# ---- starting and stopping


async def test_nothing_runs_after_stop(small: JobSpec, data: bytes, tmp_path: Path) -> None:
    """Stopping while torch is still loading is quick; jobs fail then, until the next start."""
    local = LocalExecutor(tmp_path / "jobs")
    await local.start()
    pid = local.server_pid
    waiting = asyncio.create_task(local.run("waits", small, {"data": data}))
    await asyncio.sleep(0)
    await local.stop()
    with pytest.raises(JobFailed):
        await waiting
    assert pid is not None
    assert gone(pid, 0)
    assert local.server_pid is None
    with pytest.raises(JobFailed) as failed:
        await local.run("late", small, {"data": data})
    assert failed.value.code == "executor_stopped"
    await local.stop()


async def test_one_slot_and_no_secrets(
    data: bytes, small: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one slot the second job begins when the first has ended; keys in environment variables are not inherited."""
    monkeypatch.setenv("COASE_SECRET", "hunter2")
    local = LocalExecutor(tmp_path, at_once=1)
    order: list[str] = []

    async def run(name: str) -> None:
        await local.run(name, small, {"data": data}, on_progress=lambda done, of: order.append(name))

    try:
        await asyncio.gather(run("a"), run("b"))
        environment = environment_of(local.server_pid)
    finally:
        await local.stop()
    assert order == ["a"] * 4 + ["b"] * 4
    assert b"OMP_NUM_THREADS=1" in environment
    assert b"hunter2" not in environment


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as missing:
        LocalExecutor(tmp_path)
    assert missing.value.extra == "compute"


async def test_every_refusal_is_one_of_ours(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """Codes are stable and errors are printable as JSON."""
    with pytest.raises(CoaseError) as refused:
        await executor.run("codes", small, {})
    assert json.loads(json.dumps(refused.value.as_dict()))["code"] == "input_missing"
