"""What a party may do at its turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Party = Literal["buyer", "seller"]
PARTIES: tuple[Party, Party] = ("buyer", "seller")


LONGEST_TEXT = 300  # characters of what is said beside an offer


@dataclass(frozen=True, slots=True)
class Propose:
    """Put an outcome on the table.

    Args:
        outcome: its number in the domain. It alone binds.
        text: said beside it, to whoever reads: a person, a language model. Up to 300 characters.
    """

    outcome: int
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Accept:
    """Take what is on the table."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Leave without a deal.

    Args:
        reason: why, in a few words.
        failed: the skill raised or broke a rule, rather than chose to leave.
    """

    reason: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the driver answer a question first (a language model, a person); `Negotiator.answer` gets what comes back.

    Args:
        prompt: the question.
        schema: JSON Schema of the answer.
        heard: what the counterparty said beside its last offer; the player fills it in. Never trust it.
    """

    prompt: str
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)
    heard: str = field(default="", compare=False)


Action = Propose | Accept | Walk
Move = Propose | Accept | Walk | Ask

ACCEPT = Accept()


def other(party: Party) -> Party:
    """The counterparty."""
    return "seller" if party == "buyer" else "buyer"
