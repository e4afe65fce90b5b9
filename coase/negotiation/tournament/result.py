"""What a tournament found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from coase.negotiation.tournament import scores
from coase.negotiation.tournament.game import Dynamics, replicate
from coase.negotiation.tournament.scores import Row, Standing
from coase.negotiation.utility import Floats


@dataclass(frozen=True)
class Table:
    """Standings, best first; as text it is the table for people."""

    lines: tuple[Standing, ...]

    def __str__(self) -> str:
        return scores.text(self.lines)

    __repr__ = __str__


@dataclass(frozen=True)
class TournamentResult:
    """All negotiations of a tournament.

    Attributes:
        labels: of the skills.
        rows: the negotiations, scenario by scenario.
        scenarios: names, by number.
        parameters: what the tournament was asked for.
    """

    labels: tuple[str, ...]
    rows: Sequence[Row]
    scenarios: tuple[str, ...]
    parameters: Mapping[str, Any]

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """One line a skill, best first."""
        return tuple(scores.standings(self.labels, self.rows, int(self.parameters["seed"])))

    @cached_property
    def payoff(self) -> Floats:
        """[i, j]: the mean utility of skill i against skill j, by `labels`."""
        return scores.payoffs(len(self.labels), self.rows)

    @cached_property
    def dynamics(self) -> Dynamics:
        """The replicator dynamics from an even mixture."""
        return replicate(self.payoff)

    def table(self) -> Table:
        """The table; it prints as text."""
        return Table(self.standings)

    def report(self, path: str | Path) -> Path:
        """Write a page with table, payoffs and plots: one file that needs no network.

        Raises:
            MissingExtra: matplotlib is not installed (the extra `plot`).
        """
        from coase.negotiation.tournament.report import page

        return page(self).write(path)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "parameters": dict(self.parameters),
            "negotiations": len(self.rows),
            "table": [dict(vars(line)) for line in self.standings],
            "skills": list(self.labels),
            "payoff": self.payoff.tolist(),
            "mixture": self.dynamics.final.tolist(),
            "regret": self.dynamics.regret,
        }
