"""What the other side seems to like, learnt from its offers, and skills that steer for a fair point with it.

Two models, each a pure function of the offers so far:

* frequency (HardHeaded; van Krimpen, Looije and Hajizadeh 2013; compared in Baarslag et al. 2013): values offered often
  are liked, and issues whose value does not change matter.
* Bayesian (Hindriks and Tykhonov 2008, the scalable form): hypotheses over the shape of each issue's evaluation and
  over the weights, kept apart; an offer is likely under one in which it is worth what a slowly conceding party asks.

Estimates are utilities from 0 to 1, one per outcome. The models need no domain knowledge but the order of values.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from coase.loading import skill
from coase.negotiation.inside import Curve
from coase.negotiation.problem import Now, Problem
from coase.negotiation.skill import Negotiator
from coase.negotiation.utility import Floats, Integers

LEARNING = 0.2  # added to the weight of an issue that did not change, falling with time
CONCEDES = 0.5  # of its utility, what the Bayesian model expects a party to give away until the deadline
SPREAD = 0.2  # standard deviation of an offer's utility around that


class Frequency(NamedTuple):
    """Counts of values and weights of issues; `last` is the offer before, -1 at the start."""

    places: Integers  # (outcomes, issues): the value of each outcome in each issue, from 0
    counts: Floats  # (issues, values)
    weights: Floats  # (issues,)
    last: int

    @classmethod
    def of(cls, problem: Problem) -> Frequency:
        """Nothing seen: every value and issue alike."""
        places = _places(problem)
        counts = np.zeros((places.shape[1], int(places.max()) + 1))
        return cls(places, counts, np.full(places.shape[1], 1 / places.shape[1]), -1)

    def after(self, offer: int, t: float) -> Frequency:
        """The model after one more offer."""
        counts, weights = self.counts.copy(), self.weights
        counts[np.arange(len(counts)), self.places[offer]] += 1
        if self.last >= 0:
            same = self.places[offer] == self.places[self.last]
            weights = weights + LEARNING * (1 - t) * same
            weights = weights / weights.sum()
        return Frequency(self.places, counts, weights, offer)

    def estimate(self) -> Floats:
        """What each outcome seems to be worth to the other side."""
        liked = self.counts / np.maximum(self.counts.max(axis=1, keepdims=True), 1)
        return np.asarray((self.weights * liked[np.arange(len(liked)), self.places]).sum(axis=1), np.float64)


class Bayesian(NamedTuple):
    """Probabilities of shapes (falling, rising, peaked) of each issue, and of which issue weighs most."""

    values: Floats  # (outcomes, issues, shapes): what the outcome's value is worth under a shape
    shapes: Floats  # (issues, shapes)
    profiles: Floats  # (issues + 1,): the last is equal weights
    table: Floats  # (issues + 1, issues): the weights of a profile

    @classmethod
    def of(cls, problem: Problem) -> Bayesian:
        """Every hypothesis alike."""
        places = _places(problem)
        count = places.shape[1]
        x = places / np.maximum(places.max(axis=0), 1)
        values = np.stack([1 - x, x, 1 - np.abs(2 * x - 1)], axis=-1)
        table = np.full((count + 1, count), 1 / count)
        if count > 1:
            table[:count] = (np.ones((count, count)) + (count - 1) * np.eye(count)) / (2 * count - 1)
        return cls(values, np.full((count, 3), 1 / 3), np.full(count + 1, 1 / (count + 1)), table)

    def after(self, offer: int, t: float) -> Bayesian:
        """The posterior after one more offer at relative time t."""
        expected = 1 - CONCEDES * t
        value = self.values[offer]  # (issues, shapes)
        mean = (self.shapes * value).sum(axis=1)
        weights = self.profiles @ self.table
        rest = (weights * mean).sum() - weights * mean
        shapes = self.shapes * _likely(rest[:, None] + weights[:, None] * value - expected)
        profiles = self.profiles * _likely(self.table @ mean - expected)
        return self._replace(shapes=shapes / shapes.sum(axis=1, keepdims=True), profiles=profiles / profiles.sum())

    def estimate(self) -> Floats:
        """What each outcome is expected to be worth to the other side."""
        mean = (self.values * self.shapes).sum(axis=2)
        return np.asarray(mean @ (self.profiles @ self.table), np.float64)


class View(NamedTuple):
    """What a seeker remembers: the model, its estimate, and my share at the point that it steers for."""

    model: Frequency | Bayesian
    theirs: Floats
    aim: float


class PointSeeker(Negotiator):
    """Descend from my best outcome to the point that suits both, as the model sees it; offer there what they like best.

    The inner skill is a curve over time; the share asked for is aim + (1 - aim) * its share, with `aim` my own share at
    the point. Of all outcomes worth as much to me, the one is offered that the model thinks is worth most to them.
    """

    model: Literal["frequency", "bayesian"] = Field(default="bayesian", description="how their wishes are learnt")
    inner: Curve = Field(
        default_factory=lambda: skill("boulware"), description="how the way to the point is made; `target` only"
    )

    firmness: float = Field(default=10.0, gt=0, description="the larger, the later it goes below the point")

    def score(self, mine: Floats, theirs: Floats) -> Floats:
        """How good outcomes are, by the gains of both; the best is the point."""
        raise NotImplementedError

    def start(self, problem: Problem) -> View:
        """Nothing known."""
        model = (Bayesian if self.model == "bayesian" else Frequency).of(problem)
        return self._view(problem, model)

    def bid(self, state: View, now: Now) -> tuple[View, int, int]:
        """Learn, aim, and trade off."""
        if now.offer >= 0:
            state = self._view(now.problem, state.model.after(now.offer, now.t))
        aim = state.aim * (1 - now.t**self.firmness)  # at the very end any deal is better than none
        share = aim + (1 - aim) * min(max(float(self.inner.target(now.t)), 0.0), 1.0)
        floor = now.rank_for(share)
        if now.problem.count == 0:
            return state, -1, -1
        ranked = now.problem.ranking.order.ranked[: floor + 1]
        return state, floor, int(np.argmax(state.theirs[ranked]))

    def _view(self, problem: Problem, model: Frequency | Bayesian) -> View:
        theirs = model.estimate()
        ranking = problem.ranking
        ranks = ranking.order.ranked[: problem.count]
        if not problem.count:
            return View(model, theirs, 0.0)
        mine = (-ranking.order.falling[: problem.count] - problem.reservation) / (problem.span or 1.0)
        return View(model, theirs, float(mine[int(np.argmax(self.score(mine, theirs[ranks])))]))


def _places(problem: Problem) -> Integers:
    sizes = problem.domain.sizes
    return np.asarray(problem.values - np.cumsum((0, *sizes[:-1])), np.int64)


def _likely(error: Any) -> Any:
    return np.exp(-np.square(error) / (2 * SPREAD * SPREAD)) + 1e-12
