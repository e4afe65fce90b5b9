"""Sells labelled handwritten digits: a share of the 1,797 images that scikit-learn bundles (UCI ML, 8x8 pixels)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from safetensors.numpy import save

import coase
from coase.compute.datasets import digits


class DataProvider(coase.SellerAgent):
    """Sells rows `first` to `last` of the digits, after a shuffle that depends on `shuffle_seed` alone.

    Args:
        first, last: which rows of the shuffled set, `last` not included.
        shuffle_seed: of the shuffle.
    """

    kind: ClassVar[str] = "dataset"

    first: Annotated[int, Field(ge=0, lt=1797)] = 0
    last: Annotated[int, Field(gt=0, le=1797)] = 1797
    shuffle_seed: Annotated[int, Field(ge=0)] = 0

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """The rows as one safetensors file: x float32 (n, 64) in [0, 1], y int64 (n,) from 0 to 9."""
        x, y = digits()
        rows = np.random.default_rng(self.shuffle_seed).permutation(len(x))[self.first : self.last]
        return coase.Offering(
            kind=self.kind,
            title="Handwritten digits, labelled",
            description="8x8 grey images of the digits 0 to 9 with their labels, as safetensors",
            attributes={"rows": len(rows), "classes": 10, "format": "safetensors", "task": "digits"},
            goods={"data": save({"x": x[rows], "y": y[rows]})},
        )

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Hand over the file that was listed."""
        return tools.goods(order)
