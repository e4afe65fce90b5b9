"""Jobs on a CUDA device; only where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from coase.compute.executor import LocalExecutor
from coase.compute.hardware import inventory
from coase.compute.spec import JobSpec
from coase.compute.verification import evidence_names, replay

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(inventory().device != "cuda", reason="this machine has no CUDA device"),
]


@pytest.mark.parametrize("architecture", ["digits_cnn", "digits_mlp"])
async def test_a_job_on_the_gpu_repeats_and_can_be_audited_on_a_cpu(
    executor: LocalExecutor, data: bytes, architecture: Any
) -> None:
    """The same bits twice on the device, exact when replayed there, within the tolerance when replayed on the CPU."""
    spec = JobSpec.for_files(
        "train_steps", {"data": data}, steps=100, checkpoint_every=50, architecture=architecture, device="cuda"
    )
    one, two = [await executor.run(f"cuda-{i}", spec, {"data": data}) for i in range(2)]
    assert one.result == two.result
    assert one.result["class"]["device"] == "cuda"
    evidence = {name: one.files[name].read_bytes() for name in evidence_names(spec, 1)}
    model = one.files["model.safetensors"].read_bytes()
    for device, code in (("cuda", "match"), ("cpu", "within_tolerance")):
        job = spec.model_copy(update={"device": device})
        verdict = await replay(executor, job, {"data": data}, one.result, 1, evidence, model=model, name=device)
        assert (verdict.ok, verdict.code) == (True, code)
