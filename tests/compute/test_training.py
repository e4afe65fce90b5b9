"""Training: AdamW as written out here against torch's own, and batches that depend on (seed, step) alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coase.compute.executor import LocalExecutor
from coase.compute.spec import JobSpec


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> dict[str, Any]:
    """30 steps by both, in a process of its own: this one imports no torch."""
    path = tmp_path_factory.mktemp("adamw") / "data"
    path.write_bytes(data)
    spec = JobSpec.for_files("train_steps", {"data": data}, steps=30, checkpoint_every=30, learning_rate="0.01")
    script = Path(__file__).with_name("adamw.py")
    command = [sys.executable, str(script), spec.model_dump_json(), str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_our_adamw_is_torchs(compared: dict[str, Any]) -> None:
    """The same updates, but for rounding."""
    assert compared["moved"] > 1
    assert compared["error"] < 1e-4


def test_batches_are_drawn_evenly_and_anew(compared: dict[str, Any]) -> None:
    """Other rows in each step, each about as often as the next."""
    batches = np.array(compared["batches"])
    assert not (batches[0] == batches[1]).all()
    for batch in batches:
        counts = np.bincount(batch, minlength=10)
        assert counts.sum() == 1000
        assert 60 < counts.min() <= counts.max() < 140


async def test_a_result_does_not_depend_on_how_it_is_cut(executor: LocalExecutor, small: JobSpec, data: bytes) -> None:
    """Checkpoints are taken, not made: more of them change neither the weights nor the chain."""
    coarse = await executor.run("coarse", small, {"data": data})
    fine = await executor.run("fine", small.model_copy(update={"checkpoint_every": 2}), {"data": data})
    assert fine.result["model"] == coarse.result["model"]
    assert fine.result["chain"] == coarse.result["chain"]
    assert fine.result["checkpoints"][::2] == coarse.result["checkpoints"]
