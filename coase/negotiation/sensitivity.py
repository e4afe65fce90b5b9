"""What one parameter of a skill is worth: the skill with each of its values, against the same opponents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coase import loading
from coase.errors import UsageError
from coase.negotiation.draws import session_seed
from coase.negotiation.plot import COLOURS, DEAL, chart
from coase.negotiation.session import negotiate
from coase.negotiation.skill import Negotiator
from coase.terms.domain import Domain

MOST_SESSIONS = 10_000_000


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Means over all opponents, both sides and all repeats, one for each value.

    Attributes:
        skill: its name or class.
        parameter: the one that is varied.
        values: what it was.
        own: the skill's utility.
        other: its opponents'.
        agreed: share of negotiations with a deal.
        error: standard error of `own`.
    """

    skill: str
    parameter: str
    values: tuple[float, ...]
    own: tuple[float, ...]
    other: tuple[float, ...]
    agreed: tuple[float, ...]
    error: tuple[float, ...]

    @property
    def best(self) -> float:
        """The value with the highest utility of its own."""
        return self.values[int(np.argmax(self.own))]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        return asdict(self)

    def plot(self, path: str | Path) -> Path:
        """Draw utilities and the share of deals over the values, into a PNG, SVG or PDF file.

        Raises:
            MissingExtra: matplotlib is not installed (the extra `plot`).
        """

        def draw(figure: Any) -> None:
            ax = figure.subplots()
            low, high = (np.array(self.own) + side * np.array(self.error) for side in (-1.96, 1.96))
            ax.fill_between(self.values, low, high, color=COLOURS["buyer"], alpha=0.15, linewidth=0)
            ax.plot(self.values, self.own, marker="o", markersize=4, color=COLOURS["buyer"], label="its own utility")
            ax.plot(
                self.values, self.other, marker="s", markersize=4, color=COLOURS["seller"], label="opponents' utility"
            )
            ax.plot(self.values, self.agreed, linestyle=(0, (4, 2)), color=DEAL, label="share of deals")
            ax.axvline(self.best, color="#8a8f98", linewidth=1, linestyle=":")
            if min(self.values) > 0 and max(self.values) / min(self.values) >= 20:
                ax.set_xscale("log")
            ax.set_ylim(-0.02, 1.02)
            ax.set_xlabel(f"{self.parameter} of {self.skill}", parse_math=False)
            ax.set_ylabel("mean utility, share of deals")
            ax.set_title(f"best at {self.parameter} = {self.best:g}; band: 95% confidence", parse_math=False)
            figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)

        return chart(path, draw, (6.4, 4.4))


def sensitivity(
    skill: Any,
    parameter: str,
    values: Sequence[float],
    opponents: Sequence[Negotiator],
    domain: Domain,
    *,
    deadline: int = 100,
    reservations: tuple[float, float] = (0.0, 0.4),
    repeats: int = 10,
    seed: int = 0,
) -> Sensitivity:
    """Play a skill with each value of a parameter against opponents, from both sides.

    Args:
        skill: a name, a path or a class, as `coase.skill` takes it.
        parameter: the name of one of its fields.
        values: what it is set to.
        opponents: skills that it meets.
        domain: what is bargained over; utilities are linear in the price.
        deadline: in steps.
        reservations: both parties' are drawn between these two, the same draws for every value.
        repeats: draws of reservations.
        seed: of all draws.

    Raises:
        UsageError: nothing to play.
        ConfigurationError: the skill has no such parameter, or does not take a value.
    """
    games = len(opponents) * repeats * 2
    if not len(values) or not 1 <= games * len(values) <= MOST_SESSIONS or not reservations[0] <= reservations[1]:
        raise UsageError("nothing to play, or too much", hint="values, opponents and repeats", code="bad_sensitivity")
    draws = np.random.default_rng(seed).uniform(*reservations, (repeats, 2))
    rows: list[tuple[float, float, float, float]] = []
    for value in values:
        mine: Negotiator = loading.skill(skill, **{parameter: value})
        played: list[tuple[float, float, bool]] = []
        for number, (place, rival, buys) in enumerate(
            (p, o, b) for p in range(repeats) for o in opponents for b in (True, False)
        ):
            pair = (mine, rival) if buys else (rival, mine)
            floors = (float(draws[place][0]), float(draws[place][1]))
            result = negotiate(*pair, domain, deadline=deadline, reservation=floors, seed=session_seed(seed, number))
            one, other = result.utilities if buys else result.utilities[::-1]
            played.append((one, other, result.agreement is not None))
        table = np.array(played, np.float64)
        one, other, agreed = (float(x) for x in table.mean(axis=0))
        rows.append((one, other, agreed, float(table[:, 0].std() / np.sqrt(len(table)))))
    own, others, deals, errors = (tuple(column) for column in zip(*rows, strict=True))
    name = skill if isinstance(skill, str) else getattr(skill, "__name__", str(skill))
    return Sensitivity(name, parameter, tuple(map(float, values)), own, others, deals, errors)
