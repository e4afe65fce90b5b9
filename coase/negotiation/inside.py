"""Skills inside skills: fields of wrappers that take an instance or a name, and refuse what they could not play.

A wrapper asks the skill inside by one rung of the ladder. One that moves by a higher rung would not be asked at all,
and the rung below answers for it with what it is by default: everything, for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SerializeAsAny

from coase.errors import CoaseError
from coase.loading import skill
from coase.negotiation.skill import Negotiator

LADDER = ("target", "ask", "bid", "step")


def rung_of(kind: type[Negotiator]) -> str:
    """The rung by which skills of a class move: the highest that it overrides."""
    return next((r for r in LADDER[::-1] if getattr(kind, r) is not getattr(Negotiator, r)), LADDER[0])


def _named(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return skill(value)
    except CoaseError as error:
        raise ValueError(error.message) from error


def _up_to(highest: str) -> Callable[[Negotiator], Negotiator]:
    def check(inner: Negotiator) -> Negotiator:
        rung = rung_of(type(inner))
        if LADDER.index(rung) > LADDER.index(highest):
            raise ValueError(f"{type(inner).__name__} moves by `{rung}`; here is asked for `{highest}` or a rung below")
        return inner

    return check


Mover = Annotated[SerializeAsAny[Negotiator], BeforeValidator(_named)]
"""Any skill."""
Curve = Annotated[SerializeAsAny[Negotiator], BeforeValidator(_named), AfterValidator(_up_to("target"))]
"""A skill that goes by time alone."""
Asker = Annotated[SerializeAsAny[Negotiator], BeforeValidator(_named), AfterValidator(_up_to("ask"))]
"""A skill that says what share it asks for."""
Bidder = Annotated[SerializeAsAny[Negotiator], BeforeValidator(_named), AfterValidator(_up_to("bid"))]
"""A skill that says ranks of outcomes, or less."""
