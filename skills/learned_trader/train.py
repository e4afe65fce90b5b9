"""Train the policy of a learned trader in `coase.MarketEnvironment`, and write it beside a skill that loads it.

Proximal policy optimisation (Schulman et al. 2017) with generalised advantages (Schulman et al. 2016), on one core: a
small network proposes a shade, noise around it explores, what earned more than expected becomes likelier. Markets
differ in their traders, schedules, prices, days and turns, so that the policy reads prices and remembers none.

Run it: ``python skills/learned_trader/train.py my_trader --seed 1`` (minutes), then ``coase check my_trader/skill.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

import coase
from coase.market.observation import FEATURES

CROWDS: tuple[dict[str, int], ...] = ({"zi_c": 11}, {"zip": 11}, {"zi_c": 5, "zip": 6}, {"aa": 5, "zip": 6})
SCHEDULES = (  # demand, supply, highest price: equilibria at a quarter to two thirds of the range
    ((50, 150), (50, 150), 300),
    ((100, 200), (50, 150), 500),
    ((20, 180), (20, 180), 200),
    ((300, 700), (200, 600), 1000),
    ((60, 90), (60, 90), 120),
    ((10, 110), (10, 90), 160),
)
WIDTH, REWARD, SIGHT = 24, 10.0, 5.0  # of the hidden layers; units of reward and of gains in training


class Actor(nn.Module):
    """The proposed shade, what the rest of the episode is worth, and how widely to explore."""

    def __init__(self) -> None:
        super().__init__()
        self.policy, self.value = network(), network()
        self.spread = nn.Parameter(torch.tensor(-2.8))
        with torch.no_grad():  # begin with about the same shade for all
            last = _linear(self.policy)[-1]
            last.weight.mul_(0.1)
            last.bias.fill_(0.15)

    def forward(self, seen: torch.Tensor) -> tuple[torch.distributions.Normal, torch.Tensor]:
        """The distribution of shades, and the value."""
        seen = seen * sight()
        shade = self.policy(seen).squeeze(-1)
        return torch.distributions.Normal(shade, self.spread.exp()), self.value(seen).squeeze(-1)


def network() -> nn.Sequential:
    """What `coase.market.policy` runs."""
    wide, deep = nn.Linear(len(FEATURES), WIDTH), nn.Linear(WIDTH, WIDTH)
    return nn.Sequential(wide, nn.ReLU(), deep, nn.ReLU(), nn.Linear(WIDTH, 1))


def _linear(layers: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def sight() -> torch.Tensor:
    """By what features are multiplied: gains are small numbers."""
    return torch.tensor([SIGHT if name.startswith("gain") else 1.0 for name in FEATURES])


def markets() -> list[coase.MarketEnvironment]:
    """Every crowd under every pair of schedules; days and turns vary with them."""
    made = []
    for number, (crowd, (demand, supply, high)) in enumerate((c, s) for c in CROWDS for s in SCHEDULES):
        made.append(
            coase.MarketEnvironment(
                traders=crowd,
                demand=coase.Uniform(*demand),
                supply=coase.Uniform(*supply),
                high=high,
                days=1 + number % 3,
                turns=(20, 50)[number % 2],
            )
        )
    return made


class Experience:
    """Steps of all markets side by side, going on from one collection to the next."""

    def __init__(self, seed: int) -> None:
        self.markets = markets()
        firsts = [env.reset(seed=seed + number)[0] for number, env in enumerate(self.markets)]
        self.seen = torch.from_numpy(np.stack(firsts))
        self.sums = [0.0] * len(self.markets)
        self.gained: list[float] = []  # by whole episodes, in shares of the range of prices

    def collect(self, actor: Actor, steps: int) -> dict[str, torch.Tensor]:
        """So many steps in each market: what was seen and done, its log-probability, advantages and returns."""
        rows: dict[str, list[torch.Tensor]] = {
            name: [] for name in ("seen", "done", "chance", "value", "reward", "over")
        }
        for _ in range(steps):
            with torch.no_grad():
                shades, value = actor(self.seen)
                done = shades.sample()
            rows["seen"].append(self.seen)
            rows["done"].append(done)
            rows["chance"].append(shades.log_prob(done))
            rows["value"].append(value)
            reward, over = self._step(done.clamp(0, 1).tolist())
            rows["reward"].append(reward)
            rows["over"].append(over)
        with torch.no_grad():
            after = actor(self.seen)[1]
        held = {name: torch.stack(values) for name, values in rows.items()}
        held["advantage"] = advantages(held["reward"], held["value"], held["over"], after)
        held["return"] = held["advantage"] + held["value"]
        return {name: values.flatten(0, 1) for name, values in held.items()}

    def _step(self, shades: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
        seens, rewards, overs = [], [], []
        for number, (env, shade) in enumerate(zip(self.markets, shades, strict=True)):
            seen, reward, over, _, _ = env.step(shade)
            self.sums[number] += reward
            if over:
                self.gained.append(self.sums[number])
                self.sums[number] = 0.0
                seen, _ = env.reset()
            seens.append(seen)
            rewards.append(reward * REWARD)
            overs.append(float(over))
        self.seen = torch.from_numpy(np.stack(seens))
        return torch.tensor(rewards), torch.tensor(overs)


def advantages(
    reward: torch.Tensor, value: torch.Tensor, over: torch.Tensor, after: torch.Tensor, keep: float = 0.98
) -> torch.Tensor:
    """Generalised advantages, undiscounted: rows are steps, columns markets."""
    found = torch.zeros_like(reward)
    carried = torch.zeros_like(after)
    for step in reversed(range(len(reward))):
        following = after if step == len(reward) - 1 else value[step + 1]
        surprise = reward[step] + following * (1 - over[step]) - value[step]
        carried = surprise + keep * (1 - over[step]) * carried
        found[step] = carried
    return found


def improve(actor: Actor, optimiser: torch.optim.Optimizer, held: dict[str, torch.Tensor], passes: int = 4) -> None:
    """Clipped steps towards what earned more than expected."""
    count = len(held["done"])
    advantage = (held["advantage"] - held["advantage"].mean()) / (held["advantage"].std() + 1e-8)
    for _ in range(passes):
        for rows in torch.split(torch.randperm(count), 512):
            shades, value = actor(held["seen"][rows])
            ratio = (shades.log_prob(held["done"][rows]) - held["chance"][rows]).exp()
            gain = torch.min(ratio * advantage[rows], ratio.clamp(0.8, 1.2) * advantage[rows]).mean()
            loss = 0.5 * (value - held["return"][rows]).square().mean() - gain
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
            optimiser.step()


def train(seed: int, rounds: int, steps: int) -> Actor:
    """A policy after so many rounds of collecting and improving; the same for the same seed on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    actor, experience = Actor(), Experience(seed)
    optimiser = torch.optim.Adam(actor.parameters(), lr=1e-3)
    for done in range(rounds):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - done / rounds)
        improve(actor, optimiser, experience.collect(actor, steps))
        if (done + 1) % 20 == 0:
            gained, noise = np.mean(experience.gained[-1000:]), math.exp(actor.spread.item())
            print(f"round {done + 1}: {gained:.2%} of the range an episode, noise {noise:.3f}", flush=True)
    return actor


