"""One negotiation from start to end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coase.errors import UsageError
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.draws import party_key
from coase.negotiation.metrics import Metrics, measure
from coase.negotiation.moves import Party, Propose
from coase.negotiation.player import Driver, Player
from coase.negotiation.preferences import check_discount, remaining
from coase.negotiation.problem import Problem
from coase.negotiation.scalar import on_ladder, play
from coase.negotiation.skill import Negotiator
from coase.negotiation.skill_array import SkillArray
from coase.negotiation.trace import Trace, Turn
from coase.negotiation.utility import Floats, Utility, rankings
from coase.terms.domain import Domain, Value, check_domain


@dataclass(frozen=True, slots=True)
class Result:
    """How a negotiation ended.

    Attributes:
        agreement: the outcome as {issue: value}, or None.
        step: the step in which it ended, from 1.
        utilities: of the buyer and the seller, in the step in which it ended; with no deal, of the reservations.
        reason: ``"agreed"``, ``"deadline"``, ``"walked: ..."`` or ``"failed: ..."``.
        left: who walked or failed, if anyone did.
        trace: every move.
        reservation: the utility of no deal, of the buyer and the seller.
        tables: utilities of all outcomes, of the buyer and the seller.
    """

    agreement: dict[str, Value] | None
    step: int
    utilities: tuple[float, float]
    reason: str
    left: Party | None
    trace: Trace
    reservation: tuple[float, float]
    tables: tuple[Floats, Floats] = field(repr=False, compare=False)

    def plot(self, path: str | Path) -> Path:
        """Draw the offers over the steps and the space of utilities, into a PNG, SVG or PDF file.

        Raises:
            MissingExtra: matplotlib is not installed (the extra `plot`).
        """
        from coase.negotiation.plot import save

        return save(self, path)

    def plot_concessions(self, path: str | Path) -> Path:
        """Draw what each party asked for and what it was offered, each in its own utility; errors as for `plot`."""
        from coase.negotiation.plot import concessions

        return concessions(self, path)

    def metrics(self) -> Metrics:
        """How good the agreement is beside the Pareto frontier and the Nash, Kalai, Kalai-Smorodinsky and welfare
        points; with discounts, what it was worth in its step beside what was possible in the first.
        """
        return measure(*self.tables, self.utilities, self.reservation)

    def to_json(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "agreement": self.agreement,
            "step": self.step,
            "utilities": list(self.utilities),
            "reason": self.reason,
            "left": self.left,
            "reservation": list(self.reservation),
            "trace": self.trace.to_json(),
        }


def negotiate(
    buyer: Negotiator,
    seller: Negotiator,
    domain: Domain,
    *,
    deadline: int = 100,
    reservation: tuple[float, float] = (0.0, 0.0),
    utilities: tuple[Utility | None, Utility | None] | None = None,
    discount: tuple[float, float] = (1.0, 1.0),
    seed: int = 0,
    ask: tuple[Driver | None, Driver | None] = (None, None),
) -> Result:
    """Let two skills bargain by alternating offers; the buyer moves first.

    Args:
        buyer: the skill of the first party.
        seller: the skill of the second.
        domain: what they bargain over.
        deadline: the last step; each party moves once in a step.
        reservation: the utility of no deal, of the buyer and the seller.
        utilities: of the buyer and the seller, each a function of an outcome or a table with a number per outcome;
            by default linear in the issue `price`, from 1 at the party's best end to 0 at its worst.
        discount: what each step after the first leaves of the buyer's and of the seller's utilities, those of no deal
            too (Rubinstein 1982): in step s they are worth ``discount ** (s - 1)`` times as much.
        seed: of the skills' random draws.
        ask: who answers the questions of the buyer's and of the seller's skill; None: the skill's own driver.

    Returns:
        The result. A skill that raises or breaks a rule does not raise here: it ends the negotiation, and the reason
        says so.

    Raises:
        UsageError: an argument is not usable.
        TermsError: it is no domain, or the utilities do not fit it.
    """
    check_domain(domain)
    for skill in (buyer, seller):
        if isinstance(skill, SkillArray):
            raise UsageError(f"{skill!r} is many skills", hint="coase.negotiate_many plays them", code="skill_array")
    limits, given = pair_of(reservation, "reservation"), pair_of(utilities or (None, None), "utilities")
    patience = [check_discount(value) for value in pair_of(discount, "discount")]
    own, other = rankings(domain, *given)
    one = Problem(own, "buyer", deadline, limits[0], party_key(seed, 0), patience[0])
    two = Problem(other, "seller", deadline, limits[1], party_key(seed, 1), patience[1])
    if on_ladder(buyer) and on_ladder(seller):
        trace = Trace.of_offers(domain, deadline, *play((buyer, seller), (one, two)))
    else:
        players = Player(buyer, one), Player(seller, two)
        trace = Trace(domain, deadline, _by_the_table(players, domain, deadline, pair_of(ask, "ask")))
    state = trace.end
    agreed = state.agreement
    first, second = one.ranking.given, two.ranking.given
    reserved = (one.reservation, two.reservation)
    got = reserved if agreed is None else (float(first[agreed]), float(second[agreed]))
    if patience != [1.0, 1.0]:
        got = (got[0] * remaining(patience[0], state.step), got[1] * remaining(patience[1], state.step))
    return Result(
        agreement=None if agreed is None else domain.outcome(agreed),
        step=state.step,
        utilities=got,
        reason=state.reason,
        left=state.left,
        trace=trace,
        reservation=reserved,
        tables=(first, second),
    )


def _by_the_table(
    players: tuple[Player, Player], domain: Domain, deadline: int, ask: tuple[Driver | None, Driver | None]
) -> tuple[Turn, ...]:
    """All moves, each through the table."""
    rules = AlternatingOffers(domain, deadline)
    state, turns = rules.start(), []
    (player, waiting), (driver, idle) = players, ask
    heard = ""
    while not state.ended:
        move = player.move(state.offer, driver, heard)
        heard = move.text if isinstance(move, Propose) else ""
        turns.append(Turn(state.step, player.party, move, player.answers))
        state = rules.apply(state, player.party, move)
        player, waiting, driver, idle = waiting, player, idle, driver
    return tuple(turns)


def pair_of(values: Any, what: str) -> Any:
    """The buyer's and the seller's; `UsageError` unless there are two."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise UsageError(f"{what} is {values!r}", hint=f"give two: {what}=(buyer's, seller's)", code=f"bad_{what}")
    return values
