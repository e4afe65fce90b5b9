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
    from coase.market.book import OrderBook as OrderBook
    from coase.market.crowd import World as World
    from coase.market.environment import MarketEnvironment as MarketEnvironment
    from coase.market.experiment import StudyResult as StudyResult
    from coase.market.experiment import run_study as run_study
    from coase.market.experiment import study as study
    from coase.market.experiment import sweep as sweep
    from coase.market.flow import Flow as Flow
    from coase.market.flow import record as record
    from coase.market.flow import replay as replay
    from coase.market.goods import Good as Good
    from coase.market.goods_run import GoodsRun as GoodsRun
    from coase.market.rule import MarketRule as MarketRule
    from coase.market.run import Run as Run
    from coase.market.schedule import Uniform as Uniform
    from coase.market.shared_environment import SharedMarketEnvironment as SharedMarketEnvironment
    from coase.market.simulate import simulate as simulate
    from coase.market.simulate_goods import simulate_goods as simulate_goods
    from coase.market.study import Comparison as Comparison
    from coase.market.study import Picture as Picture
    from coase.market.study import Shown as Shown
    from coase.market.study import Study as Study
    from coase.market.trader import NO_QUOTE as NO_QUOTE
    from coase.market.trader import Event as Event
    from coase.market.trader import Quote as Quote
    from coase.market.trader import Trader as Trader
    from coase.market.trader import View as View
    from coase.market.trader import draw as draw
    from coase.negotiation.alternating import AlternatingOffers as AlternatingOffers
    from coase.negotiation.among import TableResult as TableResult
    from coase.negotiation.among import negotiate_among as negotiate_among
    from coase.negotiation.batch import Batch as Batch
    from coase.negotiation.batch import negotiate_many as negotiate_many
    from coase.negotiation.contract_net import Announce as Announce
    from coase.negotiation.draws import session_seed as session_seed
    from coase.negotiation.hold import hold as hold
    from coase.negotiation.mechanism import Award as Award
    from coase.negotiation.mechanism import Bid as Bid
    from coase.negotiation.mechanism import Clearing as Clearing
    from coase.negotiation.mechanism import Close as Close
    from coase.negotiation.mechanism import Decline as Decline
    from coase.negotiation.mechanism import Mechanism as Mechanism
    from coase.negotiation.mechanism import Trade as Trade
    from coase.negotiation.mechanism import mechanism as mechanism
    from coase.negotiation.metrics import Metrics as Metrics
    from coase.negotiation.metrics import measure as measure
    from coase.negotiation.moves import Accept as Accept
    from coase.negotiation.moves import Ask as Ask
    from coase.negotiation.moves import Move as Move
    from coase.negotiation.moves import Propose as Propose
    from coase.negotiation.moves import Walk as Walk
    from coase.negotiation.negmas.host import to_negmas as to_negmas
    from coase.negotiation.player import Player as Player
    from coase.negotiation.posted_price import Post as Post
    from coase.negotiation.preferences import order_of as order_of
    from coase.negotiation.preferences import rank_only as rank_only
    from coase.negotiation.preferences import risk_averse as risk_averse
    from coase.negotiation.problem import Now as Now
    from coase.negotiation.problem import Problem as Problem
    from coase.negotiation.sealed_window import Commit as Commit
    from coase.negotiation.sealed_window import Reveal as Reveal
    from coase.negotiation.sensitivity import Sensitivity as Sensitivity
    from coase.negotiation.sensitivity import sensitivity as sensitivity
    from coase.negotiation.session import Result as Result
    from coase.negotiation.session import negotiate as negotiate
    from coase.negotiation.skill import Negotiator as Negotiator
    from coase.negotiation.skill_array import SkillArray as SkillArray
    from coase.negotiation.solutions import Solutions as Solutions
    from coase.negotiation.solutions import rubinstein as rubinstein
    from coase.negotiation.solutions import solutions as solutions
    from coase.negotiation.strategy import SkillStrategy as SkillStrategy
    from coase.negotiation.tournament.result import TournamentResult as TournamentResult
    from coase.negotiation.tournament.scenario import Scenario as Scenario
    from coase.negotiation.tournament.tournament import tournament as tournament
    from coase.negotiation.trace import Trace as Trace
    from coase.negotiation.utility import additive as additive
    from coase.terms.agreement import Agreement as Agreement
    from coase.terms.domain import Domain as Domain
    from coase.terms.listing import Listing as Listing
    from coase.terms.order import Order as Order

