"""Training, one step at a time, so that any segment can be replayed; imported by workers only.

A step depends on the state (weights, AdamW's moments, the step's number) and on (seed, step), from which its batch is
drawn, and on nothing else. After every step the weights are hashed into a chain that is part of the state.

AdamW (Loshchilov and Hutter 2019) is written out here: torch.optim loads the compiler, which costs 1.2 s and 70 MB, and
keeps its state in a form of its own.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coase.compute import tensors
from coase.compute.architectures import network
from coase.compute.spec import JobSpec
from coase.errors import JobRefused

FIRST_DECAY, SECOND_DECAY, WEIGHT_DECAY, EPSILON = 0.9, 0.999, 0.01, 1e-8
WEIGHTS, FIRST, SECOND, CHAIN = "w.", "m.", "v.", "chain"


class Training:
    """A network, AdamW's moments and the rows.

    Args:
        spec: a `train_steps` job.
        x: float32 (rows, pixels).
        y: int64 (rows,).
        weights: to begin with; None for the seed's own.
        device: where to compute.
    """

    def __init__(
        self, spec: JobSpec, x: NDArray[Any], y: NDArray[Any], weights: tensors.Tensors | None, device: torch.device
    ) -> None:
        self.spec, self.device = spec, device
        self.x, self.y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        torch.manual_seed(spec.seed)
        self.model = network(spec.architecture)
        if weights is not None:
            load_weights(self.model, weights)
        self.model.to(device)
        self.parameters = dict(self.model.named_parameters())
        self.first = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.second = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.done = 0
        self.chain = bytes.fromhex(tensors.digest(self.weights()))

    def step(self) -> None:
        """One step of AdamW on one batch, and one link of the chain."""
        rows = torch.from_numpy(batch_rows(self.spec.seed, self.done, self.spec.batch_size, len(self.x)))
        rows = rows.to(self.device)
        loss = torch.nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows])
        gradients = torch.autograd.grad(loss, list(self.parameters.values()))
        self.done += 1
        self._adamw(dict(zip(self.parameters, gradients, strict=True)))
        link = f"{self.chain.hex()}|{self.done}|{tensors.digest(self.weights())}"
        self.chain = hashlib.sha256(link.encode()).digest()

    @torch.no_grad()
    def _adamw(self, gradients: dict[str, torch.Tensor]) -> None:
        rate = float(self.spec.learning_rate)
        step_size = rate / (1 - _power(FIRST_DECAY, self.done))
        correction = (1 - _power(SECOND_DECAY, self.done)) ** 0.5
        for name, value in self.parameters.items():
            first, second, gradient = self.first[name], self.second[name], gradients[name]
            first.lerp_(gradient, 1 - FIRST_DECAY)
            second.mul_(SECOND_DECAY).addcmul_(gradient, gradient, value=1 - SECOND_DECAY)
            value.mul_(1 - rate * WEIGHT_DECAY)
            value.addcdiv_(first, second.sqrt().div_(correction).add_(EPSILON), value=-step_size)

    def weights(self) -> tensors.Tensors:
        """The weights, copied."""
        return _numpy(self.model.state_dict())

    def state(self) -> tensors.Tensors:
        """All that the next step depends on, and the chain.

        Raises:
            JobRefused: `diverged`, when a number is no longer finite.
        """
        state = {CHAIN: np.frombuffer(self.chain, np.uint8)}
        for prefix, part in ((WEIGHTS, self.weights()), (FIRST, _numpy(self.first)), (SECOND, _numpy(self.second))):
            state |= {prefix + name: value for name, value in part.items()}
        if not all(np.isfinite(value).all() for value in state.values()):
            raise JobRefused(
                f"after {self.done} steps a weight is not finite", hint="lower the learning rate", code="diverged"
            )
        return state

    def fits(self, state: tensors.Tensors) -> bool:
        """Whether this could be a state of this training."""
        return tensors.same_form(state, self.state())

    def restore(self, done: int, state: tensors.Tensors) -> None:
        """Go to a state after `done` steps.

        Raises:
            JobRefused: `checkpoint_malformed`.
        """
        if not self.fits(state):
            raise JobRefused("the checkpoint is not of this architecture", code="checkpoint_malformed")
        if any((state[SECOND + name] < 0).any() for name in self.parameters):
            raise JobRefused("the checkpoint's second moments are negative", code="checkpoint_malformed")
        load_weights(self.model, {n[len(WEIGHTS) :]: v for n, v in state.items() if n.startswith(WEIGHTS)})
        for prefix, part in ((FIRST, self.first), (SECOND, self.second)):
            for name in part:
                part[name] = torch.from_numpy(state[prefix + name].copy()).to(self.device)
        self.done, self.chain = done, state[CHAIN].tobytes()


def batch_rows(seed: int, step: int, size: int, rows: int) -> NDArray[np.int64]:
    """The rows of a step's batch, drawn with replacement: (size,), a function of (seed, step) alone.

    Philox (Salmon et al. 2011) is counter-based and its stream is fixed by NumPy's compatibility policy.
    """
    raw = np.random.Philox(key=np.array([seed, step], np.uint64)).random_raw(size)
    return (raw % np.uint64(rows)).astype(np.int64)


def load_weights(model: torch.nn.Module, found: tensors.Tensors) -> None:
    """Put weights into a network.

    Raises:
        JobRefused: `tensors_malformed`, when names, types or shapes are not those of the network.
    """
    if not tensors.same_form(found, _numpy(model.state_dict())):
        raise JobRefused(
            "the weights are not usable: names, types or shapes are not those of the architecture",
            code="tensors_malformed",
        )
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in found.items()})


def _numpy(values: dict[str, Any]) -> tensors.Tensors:
    return {name: value.detach().cpu().numpy().copy() for name, value in values.items()}


def _power(base: float, exponent: int) -> float:
    """base ** exponent by multiplications alone: the C library's pow differs in the last bit between machines."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
