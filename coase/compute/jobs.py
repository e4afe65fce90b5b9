"""The jobs themselves; imported by workers only. Data in, data out; nothing from a counterparty is code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coase.compute import checkpoints, hardware, tensors
from coase.compute.architectures import CLASSES, PIXELS, network
from coase.compute.determinism import DeterminismClass
from coase.compute.spec import Input, JobSpec
from coase.compute.training import Training, load_weights
from coase.errors import JobRefused

MAX_INFER_ROWS = 250_000  # their labels must fit into a result
CHUNK = 1024  # rows of one forward pass
PROCESSOR = hardware.processor()  # read now: a locked-down job cannot

Inputs = dict[Input, tensors.Tensors]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What the worker server hands to a job: the spec, and the segment to replay or None."""

    spec: JobSpec
    segment: int | None = None


def run(order: Order, folder: Path, progress: Progress = lambda step: None) -> dict[str, Any]:
    """Run a job in its folder (`in/` and `out/`) and return its result, which is deterministic in its class.

    Args:
        order: what to do.
        folder: `in/` is only read, `out/` is flat.
        progress: told the number of steps done, when training begins and at each checkpoint.

    Raises:
        JobRefused: an input is not the one agreed on, or not usable; or the training diverged.
    """
    spec = order.spec
    device = choose_device(spec)
    prepare(device, spec.threads)
    inputs: Inputs = {name: _read(spec, folder / "in", name) for name in spec.inputs}
    if spec.kind == "infer":
        result = _infer(spec, inputs, device)
    else:
        x, y = _rows(inputs["data"], labelled=True)
        training = Training(spec, x, y, inputs.get("model"), device)
        if order.segment is None:
            result = _train(training, folder / "out", progress)
        else:
            result = _replay(training, order.segment, folder)
    return {**result, "class": determinism_class(spec, device).as_dict()}


def prepare(device: torch.device, threads: int) -> None:
    """Make torch deterministic. (Its public `use_deterministic_algorithms` also loads the compiler, in 1.2 s.)"""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def choose_device(spec: JobSpec) -> torch.device:
    """CUDA when the spec allows it and it is there.

    Raises:
        JobRefused: `no_cuda`.
    """
    available = torch.cuda.is_available() if spec.device != "cpu" else False
    if spec.device == "cuda" and not available:
        raise JobRefused("the job asks for CUDA and there is none here", code="no_cuda")
    return torch.device("cuda" if available else "cpu")


def determinism_class(spec: JobSpec, device: torch.device) -> DeterminismClass:
    """What the result's bits depend on beyond the spec."""
    if device.type == "cuda":
        capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
        processor = torch.cuda.get_device_name(device)
    else:
        capability, processor = torch.backends.cpu.get_cpu_capability(), PROCESSOR
    return DeterminismClass(device.type, capability, processor[:128], str(torch.__version__), spec.threads)


def _train(training: Training, out: Path, progress: Progress) -> dict[str, Any]:
    """All steps, from the last checkpoint that an interrupted run left, if any."""
    spec = training.spec
    found = checkpoints.latest(out, spec.steps, spec.checkpoint_every, training.fits)
    if found is None:
        points = [checkpoints.write(out, 0, training.state())]
    else:
        points = found.points
        training.restore(found.step, found.state)
    progress(training.done)
    while training.done < spec.steps:
        training.step()
        if training.done % spec.checkpoint_every == 0:
            points.append(checkpoints.write(out, training.done, training.state()))
            progress(training.done)
    weights = training.weights()
    (out / "model.safetensors").write_bytes(tensors.write(weights))
    return {
        "model": tensors.digest(weights),
        "chain": training.chain.hex(),
        "checkpoints": points,
        "steps": spec.steps,
    }


def _replay(training: Training, segment: int, folder: Path) -> dict[str, Any]:
    """One segment from its first checkpoint; segment 0 from the very beginning, whatever anybody claims."""
    spec = training.spec
    if not 0 <= segment < spec.segments:
        raise JobRefused(f"there is no segment {segment}: the job has {spec.segments}", code="no_such_segment")
    if segment:
        body = (folder / "in" / "checkpoint.safetensors").read_bytes()
        training.restore(segment * spec.checkpoint_every, tensors.read(body, "the checkpoint"))
    start = training.state()
    for _ in range(spec.checkpoint_every):
        training.step()
    end = training.state()
    for name, state in (("start", start), ("end", end)):
        (folder / "out" / f"{name}.safetensors").write_bytes(tensors.write(state))
    return {"start": tensors.digest(start), "end": tensors.digest(end)}


def _infer(spec: JobSpec, inputs: Inputs, device: torch.device) -> dict[str, Any]:
    """A label for each row and, where the data has true labels, how many are right."""
    x, y = _rows(inputs["data"], labelled="y" in inputs["data"])
    if len(x) > MAX_INFER_ROWS:
        raise JobRefused(f"{len(x)} rows in one job, more than {MAX_INFER_ROWS}", code="too_many_rows")
    model = network(spec.architecture)
    load_weights(model, inputs["model"])
    model.to(device).eval()
    labels: list[int] = []
    with torch.no_grad():
        for first in range(0, len(x), CHUNK):
            scores = model(torch.from_numpy(x[first : first + CHUNK]).to(device))
            labels += scores.argmax(1).cpu().tolist()
    correct = {"correct": int((np.array(labels) == y).sum())} if len(y) else {}
    return {"labels": labels, "rows": len(labels), **correct}


def _read(spec: JobSpec, folder: Path, name: Input) -> tensors.Tensors:
    body = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(body).hexdigest() != spec.inputs[name]:
        raise JobRefused(f"the input {name!r} is not the one that was agreed on", code="input_mismatch")
    return tensors.read(body, f"the input {name!r}")


def _rows(data: tensors.Tensors, *, labelled: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """x and y, checked; y is empty where there are no labels."""
    wanted = {"x", "y"} if labelled else {"x"}
    if set(data) != wanted:
        raise JobRefused(f"the data must hold {' and '.join(sorted(wanted))} only", code="tensors_malformed")
    x = data["x"]
    if x.dtype != np.float32 or x.ndim != 2 or x.shape[1] != PIXELS or not len(x):
        raise JobRefused(f"the data's x must be float32 (rows, {PIXELS})", code="tensors_malformed")
    if not labelled:
        return x.copy(), np.zeros(0, np.int64)
    y = data["y"]
    if y.dtype != np.int64 or y.shape != (len(x),) or y.min() < 0 or y.max() >= CLASSES:
        raise JobRefused(f"the data's y must be int64 (rows,) from 0 to {CLASSES - 1}", code="tensors_malformed")
    return x.copy(), y.copy()
