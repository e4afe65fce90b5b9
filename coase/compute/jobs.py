"""The jobs themselves; imported by the worker server only. Data in, data out; nothing from a counterparty is code.

`train_steps` hashes the weights after every step into a chain, and weights and optimiser state at every checkpoint, so
that any segment can be replayed from its first checkpoint alone: batches depend on (seed, step) and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coase.compute import tensors
from coase.compute.architectures import CLASSES, PIXELS, network
from coase.compute.spec import JobSpec
from coase.errors import JobRefused

Weights = dict[str, torch.Tensor]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What the worker server hands to a job: the spec, and the segment to replay or None."""

    spec: JobSpec
    segment: int | None = None


def run(order: Order, folder: Path, progress: Progress = lambda step: None) -> dict[str, Any]:
    """Run a job in its folder (`in/` and `out/`) and return its result, which is deterministic in its class.

    Raises:
        JobRefused: an input is not the one agreed on, or not usable.
    """
    spec = order.spec
    device = _device(spec)
    torch.set_num_threads(spec.threads)
    torch.use_deterministic_algorithms(True)
    if spec.kind == "infer":
        return _infer(spec, folder, device)
    job = _Training(spec, folder, device)
    return job.replay(order.segment) if order.segment is not None else job.train(progress)


def determinism_class(spec: JobSpec, device: torch.device) -> dict[str, Any]:
    """Within one class, the same job gives the same bits."""
    cuda = device.type == "cuda"
    return {
        "device": device.type,
        "capability": torch.cuda.get_device_name(device) if cuda else torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
        "threads": spec.threads,
    }


def _device(spec: JobSpec) -> torch.device:
    available = torch.cuda.is_available() if spec.device != "cpu" else False
    if spec.device == "cuda" and not available:
        raise JobRefused("the job asks for CUDA and there is none here", code="no_cuda")
    return torch.device("cuda" if available else "cpu")


