"""The demo's plot: open shops, buy data and weights, have them fine-tuned and audited, evaluate on held-back images."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from coase.agent.buyer import Buyer
from coase.agent.marketplace import Marketplace
from coase.agent.seller import Seller
from coase.agent.want import Deal, Want
from coase.agent.world import Event
from coase.cli.demo.faults import FAULTS, Fault
from coase.cli.demo.scenario import BUYER, HELD, STEPS, Scenario, scenario
from coase.compute import tensors
from coase.compute.datasets import digits
from coase.compute.spec import JobSpec
from coase.errors import RegistryRefused

NO_SHOW_PATIENCE = 2.0  # wall seconds for the seller that never answers


class Play:
    """One run of the demo.

    Args:
        home: the folder of the run.
        seed: of everything.
        fault: the name of a fault to inject, or "".
        transport, port: see `Marketplace.embedded`.
        watch: told about every event.
    """

    def __init__(
        self,
        home: Path,
        seed: int,
        fault: str = "",
        *,
        transport: str = "memory",
        port: int = 0,
        watch: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.home, self.seed, self.watch = home, seed, watch
        self.fault: Fault | None = FAULTS[fault] if fault else None
        self.scenario: Scenario = scenario(seed, fault)
        self.market = Marketplace.embedded(home, seed=seed, transport=transport, port=port, on_event=self._event)
        self.timings: dict[str, float] = {}
        self.accuracy: dict[str, float | None] = {"bought": None, "tuned": None}
        self.refused = ""  # the registry's code for a tampered listing
        self.crashed = False
        self._killer: asyncio.Task[None] | None = None

    # ---- acts

    async def run(self) -> None:
        """Everything between start and stop of the market."""
        with self.timed("sellers"):
            for seat in self.scenario.seats:
                await self.market.add(seat.what, name=seat.name, **seat.parameters)
            await self._show_held_images()
        self.before = await self.market.balances()
        if self.fault and self.fault.name == "tampered-listing":
            self._tamper()
        with self.timed("data and weights"):
            data, weights = await self._goods("dataset"), await self._goods("model")
        if not (data.settled and weights.settled):
            return
        with self.timed("fine-tuning and audit"):
            tuned = await self._tune(data.files["data"], weights.files["model"])
        with self.timed("evaluation"):
            self.accuracy["bought"] = await self._evaluate("bought", weights.files["model"])
            if tuned.settled:
                self.accuracy["tuned"] = await self._evaluate("tuned", tuned.files["model"])
                (self.home / "model.safetensors").write_bytes(self.buyer.blobs.need(tuned.files["model"]))
        if self._killer is not None:
            await self._killer
        await self.market.quiet()

    @property
    def buyer(self) -> Buyer:
        """The demo's buyer."""
        party = self.market.parties[BUYER]
        assert isinstance(party, Buyer)
        return party

    async def _goods(self, kind: str) -> Deal:
        return await self.buyer.buy(Want(kind=kind, query="task=digits"))

    async def _tune(self, data: str, model: str) -> Deal:
        inputs = {"data": data, "model": model}
        job = JobSpec.build(kind="train_steps", steps=STEPS, checkpoint_every=50, seed=self.seed, inputs=inputs)
        reckless = self.fault is not None and self.fault.name == "overspend"
        want = Want(
            kind="compute",
            unit="train_step",
            quantity=STEPS,
            query=f"memory_mib>={job.memory_bytes >> 20} sandbox!=none",
            details={"job": job.model_dump(mode="json")},
            inputs=inputs,
            audit=True,
            at_most=10**9 if reckless else None,
        )
        patience = NO_SHOW_PATIENCE if self.fault and self.fault.name == "no-delivery" else None
        return await self.buyer.buy(want, by="10m", patience=patience)

    # ---- the held-back images

    async def _show_held_images(self) -> None:
        x, y = digits()
        rows = np.random.default_rng(self.seed).permutation(len(x))[:HELD]
        self._held, self._labels = tensors.write({"x": x[rows]}), y[rows]

    async def _evaluate(self, name: str, model: str) -> float:
        files = {"data": self._held, "model": self.buyer.blobs.need(model)}
        job = JobSpec.for_files("infer", files)
        done = await self.market.world.executor.run(f"{BUYER}.evaluate-{name}", job, files)
        return round(float((np.array(done.result["labels"]) == self._labels).mean()), 4)

    # ---- faults

    def _tamper(self) -> None:
        """Somebody lowers the price in a provider's signed listing and publishes it."""
        seller = self.market.parties["gpu-b"]
        assert isinstance(seller, Seller)
        forged = seller.listing.model_copy(update={"price": seller.listing.lowest, "sequence": 2})
        try:
            self.market.world.registry.publish(forged.model_dump_json())
        except RegistryRefused as error:
            self.refused = error.code
            self.watch(Event("stranger", "", "refused", {"code": error.code, "reason": error.message}))

    def _event(self, event: Event) -> None:
        self.watch(event)
        wanted = self.fault is not None and self.fault.name == "crash"
        if wanted and event.what == "progress" and event.data["done"] >= STEPS // 2 and self._killer is None:
            self._killer = asyncio.get_running_loop().create_task(self._crash(event.agent, event.deal))

    async def _crash(self, name: str, deal: str) -> None:
        """SIGKILL the provider's worker in mid-job, throw the provider away, and rebuild it from its journal."""
        pid = self.market.executor.worker_pid(f"{name}.{deal}")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.crashed = True
            self.watch(Event(name, deal, "killed", {"pid": pid}))
        await self.market.rebuild(name)
        self.watch(Event(name, deal, "rebuilt", {}))

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Measure a phase, wall seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[phase] = self.timings.get(phase, 0.0) + time.perf_counter() - started