_NAMES = {
    "Accept": "coase.negotiation.moves",
    "AgentContent": "coase.agent.content",
    "Agreement": "coase.terms.agreement",
    "AlternatingOffers": "coase.negotiation.alternating",
    "Announce": "coase.negotiation.contract_net",
    "ArbiterAgent": "coase.agent.content",
    "Ask": "coase.negotiation.moves",
    "Award": "coase.negotiation.mechanism",
    "Batch": "coase.negotiation.batch",
    "Bid": "coase.negotiation.mechanism",
    "BuyerAgent": "coase.agent.content",
    "Case": "coase.agent.content",
    "Clearing": "coase.negotiation.mechanism",
    "Close": "coase.negotiation.mechanism",
    "CoaseError": "coase.errors",
    "Commit": "coase.negotiation.sealed_window",
    "Comparison": "coase.market.study",
    "Deal": "coase.agent.want",
    "DealError": "coase.errors",
    "Decline": "coase.negotiation.mechanism",
    "Delivery": "coase.agent.content",
    "Domain": "coase.terms.domain",
    "Event": "coase.market.trader",
    "Flow": "coase.market.flow",
    "Good": "coase.market.goods",
    "GoodsRun": "coase.market.goods_run",
    "Identity": "coase.identity",
    "JobSpec": "coase.compute.spec",
    "Listing": "coase.terms.listing",
    "Mandate": "coase.agent.mandate",
    "MarketEnvironment": "coase.market.environment",
    "MarketRule": "coase.market.rule",
    "Marketplace": "coase.agent.marketplace",
    "Mechanism": "coase.negotiation.mechanism",
    "Metrics": "coase.negotiation.metrics",
    "Move": "coase.negotiation.moves",
    "NO_QUOTE": "coase.market.trader",
    "Negotiator": "coase.negotiation.skill",
    "Now": "coase.negotiation.problem",
    "Offering": "coase.agent.content",
    "Order": "coase.terms.order",
    "OrderBook": "coase.market.book",
    "Picture": "coase.market.study",
    "Player": "coase.negotiation.player",
    "Post": "coase.negotiation.posted_price",
    "Problem": "coase.negotiation.problem",
    "Propose": "coase.negotiation.moves",
    "Quote": "coase.market.trader",
    "Refusal": "coase.agent.content",
    "Result": "coase.negotiation.session",
    "Reveal": "coase.negotiation.sealed_window",
    "Ruling": "coase.agent.content",
    "Run": "coase.market.run",
    "Scenario": "coase.negotiation.tournament.scenario",
    "SellerAgent": "coase.agent.content",
    "Sensitivity": "coase.negotiation.sensitivity",
    "SharedMarketEnvironment": "coase.market.shared_environment",
    "Shown": "coase.market.study",
    "SkillArray": "coase.negotiation.skill_array",
    "SkillStrategy": "coase.negotiation.strategy",
    "Solutions": "coase.negotiation.solutions",
    "Study": "coase.market.study",
    "StudyResult": "coase.market.experiment",
    "TableResult": "coase.negotiation.among",
    "Tools": "coase.agent.content",
    "TournamentResult": "coase.negotiation.tournament.result",
    "Trace": "coase.negotiation.trace",
    "Trade": "coase.negotiation.mechanism",
    "Trader": "coase.market.trader",
    "Uniform": "coase.market.schedule",
    "View": "coase.market.trader",
    "Walk": "coase.negotiation.moves",
    "Want": "coase.agent.want",
    "World": "coase.market.crowd",
    "additive": "coase.negotiation.utility",
    "draw": "coase.market.trader",
    "hold": "coase.negotiation.hold",
    "load_agent": "coase.loading",
    "measure": "coase.negotiation.metrics",
    "mechanism": "coase.negotiation.mechanism",
    "negotiate": "coase.negotiation.session",
    "negotiate_among": "coase.negotiation.among",
    "negotiate_many": "coase.negotiation.batch",
    "order_of": "coase.negotiation.preferences",
    "rank_only": "coase.negotiation.preferences",
    "record": "coase.market.flow",
    "replay": "coase.market.flow",
    "risk_averse": "coase.negotiation.preferences",
    "rubinstein": "coase.negotiation.solutions",
    "run_study": "coase.market.experiment",
    "sensitivity": "coase.negotiation.sensitivity",
    "session_seed": "coase.negotiation.draws",
    "simulate": "coase.market.simulate",
    "simulate_goods": "coase.market.simulate_goods",
    "skill": "coase.loading",
    "solutions": "coase.negotiation.solutions",
    "study": "coase.market.experiment",
    "sweep": "coase.market.experiment",
    "to_negmas": "coase.negotiation.negmas.host",
    "tournament": "coase.negotiation.tournament.tournament",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'coase' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_NAMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
