"""A job's own process, from fork to exit; imported by the worker server, which has loaded torch."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from coase.compute import jobs, lockdown, tensors
from coase.compute.architectures import PIXELS
from coase.compute.outcome import FAILED, OUT_OF_MEMORY, REFUSED
from coase.compute.spec import JobSpec, parse_spec
from coase.compute.training import Training
from coase.errors import CoaseError

_PROGRESS = 3  # the file descriptor of the pipe to the worker server
_NO_MEMORY = (  # what torch and oneDNN say, in a RuntimeError
    "allocate memory",
    "out of memory",
    "bad_alloc",
    "could not create a primitive",
    "could not create a memory",
)


def run(order: dict[str, Any], pipe: int, parent: int, outer: str) -> NoReturn:
    """Lock down, run the job, leave.

    Args:
        order: what came from the market; see `coase.compute.zygote`.
        pipe: the number of steps done is written to it, a line each.
        parent: the worker server's process.
        outer: the sandbox that the worker server is in, or the empty string.
    """
    code = FAILED
    try:
        lockdown.die_with(parent)
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        folder = Path(order["folder"])
        _descriptors(folder / "out" / "log.txt", pipe)
        try:
            answer = _work(order, folder, outer)
            (folder / "out" / "result.json").write_text(json.dumps(answer))
            code = 0
        except CoaseError as error:
            (folder / "out" / "refused.json").write_text(json.dumps(error.as_dict()))
            code = REFUSED
    except BaseException as error:  # noqa: BLE001  # whatever a job raises ends in the log and an exit code
        code = OUT_OF_MEMORY if _is_memory(error) else FAILED
        traceback.print_exc()
    finally:
        os._exit(code)


def _work(order: dict[str, Any], folder: Path, outer: str) -> dict[str, Any]:
    spec = parse_spec((folder / "in" / "job.json").read_bytes())
    device = jobs.choose_device(spec)
    cuda = device.type == "cuda"
    if cuda:
        _rehearse(device)  # the driver opens devices and libraries now; later it cannot
    limits = lockdown.Limits(order["cpu"], order["memory"], order["output"], cuda)
    devices = [str(path) for path in Path("/dev").glob("nvidia*")] if cuda else []
    readable = [str(folder / "in"), *(_libraries() if cuda else [])]
    tier = lockdown.lock(readable, [str(folder / "out")], devices, limits)
    result = jobs.run(jobs.Order(spec, order["segment"]), folder, _tell)
    return {"result": result, "tier": "+".join(part for part in (outer, tier) if part)}


def warm() -> None:
    """Run one tiny job of each kind in the worker server itself: all that torch and NumPy load on first use is then in
    memory, and a child needs to read nothing but its own folder.
    """
    data = tensors.write(_rows())
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=2, checkpoint_every=1, batch_size=2, device="cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("in", "out"):
            (folder / part).mkdir()
        (folder / "in" / "data.safetensors").write_bytes(data)
        jobs.run(jobs.Order(spec), folder)
        jobs.run(jobs.Order(spec), folder)  # goes on from the last checkpoint
        made = {path.name: path.read_bytes() for path in (folder / "out").glob("*.safetensors")}
        (folder / "in" / "checkpoint.safetensors").write_bytes(made["checkpoint-1.safetensors"])
        jobs.run(jobs.Order(spec, 1), folder)
        (folder / "in" / "model.safetensors").write_bytes(made["model.safetensors"])
        files = {"data": data, "model": made["model.safetensors"]}
        jobs.run(jobs.Order(JobSpec.for_files("infer", files, device="cpu")), folder)


def _rehearse(device: torch.device) -> None:
    """One step of each network on the GPU, so that its libraries and kernels are loaded."""
    jobs.prepare(device, 1)
    rows = _rows()
    for architecture in ("digits_cnn", "digits_mlp"):
        spec = JobSpec.build(
            kind="train_steps", steps=1, checkpoint_every=1, architecture=architecture, inputs={"data": "0" * 64}
        )
        training = Training(spec, rows["x"], rows["y"], None, device)
        training.step()
        training.state()
        with torch.no_grad():
            training.model(training.x).argmax(1).cpu()


def _rows() -> tensors.Tensors:
    return {"x": np.zeros([2, PIXELS], np.float32), "y": np.zeros(2, np.int64)}


def _libraries() -> list[str]:
    """Where the libraries of CUDA are that load more of themselves as they go."""
    torch_folder = Path(torch.__file__).parent
    return [str(torch_folder / "lib"), str(torch_folder.parent / "nvidia")]


def _descriptors(log: Path, pipe: int) -> None:
    """Nothing in, the log out, the pipe to the worker server, and no other file of the worker server's."""
    null = os.open("/dev/null", os.O_RDWR)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((pipe, _PROGRESS), (null, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.closerange(_PROGRESS + 1, 65536)


def _tell(step: int) -> None:
    os.write(_PROGRESS, b"%d\n" % step)


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
