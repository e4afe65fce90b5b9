"""Trains the network of the learned skill, in minutes on one core; the same seed gives the same bytes.

    python skills/learned/train.py --out runs/learned
    python skills/learned/measure.py --weights runs/learned/weights.safetensors
    coase negotiate learned:weights=runs/learned/weights.safetensors boulware

Proximal policy optimisation (Schulman et al. 2017). The policy is the network's output plus normal noise, which shrinks
from round to round; a round plays sessions against every opponent of `environment.py`, and against itself, on both
sides. The return of a move is what its session gained in the end; the critic that it is compared with also sees who the
opponent is and both reservations, which lowers the variance and is not needed to play (Pinto et al. 2017, "Asymmetric
Actor Critic").
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

import coase
from coase import loading
from coase.compute.tensors import write
from coase.errors import UsageError

HERE = Path(__file__).resolve().parent
LEARNED: Any = loading.find("skills", "learned")
environment: Any = loading.load(HERE / "environment.py", "skills")
FEATURES = LEARNED.features
ITSELF = "itself"
WIDE = 64  # units in a layer of the critic
MOST = 4096  # sessions that a batch plays in one piece


@dataclass(frozen=True)
class Settings:
    """How to train.

    Args:
        seed: of everything that is drawn.
        rounds: of playing and learning.
        sessions: in a round, against each opponent on each side.
        opponents: whom to play; by default all there are, and itself.
        noise: standard deviation of what is added to the share in the first round and in the last.
        rate: step of Adam, at first; it falls to a tenth.
        epochs: passes over a round's moves.
        minibatch: moves a step.
        clip: how far a step may change the odds of a move.
    """

    seed: int = 1
    rounds: int = 80
    sessions: int = 512
    opponents: tuple[str, ...] = (*environment.TRAINING, ITSELF)
    noise: tuple[float, float] = (0.15, 0.02)
    rate: float = 3e-3
    epochs: int = 3
    minibatch: int = 8192
    clip: float = 0.2


class Moves(NamedTuple):
    """What was played in a round, a row a move."""

    seen: Any  # features
    known: Any  # features, who the opponent is, both reservations
    asked: Any  # the network's output with its noise
    gained: Any  # by the session in the end


class Explorer(coase.Negotiator):
    """The skill in training: asks for what the network says, plus noise, and writes down what it saw and did."""

    arrays: ClassVar[bool] = True

    tensors: Any
    noise: float
    log: Any

    def start(self, problem: coase.Problem) -> Any:
        """As the skill's own."""
        return LEARNED.start(self, problem)

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """The network, loosened."""
        state, seen = LEARNED.observe(state, now)
        one, two = np.maximum(now.uniform(0), 2.0**-53), now.uniform(1)
        normal = np.sqrt(-2 * np.log(one)) * np.cos(2 * np.pi * two)  # Box and Muller
        raw = LEARNED.output(self.tensors, seen) + self.noise * normal
        share = np.minimum(np.maximum(raw, 0.0), 1.0)
        if isinstance(raw, np.ndarray) and self.log is not None:
            problem: Any = now.problem
            ranks = np.minimum(problem.rank_for(share), problem.count - 1)
            columns = np.stack([np.broadcast_to(x, len(raw)) for x in seen], axis=1)
            self.log.append((columns.astype(np.float32), raw.astype(np.float32), problem.ranked[0][ranks]))
        return LEARNED.asked(state, share), share


