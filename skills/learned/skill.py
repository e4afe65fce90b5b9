"""Learned: a small network says how much to ask for. Trained by policy gradient (Schulman et al. 2017, "Proximal Policy
Optimization Algorithms") in sessions against other skills: `train.py` beside this file.

The share asked for is 1 - t + f(x) within 0 and 1: the linear skill, corrected by the network f, two layers of 16
rectified linear units. It sees 13 numbers x (FEATURES), all of them shares, so it knows nothing of prices:

* time: t, 1 / the steps left, 10 / (10 + the deadline);
* the session: which part of all outcomes is worth my reservation, whether I moved first;
* the other side: whether it has made an offer, the last offer's worth, the best so far, the last less the first, ten
  times the running mean of its concessions, the part of steps in which it moved;
* myself: the share that I asked for last, ten times the running mean of my concessions.

Sums are taken one term after the other, and there is no function but the larger of two: so one session and columns of
sessions give the same bits, which a matrix product would not.

What it gains beside others, where it is best and where it is not: docs/skills.md, by `measure.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

import coase
from coase.errors import ConfigurationError

FEATURES = (
    "time", "urgency", "hurry", "scope", "opened", "heard", "worth", "best", "given", "recent", "moved", "mine",
    "yielded",
)  # fmt: skip
HIDDEN = 16
FORM = {"first": (HIDDEN, 1 + len(FEATURES)), "second": (HIDDEN, 1 + HIDDEN), "last": (1, 1 + HIDDEN)}  # with biases
RECENT = 0.3  # weight of the newest in a running mean
LARGEST = 2**20  # bytes of a file of weights
SHIPPED = "d404d9d8a9e90c8e0baf731dc0a951979a274aaa52c07c866c3088898119d7fe"


class State(NamedTuple):
    """What is remembered between moves: numbers, or a column of them a field."""

    outcomes: float  # in the domain
    opened: Any  # 1 if I moved first, 0 if they did, -1 before my first move
    heard: Any  # 1 if they have made an offer
    first: Any  # what their first offer was worth to me, 0 before any
    last: Any  # their last
    best: Any  # their best, at least 0
    recent: Any  # the running mean of what each offer was worth more than the one before
    moved: Any  # in how many steps their offer was worth something else than before
    mine: Any  # the share that I asked for last
    yielded: Any  # the running mean of what I asked for less than before


class Learned(coase.Negotiator):
    """Ask for what a trained network says."""

    arrays: ClassVar[bool] = True
    features: ClassVar[tuple[str, ...]] = FEATURES
    form: ClassVar[dict[str, tuple[int, int]]] = FORM

    weights: str = Field(default="", description="a file that the training script wrote; by default the one that ships")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        tensors(self.weights)
        return self

    def start(self, problem: coase.Problem) -> State:
        """Nothing seen."""
        return State(float(len(problem.utility)), -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def ask(self, state: State, now: coase.Now) -> tuple[State, Any]:
        """Look, and let the network speak."""
        state, seen = self.observe(state, now)
        raw = self.output(tensors(self.weights), seen)
        share = min(max(raw, 0.0), 1.0) if isinstance(raw, float) else np.minimum(np.maximum(raw, 0.0), 1.0)
        return self.asked(state, share), share

    @staticmethod
    def observe(state: State, now: coase.Now) -> tuple[State, tuple[Any, ...]]:
        """My state after their move, and the features. Arithmetic alone, so that it takes numbers and columns."""
        heard = (now.offer >= 0) * 1.0
        worth = heard * np.maximum(now.worth, -1.0)
        began = (state.opened < 0) * 1.0
        opened = began * (1.0 - heard) + (1.0 - began) * state.opened
        fresh = heard - state.heard  # 1 at their first offer
        first = fresh * worth + (1.0 - fresh) * state.first
        change = (1.0 - fresh) * (worth - state.last)
        best = np.maximum(state.best, worth)
        recent = state.recent + RECENT * (change - state.recent)
        moved = state.moved + (change != 0.0)
        problem: Any = now.problem
        left = np.maximum(problem.deadline - now.step + 1, 1)  # columns hold sessions that are over, too
        seen = (
            now.t, 1.0 / left, 10.0 / (10.0 + problem.deadline), problem.count / state.outcomes, opened, heard, worth,
            best, worth - first, 10.0 * recent, moved / now.step, state.mine, 10.0 * state.yielded,
        )  # fmt: skip
        return State(state.outcomes, opened, heard, first, worth, best, recent, moved, state.mine, state.yielded), seen

    @staticmethod
    def output(tensors: Mapping[str, Any], seen: tuple[Any, ...]) -> Any:
        """What the network says before bounds: a number, or a column of n where features are columns."""
        layers = [tensors[name] for name in FORM]
        corrected = (
            _in_columns(layers, seen)
            if isinstance(seen[FEATURES.index("worth")], np.ndarray)
            else _in_numbers(layers, seen)
        )
        return (1.0 - seen[0]) + corrected

    @staticmethod
    def asked(state: State, share: Any) -> State:
        """My state after I have asked for a share."""
        return state._replace(mine=share, yielded=state.yielded + RECENT * ((state.mine - share) - state.yielded))


@lru_cache(16)
def tensors(path: str) -> dict[str, Any]:
    """The network of a file, in double precision; of the file that ships if the path is empty.

    Raises:
        MissingExtra: safetensors is not installed.
        JobRefused: the file is not safetensors.
        ConfigurationError: there is no such file, it holds another network, or what ships was changed.
    """
    from coase.compute.tensors import read

    file = Path(path).expanduser() if path else Path(__file__).with_name("weights.safetensors")
    try:
        with file.open("rb") as opened:
            body = opened.read(LARGEST)
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", code="unreadable_file") from error
    if not path and hashlib.sha256(body).hexdigest() != SHIPPED:  # the hash of this file is to cover its weights
        raise ConfigurationError(
            f"{file} is not what ships",
            hint="give weights of your own by the parameter `weights`",
            code="other_weights",
        )
    found = read(body, str(file))
    if {name: value.shape for name, value in found.items()} != FORM:
        raise ConfigurationError(
            f"{file} holds another network", hint="write it with train.py beside the skill", code="other_weights"
        )
    return {name: value.astype(np.float64) for name, value in found.items()}


def _in_numbers(layers: list[Any], seen: Any) -> float:
    values = np.array(seen, np.float64)
    for weights in layers:
        values = np.maximum(values, 0.0) if weights is not layers[0] else values
        terms = weights * np.concatenate(((1.0,), values))
        values = np.add.accumulate(terms, axis=1)[:, -1]  # in order: numpy's own sum would go by pairs
    return float(values[0])


def _in_columns(layers: list[Any], seen: Any) -> Any:
    values, n = seen, len(seen[FEATURES.index("worth")])
    for weights in layers:
        values = np.maximum(values, 0.0) if weights is not layers[0] else values
        total, term = np.repeat(weights[:, :1], n, axis=1), np.empty((len(weights), n))
        for place, value in enumerate(values, 1):
            total += np.multiply(weights[:, place : place + 1], value, out=term)
        values = total
    return values[0]
