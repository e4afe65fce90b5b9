"""A skill of ours at a table of NegMAS."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from coase import loading
from coase.errors import UsageError
from coase.negotiation.draws import party_key
from coase.negotiation.moves import PARTIES, Accept, Action, Propose
from coase.negotiation.negmas.kit import kit
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem
from coase.negotiation.skill import Negotiator
from coase.negotiation.utility import Ranking
from coase.terms.domain import MAXIMUM_OUTCOMES, Domain

Outcome = tuple[Any, ...]


def to_negmas(skill: Any, *, seed: int = 0, **negotiator: Any) -> Any:
    """A NegMAS negotiator that plays a skill of ours in an `SAOMechanism` (extra `negmas`).

    Args:
        skill: a skill, its name or its path, with parameters if need be: ``"boulware:beta=0.2"``.
        seed: of its random draws.
        negotiator: what NegMAS' negotiators take: `name`, `ufun` and so on.

    NegMAS' tournaments take classes: `coase.negotiation.negmas.negotiator.CoaseNegotiator`, with the parameters
    ``{"skill": "boulware:beta=0.2"}``.

    Raises:
        MissingExtra: NegMAS is not installed.
    """
    kit()
    from coase.negotiation.negmas.negotiator import CoaseNegotiator

    return CoaseNegotiator(skill, seed=seed, **negotiator)


class Host:
    """A skill in one negotiation of NegMAS.

    Args:
        skill: the strategy.
        terms: the negotiation as NegMAS describes it to a negotiator (its `nmi`).
        utility: the negotiator's utility function.
        place: which party it is, from 0: the first to move is our buyer.
        seed: of its random draws.

    Raises:
        UsageError: the negotiation is not one of two parties over at most a million outcomes in a number of steps, or
            the utility changes with time.
    """

    def __init__(self, skill: Negotiator, terms: Any, utility: Any, place: int, seed: int) -> None:
        if terms.n_negotiators != 2:
            raise _unfit(f"{terms.n_negotiators} negotiators at the table", "coase skills bargain with one other party")
        if terms.n_steps is None or not math.isfinite(terms.n_steps):
            raise _unfit("no number of steps", "give n_steps to the mechanism")
        if utility is None or not utility.is_stationary():
            raise _unfit("no utility function that stays as it is", "ufun.to_stationary() makes one")
        domain, outcomes = _translated(terms.outcome_space)
        worth = np.array([_number(utility(outcome)) for outcome in outcomes], np.float64)
        moves = terms.n_steps if not terms.one_offer_per_step else max(1, (terms.n_steps + 1 - place) // 2)
        limit = _reservation(utility.reserved_value, worth)
        problem = Problem(Ranking(domain, worth), PARTIES[place], moves, limit, party_key(seed, place))
        self._player = Player(skill, problem)
        self._outcomes = outcomes
        self._known = {outcome: number for number, outcome in enumerate(outcomes)}

    def move(self, offer: Outcome | None) -> tuple[Action, Outcome | None]:
        """The skill's move, and the outcome that it proposes or accepts."""
        number = None if offer is None else self._known.get(tuple(offer))  # outside the domain: as if nothing was said
        move = self._player.move(number)
        if isinstance(move, Propose):
            return move, self._outcomes[move.outcome]
        return move, offer if isinstance(move, Accept) else None


def skill_of(skill: Any) -> Negotiator:
    """The skill that was asked for; `UsageError` where it is none."""
    if isinstance(skill, Negotiator):
        return skill
    name, parameters = loading.described(skill) if isinstance(skill, str) else (skill, {})
    made = loading.skill(name, **parameters)
    if not isinstance(made, Negotiator):
        raise UsageError(f"{skill!r} is not a negotiating skill", hint='for example "boulware"', code="not_a_skill")
    return made


def _translated(space: Any) -> tuple[Domain, Sequence[Outcome]]:
    """Their outcome space as a domain, and its outcomes by number. Issues keep name and values where we can have them;
    otherwise they are numbered.
    """
    if not space.is_discrete() or space.cardinality > MAXIMUM_OUTCOMES:
        raise _unfit(
            f"an outcome space that is not {MAXIMUM_OUTCOMES:,} outcomes at most",
            "outcome_space.to_discrete(levels=10) makes one",
        )
    if not hasattr(space, "issues"):
        outcomes = list(space.enumerate_or_sample())
        return Domain(outcome=range(len(outcomes))), outcomes
    values = [list(issue.all) for issue in space.issues]
    named: dict[str, Sequence[Any]] = {}
    for place, (issue, row) in enumerate(zip(space.issues, values, strict=True), 1):
        name = issue.name if issue.name.isidentifier() and issue.name not in named else f"issue_{place}"
        named[name] = row if _ours(row) else range(len(row))
    return Domain(**named), list(itertools.product(*values))


def _ours(values: Sequence[Any]) -> bool:
    kind = type(values[0])
    return kind in (int, str, bool) and all(type(v) is kind for v in values) and len(set(values)) == len(values)


def _number(value: Any) -> float:
    return -math.inf if value is None else float(value)


def _reservation(value: Any, worth: Any) -> float:
    """Theirs; where they have none, every outcome is better than none."""
    finite = worth[np.isfinite(worth)]
    if not len(finite):
        return 0.0
    low, high = float(finite.min()), float(finite.max())
    given = -math.inf if value is None or math.isnan(float(value)) else float(value)
    return min(max(given, low - 1), high + 1) if math.isfinite(given) else low if given < 0 else high + 1


def _unfit(what: str, hint: str) -> UsageError:
    return UsageError(f"a coase skill cannot play in NegMAS with {what}", hint=hint, code="unfit_for_negmas")
