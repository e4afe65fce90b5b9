"""Two, three or more skills at one table, by stacked alternating offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from coase.errors import UsageError
from coase.negotiation.draws import party_key
from coase.negotiation.mechanism import CLOCK, Close
from coase.negotiation.moves import Action
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem, check_deadline
from coase.negotiation.skill import Negotiator
from coase.negotiation.stacked import StackedOffers
from coase.negotiation.utility import Utility, ranking
from coase.terms.domain import Domain, Value


@dataclass(frozen=True, slots=True)
class TableResult:
    """How a negotiation of several parties ended.

    Attributes:
        agreement: the outcome as {issue: value}, or None.
        step: the step in which it ended, from 1.
        utilities: of each party; with no deal, the reservations.
        reason: ``"agreed"``, ``"deadline"``, ``"walked: ..."`` or ``"failed: ..."``.
        moves: every move as (step, place of the party, move).
    """

    agreement: dict[str, Value] | None
    step: int
    utilities: tuple[float, ...]
    reason: str
    moves: tuple[tuple[int, int, Action], ...]


def negotiate_among(
    skills: Sequence[Negotiator],
    domain: Domain,
    utilities: Sequence[Utility],
    *,
    deadline: int = 100,
    reservation: Sequence[float] | float = 0.0,
    seed: int = 0,
    seconds: float | None = None,
    clock: Callable[[], float] | None = None,
) -> TableResult:
    """Let two or more skills bargain; an offer is agreed when all others have taken it.

    Args:
        skills: in the order in which they move.
        domain: what they bargain over.
        utilities: of each party, a function of an outcome or a table with a number per outcome.
        deadline: the last step; each party moves once in a step.
        reservation: the utility of no deal, of each party or of all.
        seed: of the skills' random draws.
        seconds: time after which it ends as well; needs `clock`, for example ``time.monotonic``.
        clock: gives seconds, from any start.

    Raises:
        UsageError: an argument is not usable.
        TermsError: the utilities do not fit the domain.
    """
    floors = [float(reservation)] * len(skills) if isinstance(reservation, (int, float)) else list(reservation)
    if len(utilities) != len(skills) or len(floors) != len(skills) or (seconds is not None and clock is None):
        raise UsageError(
            f"{len(skills)} skills, {len(utilities)} utilities, {len(floors)} reservations",
            hint="one of each a party; a time limit also needs a clock",
            code="bad_parties",
        )
    names = [f"party {place}" for place in range(1, len(skills) + 1)]
    rules: StackedOffers = StackedOffers(domain=domain, deadline=check_deadline(deadline))
    state = rules.init(names)
    # "seller" only says that its default utility would be the seller's; each is given its own here
    problems = [
        Problem(ranking(domain, "seller", utility), "seller", deadline, floor, party_key(seed, place))
        for place, (utility, floor) in enumerate(zip(utilities, floors, strict=True))
    ]
    players = dict(zip(names, map(Player, skills, problems), strict=True))
    moves: list[tuple[int, int, Action]] = []
    began = clock() if clock else 0.0
    while not state.ended:
        if seconds is not None and clock is not None and clock() - began >= seconds:
            state = rules.submit(state, CLOCK, Close())
            continue
        (party,) = state.waiting
        move = players[party].move(state.offer)
        moves.append((state.step, names.index(party), move))
        state = rules.submit(state, party, move)
    agreed = state.agreement
    worth: Any = floors if agreed is None else (float(p.ranking.given[agreed]) for p in problems)
    outcome = None if agreed is None else domain.outcome(agreed)
    return TableResult(outcome, state.step, tuple(worth), state.reason, tuple(moves))
