"""A worker that cheats: it skips a step, or lies about where it began. Run by the tests in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from coase.compute import checkpoints, jobs, tensors
from coase.compute.spec import parse_spec
from coase.compute.training import Training


def main(text: str, name: str) -> None:
    """Cheat as ordered, and write down what an honest worker would."""
    order, folder = json.loads(text), Path(name)
    spec, skipped, inflate = parse_spec(order["spec"]), order.get("skip", -1), order.get("inflate", False)
    device = torch.device("cpu")
    jobs.prepare(device, spec.threads)
    data = tensors.read((folder / "data").read_bytes())
    training = Training(spec, data["x"].copy(), data["y"].copy(), None, device)
    start = training.state()
    if inflate:  # a beginning so far away that whatever comes next looks like a long way
        start = {key: value * 1000 if key.startswith("w.") else value for key, value in start.items()}
    points = [checkpoints.write(folder, 0, start)]
    while training.done < spec.steps:
        if training.done == skipped:
            training.done += 1
        else:
            training.step()
        if training.done % spec.checkpoint_every == 0:
            points.append(checkpoints.write(folder, training.done, training.state()))
    weights = training.weights()
    (folder / "model.safetensors").write_bytes(tensors.write(weights))
    result = {
        "model": tensors.digest(weights),
        "chain": training.chain.hex(),
        "checkpoints": points,
        "steps": spec.steps,
        "class": jobs.determinism_class(spec, device).as_dict(),
    }
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
