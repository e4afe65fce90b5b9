"""An adversary: takes the order, sees the money in the escrow, and never works. Buyers must get their money back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import coase


class NoShowProvider(coase.SellerAgent):
    """Looks like the provider it is given and does nothing.

    Args:
        memory_mib, threads: as for `gpu_provider`, whose listing it copies.
    """

    kind: ClassVar[str] = "compute"

    memory_mib: int = 2048
    threads: int = 1

    @cached_property
    def _honest(self) -> coase.SellerAgent:
        own = {name: getattr(self, name) for name in type(self).model_fields}
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
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")
