"""Sells training steps on its machine: CUDA when there is one, else the CPU. Jobs run in a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import Field

import coase
from coase.compute.hardware import inventory
from coase.compute.spec import parse_spec


class GpuProvider(coase.SellerAgent):
    """Runs `train_steps` jobs that fit its machine.

    Args:
        memory_mib: the most that a job may use.
        threads: CPU threads a job may use.
        most_steps: the longest job it takes.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    kind: ClassVar[str] = "compute"

    memory_mib: Annotated[int, Field(ge=256, le=2**20)] = 2048
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    most_steps: Annotated[int, Field(ge=1, le=10_000)] = 2000
    device: str = "auto"

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """List what the machine really has, within the limits given here."""
        machine = inventory()
        device = machine.device if self.device == "auto" else self.device
        return coase.Offering(
            kind=self.kind,
            title=f"Training steps on {device} ({self.threads} threads, {self.memory_mib // 1024} GiB)",
            description="sandboxed train_steps jobs with checkpoints and a step hash chain",
            unit="train_step",
            attributes={
                "device": device,
                "device_name": machine.device_name,
                "memory_mib": self.memory_mib,
                "most_steps": self.most_steps,
                "sandbox": machine.sandbox,
                "threads": self.threads,
            },
        )

    def refuse(self, order: coase.Order) -> coase.Refusal | None:
        """Take well-formed jobs that fit, for exactly their number of steps."""
        try:
            job = parse_spec(order.details.get("job"))
        except coase.CoaseError as error:
            return coase.Refusal(error.code, error.message)
        if job.kind != "train_steps" or job.steps != order.quantity:
            return coase.Refusal("quantity_mismatch", "the quantity must be the job's number of training steps")
        if dict(job.inputs) != dict(order.inputs):
            return coase.Refusal("inputs_mismatch", "the order's inputs are not those of the job")
        if job.steps > self.most_steps or job.threads > self.threads or job.memory_bytes > self.memory_mib << 20:
            return coase.Refusal("too_large", "the job does not fit this machine")
        return None

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Run the job; the weights go to the buyer, the checkpoints are evidence."""
        job = parse_spec(order.details["job"])
        files = {name: await tools.fetch(order.deal, buyer, blob) for name, blob in sorted(order.inputs.items())}
        done = await tools.run(order.deal, job, files, progress=progress)
        made = {name: path.read_bytes() for name, path in done.files.items()}
        return coase.Delivery(
            result=done.result,
            files={"model": made.pop("model.safetensors")},
            evidence=made,
        )
