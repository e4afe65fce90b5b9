"""Buys for its owner, within a mandate. What to buy is said to it: see `coase.Want`."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

import coase
from coase.compute import tensors
from coase.compute.datasets import digits

CHECKPOINT = 50  # steps, where the number of steps allows it


class Buyer(coase.BuyerAgent):
    """A buyer whose parameters are its owner's limits and how it bargains.

    A want of training steps that names no job gets one: a digit classifier, trained from scratch on the bundled digits.
    """

    def prepare(self, want: coase.Want, put: Callable[[bytes], str], seed: int) -> coase.Want:
        """Give a bare want of computing its job."""
        if want.kind != "compute" or want.details:
            return want
        x, y = digits()
        inputs = {"data": put(tensors.write({"x": x, "y": y}))}
        job = coase.JobSpec.build(
            kind="train_steps",
            steps=want.quantity,
            checkpoint_every=gcd(want.quantity, CHECKPOINT),
            seed=seed % 2**63,
            inputs=inputs,
        )
        return want.model_copy(update={"inputs": inputs, "details": {"job": job.model_dump(mode="json")}})
