"""Our training against torch.optim.AdamW on the same batches; prints the relative difference of the updates."""

from __future__ import annotations

import json
import sys

import torch

from coase.compute import jobs, tensors
from coase.compute.spec import parse_spec
from coase.compute.training import Training, batch_rows


def main(text: str, path: str) -> None:
    """Train with both, and compare."""
    spec = parse_spec(text)
    jobs.prepare(torch.device("cpu"), 1)
    with open(path, "rb") as file:
        data = tensors.read(file.read())
    ours, theirs = (Training(spec, data["x"].copy(), data["y"].copy(), None, torch.device("cpu")) for _ in range(2))
    start = ours.weights()
    optimizer = torch.optim.AdamW(theirs.model.parameters(), lr=float(spec.learning_rate))
    for step in range(spec.steps):
        ours.step()
        rows = torch.from_numpy(batch_rows(spec.seed, step, spec.batch_size, len(data["x"])))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs.model(theirs.x[rows]), theirs.y[rows])
        torch.autograd.backward(loss)
        optimizer.step()
    apart = tensors.norm(tensors.difference(ours.weights(), theirs.weights()))
    moved = tensors.norm(tensors.difference(ours.weights(), start))
    batches = [batch_rows(spec.seed, step, 1000, 10).tolist() for step in range(3)]
    report = json.dumps({"error": apart / moved, "moved": moved, "batches": batches})
    sys.stdout.write(report)


if __name__ == "__main__":
    main(*sys.argv[1:])
