"""Autonomous economic agents that negotiate, trade and settle models, data and GPU time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coase._version import __version__ as __version__

if TYPE_CHECKING:  # for type checkers and editors; at run time `__getattr__` imports a module when a name is first used
    from coase.agent.content import AgentContent as AgentContent
    from coase.agent.content import ArbiterAgent as ArbiterAgent
    from coase.agent.content import BuyerAgent as BuyerAgent
    from coase.agent.content import Case as Case
    from coase.agent.content import Delivery as Delivery
    from coase.agent.content import Offering as Offering
    from coase.agent.content import Refusal as Refusal
    from coase.agent.content import Ruling as Ruling
    from coase.agent.content import SellerAgent as SellerAgent
    from coase.agent.content import Tools as Tools
    from coase.agent.mandate import Mandate as Mandate
    from coase.agent.marketplace import Marketplace as Marketplace
    from coase.agent.want import Deal as Deal
    from coase.agent.want import Want as Want
    from coase.compute.spec import JobSpec as JobSpec
    from coase.errors import CoaseError as CoaseError
    from coase.errors import DealError as DealError
    from coase.identity import Identity as Identity
    from coase.loading import load_agent as load_agent
    from coase.loading import skill as skill
    from coase.market.experiment import StudyResult as StudyResult
    from coase.market.experiment import run_study as run_study
    from coase.market.experiment import study as study
    from coase.market.experiment import sweep as sweep
    from coase.market.study import Comparison as Comparison
    from coase.market.study import Picture as Picture
    from coase.market.study import Shown as Shown
    from coase.market.study import Study as Study
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
    from coase.terms.agreement import Agreement as Agreement
    from coase.terms.domain import Domain as Domain
    from coase.terms.listing import Listing as Listing
    from coase.terms.order import Order as Order

_NAMES = {
    "Accept": "coase.negotiation.moves",
    "AgentContent": "coase.agent.content",
    "Agreement": "coase.terms.agreement",
    "AlternatingOffers": "coase.negotiation.alternating",
    "ArbiterAgent": "coase.agent.content",
    "Ask": "coase.negotiation.moves",
    "BuyerAgent": "coase.agent.content",
    "Case": "coase.agent.content",
    "CoaseError": "coase.errors",
    "Comparison": "coase.market.study",
    "Deal": "coase.agent.want",
    "DealError": "coase.errors",
    "Delivery": "coase.agent.content",
    "Domain": "coase.terms.domain",
    "Identity": "coase.identity",
    "JobSpec": "coase.compute.spec",
    "Listing": "coase.terms.listing",
    "Mandate": "coase.agent.mandate",
    "Marketplace": "coase.agent.marketplace",
    "Move": "coase.negotiation.moves",
    "Negotiator": "coase.negotiation.skill",
    "Now": "coase.negotiation.problem",
    "Offering": "coase.agent.content",
    "Order": "coase.terms.order",
    "Picture": "coase.market.study",
    "Player": "coase.negotiation.player",
    "Problem": "coase.negotiation.problem",
    "Propose": "coase.negotiation.moves",
    "Refusal": "coase.agent.content",
    "Result": "coase.negotiation.session",
    "Ruling": "coase.agent.content",
    "SellerAgent": "coase.agent.content",
    "Shown": "coase.market.study",
    "Study": "coase.market.study",
    "StudyResult": "coase.market.experiment",
    "Tools": "coase.agent.content",
    "Trace": "coase.negotiation.trace",
    "Walk": "coase.negotiation.moves",
    "Want": "coase.agent.want",
    "load_agent": "coase.loading",
    "negotiate": "coase.negotiation.session",
    "run_study": "coase.market.experiment",
    "session_seed": "coase.negotiation.draws",
    "skill": "coase.loading",
    "study": "coase.market.experiment",
    "sweep": "coase.market.experiment",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'coase' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_NAMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