def train(settings: Settings) -> Iterator[tuple[float, dict[str, Any]]]:
    """After each round, what a session gained in it on average, with noise, and the network that it led to."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order
    try:
        yield from _train(settings)
    finally:
        torch.set_num_threads(before)


def _train(settings: Settings) -> Iterator[tuple[float, dict[str, Any]]]:
    random, learner = np.random.default_rng(settings.seed), Learner(settings)
    for number in range(settings.rounds):
        part = number / max(1, settings.rounds - 1)
        noise = settings.noise[0] * (settings.noise[1] / settings.noise[0]) ** part
        moves, gained = rollout(learner.tensors(), noise, settings, random)
        learner.learn(moves, noise, settings.rate * (1 - 0.9 * part))
        yield gained, learner.tensors()


def rollout(
    tensors: dict[str, Any], noise: float, settings: Settings, random: np.random.Generator
) -> tuple[Moves, float]:
    """Play a round: every move of the learner, and what a session gained on average."""
    parts: list[tuple[Any, ...]] = []
    gains: list[float] = []
    for number, name in enumerate(settings.opponents):
        for role in (0, 1):
            if name == ITSELF:
                theirs = Explorer(tensors=tensors, noise=0.0, log=None)
            else:
                theirs = environment.TRAINING[name](random, settings.sessions)
            sessions = environment.drawn(random, settings.sessions, role)
            mine = Explorer(tensors=tensors, noise=noise, log=[])
            batch, gained = environment.played(mine, theirs, sessions)
            if "one by one" in batch.ways:
                raise UsageError(
                    f"{name} is played one by one, and nothing can be learnt from that",
                    hint='500 sessions or more, and numba: pip install "coase[fast]"',
                    code="not_batched",
                )
            seen, asked, proposed = (np.stack([move[field] for move in mine.log]) for field in range(3))
            made = _made(batch, proposed, role)
            who = np.zeros((settings.sessions, len(settings.opponents) + 2))
            who[:, number], who[:, -2:] = 1, np.stack(sessions.reservation, axis=1)
            row = np.nonzero(made)[1]
            parts.append((seen[made], who[row], asked[made], gained[row]))
            gains.append(gained.mean())
    columns = [np.concatenate(column).astype(np.float32) for column in zip(*parts, strict=True)]
    told, known, raw, gain = (torch.from_numpy(column) for column in columns)
    return Moves(told, torch.cat([told, known], 1), raw, gain), float(np.mean(gains))


class Learner:
    """The network and its critic. At first the network says next to nothing: the skill starts as the linear one."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.draws = settings, torch.Generator().manual_seed(settings.seed)
        self.actor = {name: self._layer(*form) for name, form in LEARNED.form.items()}
        self.actor["last"].mul_(0.1)
        inputs = 1 + len(FEATURES) + len(settings.opponents) + 2
        self.critic = [self._layer(WIDE, inputs), self._layer(WIDE, 1 + WIDE), self._layer(1, 1 + WIDE)]
        layers = [[layer.requires_grad_() for layer in part] for part in (self.actor.values(), self.critic)]
        self.adam = torch.optim.Adam([{"params": part} for part in layers], lr=settings.rate)

    def tensors(self) -> dict[str, Any]:
        """The network as the skill takes it."""
        return {name: value.detach().numpy().astype(np.float64) for name, value in self.actor.items()}

    def learn(self, moves: Moves, noise: float, rate: float) -> None:
        """Make the moves that gained more than the critic expected likelier, and let the critic learn."""
        self.adam.param_groups[0]["lr"] = rate
        with torch.no_grad():
            before, better = self._output(moves.seen), moves.gained - _through(self.critic, moves.known)
            better = (better - better.mean()) / (better.std() + 1e-6)
        for _ in range(self.settings.epochs):
            order: Any = torch.randperm(len(moves.seen), generator=self.draws)
            for some in order.split(self.settings.minibatch):
                mean, asked = self._output(moves.seen[some]), moves.asked[some]
                likelier = (torch.square(asked - before[some]) - torch.square(asked - mean)) / (2 * noise * noise)
                odds, bound = torch.exp(likelier.clamp(-5, 5)), self.settings.clip
                gain = torch.minimum(odds * better[some], odds.clamp(1 - bound, 1 + bound) * better[some]).mean()
                beyond = torch.square(torch.relu(torch.abs(mean - 0.5) - 0.7)).mean()  # at most 0.2 outside 0 to 1
                missed = torch.square(_through(self.critic, moves.known[some]) - moves.gained[some]).mean()
                loss: Any = missed + beyond - gain
                self.adam.zero_grad()
                loss.backward()
                self.adam.step()

    def _output(self, seen: Any) -> Any:
        return (1 - seen[:, 0]) + _through(list(self.actor.values()), seen)

    def _layer(self, out: int, inputs: int) -> torch.Tensor:
        """Weights of a layer, the biases first."""
        weights: torch.Tensor = torch.randn(out, inputs, generator=self.draws) / inputs**0.5
        weights[:, 0] = 0
        return weights


def stored(tensors: dict[str, Any]) -> bytes:
    """The file of a network."""
    return write({name: value.astype(np.float32) for name, value in tensors.items()})


def _made(batch: coase.Batch, proposed: Any, role: int) -> Any:
    """Which of the moves written down were made, by step and session: a batch computes on in sessions that are over."""
    step = np.arange(1, len(proposed) + 1)[:, None]
    made = step <= batch.last_step
    if role == 1:  # the seller does not move in a step in which the buyer takes its last offer
        taken = np.vstack([np.full((1, len(batch)), -1), proposed[:-1]]) == batch.outcome
        made &= ~((step == batch.last_step) & batch.agreed & taken)
    return made


def _through(layers: list[torch.Tensor], values: Any) -> Any:
    for number, weights in enumerate(layers):
        values = torch.relu(values) if number else values
        values = values @ weights[:, 1:].T + weights[:, 0]
    return values[:, 0]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Train the network of the learned skill.")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/learned"), help="folder for the weights and the settings"
    )
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--rounds", type=int, default=Settings.rounds)
    parser.add_argument(
        "--sessions", type=int, default=Settings.sessions, help="a round, opponent and side; up to 4096"
    )
    parser.add_argument("--opponents", nargs="+", choices=Settings.opponents, default=Settings.opponents)
    given = parser.parse_args(argv)
    if not (given.rounds >= 1 and 2 <= given.sessions <= MOST):
        parser.error(f"at least one round, and 2 to {MOST} sessions")
    settings = Settings(given.seed, given.rounds, given.sessions, tuple(given.opponents))
    curve: list[float] = []
    tensors: dict[str, Any] = {}
    for gained, latest in train(settings):
        tensors = latest
        curve.append(gained)
        sys.stdout.write(f"round {len(curve)} of {settings.rounds}: a session gains {gained:.4f}\n")
        sys.stdout.flush()
    body = stored(tensors)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "weights.safetensors").write_bytes(body)
    config = {
        "features": LEARNED.features,
        "form": LEARNED.form,
        "settings": asdict(settings),
        "gained": [round(x, 4) for x in curve],
        "sha256": hashlib.sha256(body).hexdigest(),
        "torch": torch.__version__.partition("+")[0],
    }
    (given.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")


if __name__ == "__main__":
    main()
