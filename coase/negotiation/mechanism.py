"""What a market rule is: a pure transition table, which alone decides when it is over and who trades with whom.

`init` makes the first state, `submit` takes one move of one party and gives the next state or refuses it, `clear` says
what a state that has ended means. Drivers (a live session, `hold`, a simulator) only carry moves. Time reaches a table
as a move, too: the driver submits `Close` in the name of the `CLOCK`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from coase import loading
from coase.errors import ConfigurationError, LocalProtocolError, ProtocolError, RemoteProtocolError, UsageError

CLOCK = "clock"
MOST_PARTIES = 2_000
LARGEST = 2**96 - 1  # the largest price
LONGEST_NAME = 200  # characters

SHIPPED = {
    "alternating_offers": "coase.negotiation.stacked:StackedOffers",
    "contract_net": "coase.negotiation.contract_net:ContractNet",
    "sealed_window": "coase.negotiation.sealed_window:SealedWindow",
    "first_price": "coase.negotiation.first_price:FirstPrice",
    "second_price": "coase.negotiation.second_price:SecondPrice",
    "posted_price": "coase.negotiation.posted_price:PostedPrice",
    "k_double_auction": "coase.negotiation.k_double:KDoubleAuction",
}


@dataclass(frozen=True, slots=True)
class Bid:
    """A limit for one unit: the most that a buyer pays, or the least that a seller takes."""

    price: int


@dataclass(frozen=True, slots=True)
class Decline:
    """Not at these terms: a party that will not bid, take, or confirm."""


@dataclass(frozen=True, slots=True)
class Award:
    """The buyer's choice among the offers.

    Args:
        to: the name of the seller.
    """

    to: str


@dataclass(frozen=True, slots=True)
class Close:
    """Time is up; only the `CLOCK` says so."""


class Trade(NamedTuple):
    """One unit changes hands at a price."""

    buyer: str
    seller: str
    price: int


class Clearing(NamedTuple):
    """What came of it.

    Attributes:
        trades: who trades with whom.
        reason: why it ended, in the words of the mechanism.
        agreement: the number of the outcome agreed on, where outcomes are bargained over; None otherwise.
    """

    trades: tuple[Trade, ...] = ()
    reason: str = ""
    agreement: int | None = None


class Standing(Protocol):
    """What every state tells: who is waited for, and the end."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """The parties that may move now; none at the end."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        ...


class Mechanism(BaseModel, ABC):
    """A market rule: frozen parameters and three pure functions. The fields of the model are its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    content_kind: ClassVar[str] = "mechanisms"  # how coase.loading recognises a rule in a file

    @abstractmethod
    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Any:
        """The state before the first move.

        Raises:
            UsageError: these parties cannot play it (`bad_parties`).
        """

    @abstractmethod
    def submit(self, state: Any, party: str, move: Any, *, us: str | None = None) -> Any:
        """The state after a move.

        Args:
            state: the state before it.
            party: who moves; `CLOCK` for time.
            move: what it does.
            us: the party on whose side this runs; its mistakes are our bugs, another's are breaches.

        Raises:
            LocalProtocolError: the move is not allowed, and `us` made it (or `us` is None).
            RemoteProtocolError: the move is not allowed, and another party made it.
        """

    @abstractmethod
    def clear(self, state: Any) -> Clearing:
        """What a state that has ended means; `UsageError` (`not_over`) before the end."""


def mechanism(what: Any, /, **parameters: Any) -> Any:
    """A market rule by name (``"second_price"``), by path (``"./my_rule.py"``) or by class, with these parameters.

    Raises:
        UnknownName: no rule of this name, or no file at this path.
        ConfigurationError: it does not load, or the parameters are wrong.
    """
    if isinstance(what, type):
        return loading.make(what, parameters)
    if isinstance(what, str) and what in SHIPPED:
        if what in loading.names("mechanisms"):
            raise ConfigurationError(
                f"the mechanism '{what}' comes from coase and from another distribution", code="name_clash"
            )
        module, _, name = SHIPPED[what].partition(":")
        return loading.make(getattr(import_module(module), name), parameters)
    return loading.make(loading.find("mechanisms", what, known=SHIPPED), parameters)


def check_parties(
    buyers: Sequence[str], sellers: Sequence[str], buying: tuple[int, int], selling: tuple[int, int]
) -> None:
    """Names are distinct texts, and as many on each side as the bounds say; `UsageError` (`bad_parties`) if not."""
    names = [*buyers, *sellers]
    if any(not isinstance(n, str) or not 0 < len(n) <= LONGEST_NAME or n == CLOCK for n in names):
        raise UsageError(f"a party's name is a text, and not '{CLOCK}'", code="bad_parties")
    if len(set(names)) < len(names):
        raise UsageError("two parties of one name", hint="give each its own", code="bad_parties")
    for side, count, (least, most) in (("buyers", len(buyers), buying), ("sellers", len(sellers), selling)):
        if not least <= count <= most:
            raise UsageError(f"{count} {side} cannot play this", hint=f"{least} to {most} {side}", code="bad_parties")


def closes(party: str, move: object) -> bool:
    """Whether this is the clock saying that time is up."""
    return party == CLOCK and type(move) is Close


def check_price(price: object, party: str, us: str | None) -> int:
    """Return a price if it is an integer from 0 to 2**96 - 1; the breach of who named it otherwise (`bad_price`)."""
    if type(price) is not int or not 0 <= price <= LARGEST:
        raise breach(party, us, f"{party[:40]} named no price", "bad_price", "integer base units, 0 to 2**96 - 1")
    return price


def breach(party: str, us: str | None, text: str, code: str, hint: str = "") -> ProtocolError:
    """The error of a move that is not allowed: ours, or another party's."""
    kind = LocalProtocolError if us is None or us == party else RemoteProtocolError
    return kind(text, code=code, hint=hint)


def not_now(state: Standing, party: str, us: str | None, move: object) -> ProtocolError:
    """The error of a move that does not fit where things stand."""
    name, what = str(party)[:40], type(move).__name__
    if state.ended:
        return breach(party, us, f"{name} made a {what} after the end", "session_ended")
    if party != CLOCK and party not in state.waiting:
        return breach(party, us, f"{name} moved out of turn", "out_of_turn", "wait to be asked")
    return breach(party, us, f"{name} made a {what}, which is no move here", "not_a_move")


def not_over() -> UsageError:
    """The error of clearing before the end."""
    return UsageError("it is not over, so nothing can be cleared", hint="submit moves until it ends", code="not_over")
