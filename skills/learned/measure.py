"""What the learned skill gains beside others, against the opponents of its training and against others that it never
met; with 95% confidence intervals. The figures of docs/skills.md come from here.

    python skills/learned/measure.py
    python skills/learned/measure.py --weights runs/learned/weights.safetensors --sessions 500

Every skill plays the same sessions: opponents, reservations, deadlines and draws do not depend on who is measured.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import coase
from coase import loading

environment: Any = loading.load(Path(__file__).resolve().parent / "environment.py", "skills")
BESIDE = ("boulware", "linear", "conceder", "micro")


class Gain(NamedTuple):
    """A mean over sessions, and half the width of its 95% confidence interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, gained: Any) -> Gain:
        """Of what each session gained."""
        return cls(float(gained.mean()), 1.96 * float(gained.std(ddof=1)) / len(gained) ** 0.5)

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half:.3f}"


def gains(mine: Any, opponents: Any, sessions: int, seed: int) -> dict[str, Any]:
    """Opponent -> what each session gained, half of them as the buyer."""
    found = {}
    for number, (name, made) in enumerate(opponents.items()):
        parts = []
        for role in (0, 1):
            random = np.random.default_rng([seed, number, role])
            theirs = made(random, sessions // 2)
            parts.append(environment.played(mine, theirs, environment.drawn(random, sessions // 2, role))[1])
        found[name] = np.concatenate(parts)
    return found


def table(skills: dict[str, Any], opponents: Any, sessions: int, seed: int) -> list[list[str]]:
    """Rows of opponents and columns of skills, as text; the last row is the mean over all opponents."""
    columns = [gains(skill, opponents, sessions, seed) for skill in skills.values()]
    rows = [["against", *skills]]
    rows += [[name, *(str(Gain.of(column[name])) for column in columns)] for name in opponents]
    return [*rows, ["all", *(str(Gain.of(np.concatenate([*column.values()]))) for column in columns)]]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure the learned skill beside others.")
    parser.add_argument("--weights", default="", help="by default those that ship")
    parser.add_argument("--sessions", type=int, default=4000, help="against each opponent")
    parser.add_argument("--seed", type=int, default=12_345)
    given = parser.parse_args(argv)
    if given.sessions < 4:
        parser.error("at least 4 sessions")
    learned = coase.skill("learned", weights=given.weights)
    skills = {"learned": learned, **{name: coase.skill(name) for name in BESIDE}}
    itself = {"learned": lambda random, n: learned}
    for title, opponents in (
        ("Opponents of the training", environment.TRAINING),
        ("Opponents never met", environment.HELD_OUT),
        ("The learned skill itself", itself),
    ):
        sys.stdout.write(f"\n{title}\n\n")
        rows = table(skills, opponents, given.sessions, given.seed)
        rows.insert(1, ["---"] * len(rows[0]))
        sys.stdout.writelines(f"| {' | '.join(row)} |\n" for row in rows)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
