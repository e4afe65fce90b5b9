"""Any negotiator of NegMAS 0.16 that plays alternating offers (extra `negmas`), for example

    coase negotiate from_negmas:negotiator=MiCRONegotiator boulware

Mohammad, Nakadai, Greenwald (2021), "NegMAS: A platform for automated negotiations", PRIMA. It plays in a mechanism of
NegMAS, so its own code runs as it is; our guards hold for it as for any skill: one that proposes or accepts less than
its reservation loses.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from pydantic import Field, field_validator

import coase
from coase.negotiation.negmas.guest import Guest
from coase.negotiation.negmas.kit import kind_of

NOTHING = coase.Walk("nothing is worth the reservation")


class State(NamedTuple):
    """What it was offered at each of its moves; the negotiator itself changes, and is made again from these."""

    problem: coase.Problem
    guest: Guest
    offers: tuple[int | None, ...]


class FromNegmas(coase.Negotiator):
    """A negotiator of NegMAS at our table."""

    foreign: ClassVar[bool] = True

    negotiator: str = Field(
        default="AspirationNegotiator",
        validate_default=True,
        description="name of a class of negmas.sao.negotiators, or of any importable one: my_module.MyNegotiator",
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="what the class is called with")

    @field_validator("negotiator")
    @classmethod
    def known(cls, name: str) -> str:
        """Refuse a name that NegMAS does not have."""
        kind_of(name)
        return name

    def start(self, problem: coase.Problem) -> State:
        """It takes its seat."""
        return State(problem, Guest(self.negotiator, self.parameters, problem), ())

    def step(self, state: State, offer: int | None) -> tuple[State, coase.Move]:
        """What it does."""
        problem, guest, offers = state
        if not problem.count:
            return state, NOTHING
        if guest.moves != len(offers):  # somebody went on from this state before
            guest = Guest(self.negotiator, self.parameters, problem)
            for earlier in offers:
                guest.move(earlier)
        return State(problem, guest, (*offers, offer)), guest.move(offer)
