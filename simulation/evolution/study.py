"""Which negotiating skills survive when those that earn more are copied more often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import coase
from coase.negotiation.tournament.game import replicate

COLOURS = ("#1f6fb4", "#d9642c", "#1a8a4c", "#8a4fb0", "#b3261e", "#77664d", "#d070b0", "#556", "#a8a51e", "#2ab0b8")


class Evolution(coase.Study):
    """A tournament of shipped skills as a game between them, and the replicator dynamics over its payoffs."""

    question: ClassVar[str] = "Which negotiating skills survive when those that earn more are copied more often?"
    method: ClassVar[str] = (
        "Every skill bargains with every other and with itself, in both roles, over fresh scenarios; mean utilities "
        "are the payoffs of a symmetric game. Shares of a population follow the replicator dynamics (Taylor and Jonker "
        "1978): a skill grows at the rate by which it earns more than the average. They start with equal shares, "
        "and from random mixtures. Intervals: the batches of scenarios are drawn again with replacement "
        "(bootstrap), and the dynamics run on each. Regret is what the best skill would gain over the mixture reached."
    )
    quick: ClassVar[Mapping[str, Any]] = {
        "batches": 3,
        "repeats": 1,
        "skills": ("boulware", "conceder", "linear", "micro"),
        "starts": 20,
        "resamples": 20,
    }

    skills: tuple[str, ...] = Field(
        default=(
            "boulware", "conceder", "linear", "micro", "tit_for_tat", "averaged_tit_for_tat", "hybrid", "nash_seeker",
            "kalai_seeker", "ultimatum",
        ),
        min_length=2,
        description="names or paths",
    )  # fmt: skip
    pack: str = Field(default="anac-like", description="of scenarios")
    batches: int = Field(default=20, ge=2, le=1000, description="independent samples of scenarios")
    repeats: int = Field(default=5, ge=1, le=1000, description="scenarios in a batch")
    starts: int = Field(default=200, ge=1, le=100_000, description="random mixtures to start from")
    resamples: int = Field(default=200, ge=2, le=100_000, description="of the bootstrap")

    def cells(self) -> list[dict[str, Any]]:
        """The batches."""
        return [{"batch": index} for index in range(self.batches)]

    def measure(self, cell: Any, seed: int) -> list[dict[str, Any]]:
        """Mean utilities of all pairs over a batch."""
        found = coase.tournament(self.skills, self.pack, repeats=self.repeats, seed=seed)
        return [
            {"skill": one, "against": other, "utility": float(found.payoff[i, j])}
            for i, one in enumerate(self.skills)
            for j, other in enumerate(self.skills)
        ]

    def show(self, rows: Sequence[dict[str, Any]]) -> coase.Shown:
        """Who is left, how surely, and from where."""
        n = len(self.skills)
        games = np.array([row["utility"] for row in rows]).reshape(-1, n, n)
        payoff = games.mean(axis=0)
        course = replicate(payoff)
        rng = np.random.default_rng(self.seed)
        again = np.array(
            [
                replicate(games[rng.integers(0, len(games), len(games))].mean(axis=0), steps=2000).final
                for _ in range(self.resamples)
            ]
        )
        ends = np.array([replicate(payoff, rng.dirichlet(np.ones(n)), steps=2000).final for _ in range(self.starts)])
        low, high = np.quantile(again, (0.025, 0.975), axis=0)
        order = np.argsort(-course.final, kind="stable")
        left = [self.skills[i] for i in order if course.final[i] > 0.01]
        doubt = [self.skills[i] for i in order if high[i] > 0.01]
        alone = payoff.mean(axis=1)
        richest, nicest = self.skills[int(alone.argmax())], self.skills[int(np.diag(payoff).argmax())]
        return coase.Shown(
            findings=[
                f"{_listed(left)} {'is' if len(left) == 1 else 'are'} left of {n} skills.",
                f"{richest} earns most against all skills alike, which is what a tournament ranks by; "
                + ("it survives, too." if richest in left else "it does not survive: its prey dies out."),
                (
                    f"A population of {nicest} alone would earn {np.diag(payoff).max():.3f} each; the one that evolves "
                    f"earns {course.final @ payoff @ course.final:.3f}. What survives is what cannot be exploited."
                ),
                (
                    f"With other scenarios the end could be another: only {_listed(doubt)} cannot be ruled out. "
                    f"From {self.starts} random mixtures, {self.skills[order[0]]} comes to hold "
                    f"{ends[:, order[0]].mean():.0%} on average."
                ),
            ],
            comparisons=[
                coase.Comparison(
                    "regret of the mixture reached",
                    course.regret,
                    0.0,
                    source="a rest point that is stable is a Nash equilibrium",
                    tolerance=0.005,
                    why="The dynamics run for a finite time: a skill that earns less dies out but is not yet gone.",
                )
            ],
            summary=[
                {
                    "skill": self.skills[i],
                    "share in the end": round(float(course.final[i]), 4),
                    "low": round(float(low[i]), 4),
                    "high": round(float(high[i]), 4),
                    "share over random starts": round(float(ends[:, i].mean()), 4),
                    "utility against all alike": float(alone[i]),
                    "against itself": float(payoff[i, i]),
                }
                for i in order
            ],
            pictures=self._pictures(course.times, course.shares, payoff, order),
        )

    def _pictures(self, times: Any, shares: Any, payoff: Any, order: Any) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.subplots()
        for place, i in enumerate(order):
            axes.plot(times[1:], 100 * shares[1:, i], color=COLOURS[place % 10], label=self.skills[i], linewidth=2)
        axes.set_xscale("log")
        axes.set_xlabel("time (logarithmic)")
        axes.set_ylabel("share of the population, %")
        axes.set_ylim(0, 102)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, title="most left first")
        yield coase.Picture(figure, "All skills begin alike; those that earn more than the average grow.")
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.subplots()
        drawn = payoff[np.ix_(order, order)]
        mesh = axes.imshow(drawn, cmap="RdYlGn", vmin=0, vmax=max(0.8, float(drawn.max())), aspect="auto")
        names = [self.skills[i].replace("_", " ") for i in order]
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        for (i, j), value in np.ndenumerate(drawn):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8)
        axes.set_ylabel("this skill earns")
        axes.set_xlabel("against this one")
        figure.colorbar(mesh, ax=axes, label="mean utility")
        yield coase.Picture(figure, "The game: a row that is green everywhere earns well against everybody.")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
