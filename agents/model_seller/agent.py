"""Sells the weights of a digit classifier that it trained itself, in the sandbox, on rows of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from safetensors.numpy import save

import coase
from coase.compute.datasets import digits


class ModelSeller(coase.SellerAgent):
    """Trains once, when it first opens its shop, then sells the weights.

    Args:
        first, last: the rows it trains on, of the digits shuffled by `shuffle_seed`.
        shuffle_seed: of the shuffle.
        steps: training steps.
        architecture: which network.
    """

    kind: ClassVar[str] = "model"

    first: Annotated[int, Field(ge=0, lt=1797)] = 0
    last: Annotated[int, Field(gt=0, le=1797)] = 200
    shuffle_seed: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=1, le=10_000)] = 100
    architecture: str = "digits_cnn"

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """Train, and list the weights with what a buyer can check about them."""
        x, y = digits()
        rows = np.random.default_rng(self.shuffle_seed).permutation(len(x))[self.first : self.last]
        data = save({"x": x[rows], "y": y[rows]})
        job = coase.JobSpec.for_files(
            "train_steps",
            {"data": data},
            architecture=self.architecture,
            seed=tools.seed,
            steps=self.steps,
            checkpoint_every=self.steps,
        )
        trained = await tools.run("pretrain", job, {"data": data})
        return coase.Offering(
            kind=self.kind,
            title="Digit classifier, pre-trained",
            description=f"weights of a small network after {self.steps} steps on {len(rows)} images",
            attributes={
                "architecture": self.architecture,
                "trained_rows": len(rows),
                "format": "safetensors",
                "task": "digits",
            },
            goods={"model": trained.files["model.safetensors"].read_bytes()},
        )

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Hand over the weights that were listed."""
        return tools.goods(order)
