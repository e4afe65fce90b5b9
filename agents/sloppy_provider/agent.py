"""An adversary: does other work than was ordered, and commits to it. The audit must find it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import coase
from coase.compute.spec import parse_spec


class SloppyProvider(coase.SellerAgent):
    """Looks like the provider it is given, but trains at another learning rate than was ordered.

    Args:
        memory_mib, threads: as for `gpu_provider`, whose listing it copies.
        learning_rate: what it really trains with.
    """

    kind: ClassVar[str] = "compute"

    memory_mib: int = 2048
    threads: int = 1
    learning_rate: str = "0.0001"

    @cached_property
    def _honest(self) -> coase.SellerAgent:
        own = {name: getattr(self, name) for name in type(self).model_fields if name != "learning_rate"}
        honest: coase.SellerAgent = coase.load_agent("gpu_provider", **own)
        return honest

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """What the honest one would list."""
        return await self._honest.offering(tools)

    def refuse(self, order: coase.Order) -> coase.Refusal | None:
        """What the honest one would refuse."""
        return self._honest.refuse(order)

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Swap the learning rate and let the honest one work."""
        job = parse_spec(order.details["job"]).model_copy(update={"learning_rate": self.learning_rate})
        cheaper = order.model_copy(update={"details": {**order.details, "job": job.model_dump(mode="json")}})
        return await self._honest.perform(cheaper, buyer, tools, progress)
