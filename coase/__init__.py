"""Autonomous economic agents that negotiate, trade and settle models, data and GPU time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coase._version import __version__ as __version__

if TYPE_CHECKING:  # for type checkers and editors; at run time `__getattr__` imports a module when a name is first used
    from coase.errors import CoaseError as CoaseError
    from coase.loading import skill as skill
    from coase.negotiation.alternating import AlternatingOffers as AlternatingOffers
    from coase.negotiation.draws import session_seed as session_seed
    from coase.negotiation.moves import Accept as Accept
    from coase.negotiation.moves import Ask as Ask
    from coase.negotiation.moves import Move as Move
    from coase.negotiation.moves import Propose as Propose
    from coase.negotiation.moves import Walk as Walk
    from coase.negotiation.player import Player as Player
    from coase.negotiation.problem import Now as Now
    from coase.negotiation.problem import Problem as Problem
    from coase.negotiation.session import Result as Result
    from coase.negotiation.session import negotiate as negotiate
    from coase.negotiation.skill import Negotiator as Negotiator
    from coase.negotiation.trace import Trace as Trace
    from coase.terms.domain import Domain as Domain

_NAMES = {
    "Accept": "coase.negotiation.moves",
    "AlternatingOffers": "coase.negotiation.alternating",
    "Ask": "coase.negotiation.moves",
    "CoaseError": "coase.errors",
    "Domain": "coase.terms.domain",
    "Move": "coase.negotiation.moves",
    "Negotiator": "coase.negotiation.skill",
    "Now": "coase.negotiation.problem",
    "Player": "coase.negotiation.player",
    "Problem": "coase.negotiation.problem",
    "Propose": "coase.negotiation.moves",
    "Result": "coase.negotiation.session",
    "Trace": "coase.negotiation.trace",
    "Walk": "coase.negotiation.moves",
    "negotiate": "coase.negotiation.session",
    "session_seed": "coase.negotiation.draws",
    "skill": "coase.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'coase' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_NAMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