def write(actor: Actor, folder: Path, about: dict[str, Any]) -> None:
    """The weights, what they are, and a skill that carries their hash."""
    first, second, last = _linear(actor.policy)
    with torch.no_grad():
        tensors = {
            "first": torch.cat((first.weight * sight(), first.bias[:, None]), 1).T,
            "second": torch.cat((second.weight, second.bias[:, None]), 1).T,
            "last": torch.cat((last.weight, last.bias[:, None]), 1).T,
        }
        weights = bytes(save({name: np.ascontiguousarray(value.numpy()) for name, value in tensors.items()}))
    config = {
        "network": "relu",
        "features": list(FEATURES),
        "width": WIDTH,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "trained": about,
    }
    described = (json.dumps(config, indent=2) + "\n").encode()
    skill = (Path(__file__).parent / "skill.py").read_text(encoding="utf-8")
    pinned = f'SHA256 = "{hashlib.sha256(described).hexdigest()}"'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.safetensors").write_bytes(weights)
    (folder / "policy.json").write_bytes(described)
    (folder / "skill.py").write_text(re.sub(r'SHA256 = "\w{64}"', pinned, skill), encoding="utf-8")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Train a learned trader.")
    parser.add_argument("folder", type=Path, help="where the skill and its weights go")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=350, help="of collecting and improving")
    parser.add_argument("--steps", type=int, default=128, help="in each market, a round")
    given = parser.parse_args()
    actor = train(given.seed, given.rounds, given.steps)
    write(actor, given.folder, {"seed": given.seed, "rounds": given.rounds, "steps": given.steps})
    print(f"written to {given.folder}")


if __name__ == "__main__":
    main()
