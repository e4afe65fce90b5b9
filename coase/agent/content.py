"""What the author of an agent writes: a frozen class whose fields are parameters and whose hooks say what is sold.

The party (`coase.agent.seller`, `coase.agent.buyer`) does the talking, the money and the memory; an author's class
never sees a key, a socket or a nonce.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from coase import money
from coase.agent.mandate import Mandate
from coase.agent.want import Want
from coase.compute.executor import Executor, JobResult
from coase.compute.spec import JobSpec
from coase.errors import ConfigurationError
from coase.terms.agreement import Agreement
from coase.terms.order import Order


def _amount(value: Any) -> Any:
    return money.parse(value) if isinstance(value, str) else value


Price = Annotated[int, BeforeValidator(_amount), Field(ge=0, le=money.MAXIMUM)]
"""Base units; written as text (``"4.50"``) it means whole tokens."""


@dataclass(frozen=True)
class Offering:
    """What a seller puts on the registry. `goods` are the files it sells as they are, name -> bytes."""

    kind: str
    title: str
    description: str = ""
    unit: str = "item"
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)
    goods: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """What a seller hands over.

    Args:
        result: JSON of deterministic counters and hashes; its hash goes on the chain.
        files: what the buyer gets, by name.
        evidence: what the arbiter may ask for, by name (checkpoints, for example).
    """

    result: Mapping[str, Any]
    files: Mapping[str, bytes]
    evidence: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Why an order is not taken: a code for programs, a sentence for people."""

    code: str
    reason: str


@dataclass(frozen=True)
class Case:
    """A disputed delivery, as an arbiter sees it. `files` maps names to the SHA-256 that the seller committed to."""

    order: Order
    agreement: Agreement
    result: Mapping[str, Any]
    files: Mapping[str, str]
    seller: str


@dataclass(frozen=True)
class Ruling:
    """How much of the price the seller gets, in basis points of 10,000, and why."""

    basis_points: int
    code: str


class Tools(Protocol):
    """What a hook may use."""

    @property
    def seed(self) -> int:
        """What the agent's random choices derive from, below 2**63."""
        ...

    @property
    def address(self) -> str:
        """The agent's own address."""
        ...

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> JobResult:
        """Run a job on the agent's executor; an interrupted job of the same name goes on from its last checkpoint."""
        ...

    def job_name(self, name: str) -> str:
        """What the executor calls a job of this agent."""
        ...

    async def fetch(self, deal: str, peer: str, blob: str) -> bytes:
        """A file of a deal from a counterparty, checked against its SHA-256."""
        ...

    async def evidence(self, deal: str, peer: str, names: Sequence[str]) -> dict[str, bytes]:
        """Evidence of a seller's work, as the arbiter of that deal; what is withheld is missing."""
        ...

    async def delivered(self, agreement: Agreement) -> bytes:
        """The hash that the seller committed to on the chain, 32 bytes; empty before delivery."""
        ...

    def goods(self, order: Order) -> Delivery:
        """The files that were listed, ready to hand over."""
        ...

    def verdict_on(self, agreement: Agreement) -> dict[str, Any] | None:
        """The result of a validation that this agent delivered about an agreement, or None."""
        ...

    @property
    def executor(self) -> Executor:
        """Runs jobs, under names of the agent's own."""
        ...

    def audit_signature(self, commitment: bytes) -> bytes:
        """The agent's signature that draws the audited segment: nobody else can foresee it, anyone can check it."""
        ...


class AgentContent(BaseModel, ABC):
    """Base of everything in `agents/`: frozen, its fields are its parameters."""

    content_kind: ClassVar[str] = "agents"

    model_config = ConfigDict(frozen=True, extra="forbid")


class SellerAgent(AgentContent):
    """Sells one thing. Fields common to all sellers:

    Args:
        list_price: what it asks in public, for each unit.
        floor_price: its reservation value, for each unit; never shown.
        negotiator: the skill that bargains, by name or path.
        negotiator_parameters: its parameters.
        deadline: steps of bargaining it sits through.
    """

    kind: ClassVar[str]

    list_price: Price
    floor_price: Price
    negotiator: str = "boulware"
    negotiator_parameters: Mapping[str, Any] = {}
    deadline: Annotated[int, Field(ge=1, le=10_000)] = 20

    @model_validator(mode="after")
    def _ordered(self) -> SellerAgent:
        if not 0 < self.floor_price <= self.list_price:
            raise ValueError("floor_price must be above zero and at most list_price")
        return self

    @abstractmethod
    async def offering(self, tools: Tools) -> Offering:
        """What to list. Called once, when the agent first starts; the goods are kept."""

    def refuse(self, order: Order) -> Refusal | None:
        """Why this order is not taken, or None. The price is not the question here."""
        return None

    @abstractmethod
    async def perform(self, order: Order, buyer: str, tools: Tools, progress: Callable[[int, int], None]) -> Delivery:
        """Do the work of a funded order. It may be called again after a crash and must then give the same result."""


class ArbiterAgent(SellerAgent):
    """A seller of validations that also rules on disputes of deals that name it as arbiter."""

    @abstractmethod
    async def judge(self, case: Case, tools: Tools) -> Ruling:
        """Rule on a disputed deal whose hashes and signatures have been checked already."""


class BuyerAgent(AgentContent):
    """Buys for its owner.

    Args:
        budget: the sum that all deals together may cost.
        ceilings: the most that one deal of a kind may cost.
        deals_at_a_time: how many deals may be open at once.
        negotiator: the skill that bargains, by name or path.
        negotiator_parameters: its parameters.
        deadline: steps of bargaining it offers.
    """

    budget: Price
    ceilings: Mapping[str, Price] = {}
    counterparties: frozenset[str] = frozenset()
    deals_at_a_time: Annotated[int, Field(ge=1, le=1000)] = 8
    negotiator: str = "boulware"
    negotiator_parameters: Mapping[str, Any] = {}
    deadline: Annotated[int, Field(ge=1, le=10_000)] = 20

    def prepare(self, want: Want, put: Callable[[bytes], str], seed: int) -> Want:
        """Complete a want before it is bought: the place for an agent's own knowledge of what it needs.

        Args:
            want: as the owner said it.
            put: stores a file to hand over to the seller, and gives its name.
            seed: what random choices derive from.
        """
        return want

    def mandate(self) -> Mandate:
        """The owner's limits. `ConfigurationError` for a budget of zero."""
        if self.budget == 0:
            raise ConfigurationError(
                "the budget is zero, so nothing can be bought", hint="set a budget above zero", code="budget_zero"
            )
        return Mandate(
            budget=self.budget,
            ceilings=dict(self.ceilings),
            counterparties=self.counterparties,
            deals_at_a_time=self.deals_at_a_time,
        )
