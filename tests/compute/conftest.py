"""What the compute tests share: one executor for the session, small jobs, and a cheating worker."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from coase.compute import tensors
from coase.compute.datasets import digits
from coase.compute.executor import LocalExecutor
from coase.compute.spec import JobSpec

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session, which the one executor belongs to."""
    for item in items:
        if item.path.is_relative_to(HERE) and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalExecutor]:
    """Workers, with torch loaded once."""
    local = LocalExecutor(tmp_path_factory.mktemp("jobs"))
    await local.start()
    yield local
    await local.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalExecutor]:
    """Workers in another determinism class: without the wide vector instructions."""
    environment = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
    local = LocalExecutor(tmp_path_factory.mktemp("elsewhere"), environment=environment)
    await local.start()
    yield local
    await local.stop()


@dataclass(frozen=True)
class Split:
    """The digits in three parts: a seller's, a buyer's, and images that nobody trains on."""

    seller: bytes
    buyer: bytes
    held: bytes


@pytest.fixture(scope="session")
def split() -> Split:
    """The digits, shuffled, as files."""
    x, y = digits()
    order = np.random.default_rng(0).permutation(len(x))
    held, seller, buyer = order[:360], order[360:560], order[560:]
    return Split(*(tensors.write({"x": x[rows], "y": y[rows]}) for rows in (seller, buyer, held)))


@pytest.fixture(scope="session")
def data(split: Split) -> bytes:
    """A small data set."""
    return split.seller


@pytest.fixture(scope="session")
def small(data: bytes) -> JobSpec:
    """A training job of 12 steps in three segments."""
    return JobSpec.for_files("train_steps", {"data": data}, steps=12, checkpoint_every=4, seed=7, batch_size=16)


@dataclass(frozen=True)
class Work:
    """What a worker says it did."""

    result: Mapping[str, Any]
    evidence: Mapping[str, bytes]
    model: bytes


Cheat = Callable[..., Work]


@pytest.fixture(scope="session")
def cheat(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> Cheat:
    """Have work done by a worker that cheats, in a process of its own: ``cheat(spec, skip=5)``."""

    def work(spec: JobSpec, **how: Any) -> Work:
        folder = tmp_path_factory.mktemp("cheat")
        (folder / "data").write_bytes(data)
        order = {"spec": spec.model_dump(mode="json"), **how}
        script = [sys.executable, str(HERE / "cheat.py"), json.dumps(order), str(folder)]
        subprocess.run(script, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120)
        files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
        model = files.pop("model.safetensors")
        return Work(json.loads((folder / "result.json").read_text()), files, model)

    return work