class _Training:
    """A network, its optimiser and its data."""

    def __init__(self, spec: JobSpec, folder: Path, device: torch.device) -> None:
        self.spec, self.out, self.device = spec, folder / "out", device
        self.inputs = folder / "in"
        data = _read(spec, self.inputs, "data")
        x, y = _rows(data, labelled=True)
        self.x, self.y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        torch.manual_seed(spec.seed)
        self.model = network(spec.architecture)
        if "model" in spec.inputs:
            _load(self.model, _read(spec, self.inputs, "model"))
        self.model.to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=float(spec.learning_rate))

    def train(self, progress: Progress) -> dict[str, Any]:
        """All steps, from the last checkpoint that an interrupted run left, if any."""
        spec = self.spec
        step, chain, points = self._continue() or self._begin()
        while step < spec.steps:
            step, chain = self._step(step, chain)
            if step % spec.checkpoint_every == 0:
                points.append(self._checkpoint(step, chain, points))
                progress(step)
        weights = _numpy(self.model.state_dict())
        (self.out / "model.safetensors").write_bytes(tensors.write(weights))
        return {
            "model": tensors.digest(weights),
            "chain": chain,
            "checkpoints": points,
            "steps": spec.steps,
            "class": determinism_class(spec, self.device),
        }

    def replay(self, segment: int) -> dict[str, Any]:
        """One segment from its first checkpoint; segment 0 from the very beginning, whatever anybody claims."""
        spec = self.spec
        if not 0 <= segment < spec.segments:
            raise JobRefused(f"segment {segment} of {spec.segments}", code="no_such_segment")
        if segment:
            self._restore(tensors.read((self.inputs / "checkpoint.safetensors").read_bytes(), "the checkpoint"))
        start = tensors.digest(self._snapshot())
        step, chain = segment * spec.checkpoint_every, ""
        for _ in range(spec.checkpoint_every):
            step, chain = self._step(step, chain)
        end = self._snapshot()
        (self.out / "end.safetensors").write_bytes(tensors.write(end))
        return {"start": start, "end": tensors.digest(end), "class": determinism_class(spec, self.device)}

    def _begin(self) -> tuple[int, str, list[str]]:
        first = self._checkpoint(0, "", [])
        return 0, first, [first]

    def _continue(self) -> tuple[int, str, list[str]] | None:
        """The latest checkpoint in `out/` that is what its note says; None to start anew."""
        for step in range(self.spec.steps, 0, -self.spec.checkpoint_every):
            note, path = self.out / f"checkpoint-{step}.json", self.out / f"checkpoint-{step}.safetensors"
            try:
                chain, points = json.loads(note.read_text())
                found = tensors.read(path.read_bytes())
            except (OSError, ValueError, JobRefused):
                continue
            if len(points) == step // self.spec.checkpoint_every + 1 and points[-1] == tensors.digest(found):
                self._restore(found)
                return step, chain, points
        return None

    def _step(self, step: int, chain: str) -> tuple[int, str]:
        rows = _batch(self.spec, step, len(self.x)).to(self.device)
        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows]).backward()
        self.optimizer.step()
        weights = tensors.digest(_numpy(self.model.state_dict()))
        return step + 1, hashlib.sha256(f"{chain}|{step}|{weights}".encode()).hexdigest()

    def _checkpoint(self, step: int, chain: str, points: list[str]) -> str:
        """Write weights and optimiser state, then the note that makes them count. Returns their digest."""
        state = self._snapshot()
        point = tensors.digest(state)
        (self.out / f"checkpoint-{step}.safetensors").write_bytes(tensors.write(state))
        (self.out / f"checkpoint-{step}.json").write_text(json.dumps([chain or point, [*points, point]]))
        return point

    def _snapshot(self) -> tensors.Tensors:
        """Weights and optimiser state: all that the next step depends on."""
        out = {f"w.{name}": value for name, value in _numpy(self.model.state_dict()).items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            out |= {f"o.{index}.{name}": value for name, value in _numpy(state).items()}
        return out

    def _restore(self, found: tensors.Tensors) -> None:
        _load(self.model, {name[2:]: value for name, value in found.items() if name.startswith("w.")})
        shapes = [tuple(p.shape) for p in self.model.parameters()]
        state: dict[int, Weights] = {}
        for key, value in found.items():
            if key.startswith("w."):
                continue
            kind, _, rest = key.partition(".")
            index, _, name = rest.partition(".")
            fits = kind == "o" and index.isdecimal() and int(index) < len(shapes)
            wanted = {"step": (), "exp_avg": None, "exp_avg_sq": None}
            if not fits or name not in wanted or value.shape != (() if name == "step" else shapes[int(index)]):
                raise JobRefused(f"the checkpoint's {key!r} is not optimiser state", code="tensors_malformed")
            state.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
        if state and (len(state) != len(shapes) or any(len(entry) != 3 for entry in state.values())):
            raise JobRefused("the checkpoint's optimiser state is not complete", code="tensors_malformed")
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _infer(spec: JobSpec, folder: Path, device: torch.device) -> dict[str, Any]:
    model = network(spec.architecture)
    _load(model, _read(spec, folder / "in", "model"))
    x, _ = _rows(_read(spec, folder / "in", "data"), labelled=False)
    model.to(device).eval()
    with torch.no_grad():
        labels = [int(label) for label in model(torch.from_numpy(x).to(device)).argmax(1).cpu()]
    return {"labels": labels, "class": determinism_class(spec, device)}


def _read(spec: JobSpec, folder: Path, name: str) -> tensors.Tensors:
    body = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(body).hexdigest() != spec.inputs[name]:  # type: ignore[index]  # the names are checked by the spec
        raise JobRefused(f"the input {name!r} is not the one that was agreed on", code="input_mismatch")
    return tensors.read(body, f"the input {name!r}")


def _rows(data: tensors.Tensors, *, labelled: bool) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, y = data.get("x"), data.get("y")
    if x is None or x.dtype != np.float32 or x.ndim != 2 or x.shape[1] != PIXELS or not len(x):
        raise JobRefused(f"the data's x must be float32 (rows, {PIXELS})", code="tensors_malformed")
    if not labelled:
        return x.copy(), np.zeros(0, np.int64)
    if y is None or y.dtype != np.int64 or y.shape != (len(x),) or y.min() < 0 or y.max() >= CLASSES:
        raise JobRefused(f"the data's y must be int64 (rows,) from 0 to {CLASSES - 1}", code="tensors_malformed")
    return x.copy(), y.copy()


def _load(model: torch.nn.Module, found: tensors.Tensors) -> None:
    wanted = model.state_dict()
    if found.keys() != wanted.keys():
        raise JobRefused("the weights' names are not those of the architecture", code="tensors_malformed")
    for name, value in found.items():
        if value.shape != tuple(wanted[name].shape) or value.dtype != np.float32:
            raise JobRefused(f"the weights' {name!r} has another shape or type", code="tensors_malformed")
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in found.items()})


def _numpy(values: dict[str, Any]) -> tensors.Tensors:
    return {name: value.detach().cpu().numpy().copy() for name, value in values.items()}


def _batch(spec: JobSpec, step: int, rows: int) -> torch.Tensor:
    """Depends on (seed, step) alone, so that a replay can start anywhere."""
    mark = hashlib.sha256(f"batch/{spec.seed}/{step}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(mark[:8], "big") >> 1)
    return torch.randint(0, rows, (spec.batch_size,), generator=generator)
