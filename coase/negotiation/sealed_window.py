"""Sealed window: quotes are committed to, opened together, and presented in an order drawn from a seed.

A buyer that favours the first offer it sees (language models do, 10 to 30 times: Bansal et al. 2025, "Magentic
Marketplace") then favours nobody: neither the fastest seller nor one that saw another's price. The commitment is the
SHA-256 of the canonical [seller's name, price, salt]; live parties and simulations run this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import Field

from coase.negotiation.mechanism import (
    MOST_PARTIES,
    Award,
    Clearing,
    Decline,
    Mechanism,
    Trade,
    breach,
    check_parties,
    check_price,
    closes,
    not_now,
    not_over,
)
from coase.negotiation.sealed_bids import shuffled
from coase.terms.canonical import digest

LONGEST_SALT = 128  # characters


@dataclass(frozen=True, slots=True)
class Commit:
    """A quote, closed.

    Args:
        digest: its `commitment`.
    """

    digest: str


@dataclass(frozen=True, slots=True)
class Reveal:
    """A quote, opened."""

    price: int
    salt: str


def commitment(seller: str, price: int, salt: str) -> str:
    """What a sealed quote commits to: SHA-256 of the canonical [seller, price, salt], as 64 hexadecimal digits."""
    return digest([seller, price, salt])


class Phase(StrEnum):
    """Where it stands."""

    SEALING = "sealing"
    OPENING = "opening"
    CHOOSING = "choosing"
    DONE = "done"
    FAILED = "failed"


class Event(StrEnum):
    """What a move means to the table."""

    ANSWER = "answer"
    LAST_ANSWER = "last answer"
    NO_QUOTES = "no quotes"
    AWARD = "award"
    GIVE_UP = "give up"


TABLE: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.SEALING, Event.ANSWER): Phase.SEALING,
        (Phase.SEALING, Event.LAST_ANSWER): Phase.OPENING,
        (Phase.SEALING, Event.NO_QUOTES): Phase.FAILED,
        (Phase.OPENING, Event.ANSWER): Phase.OPENING,
        (Phase.OPENING, Event.LAST_ANSWER): Phase.CHOOSING,
        (Phase.OPENING, Event.NO_QUOTES): Phase.FAILED,
        (Phase.CHOOSING, Event.AWARD): Phase.DONE,
        (Phase.CHOOSING, Event.GIVE_UP): Phase.FAILED,
    }
)


class Window(NamedTuple):
    """The state of one window.

    Attributes:
        buyer: who asked.
        missing: sellers that have not answered in this phase.
        sealed: (seller, commitment) in the order in which they came.
        opened: (seller, price) in the order in which they came; buyers are shown `SealedWindow.presented`.
        chosen: the seller awarded, or empty.
        phase: where it stands.
    """

    buyer: str
    missing: tuple[str, ...]
    sealed: tuple[tuple[str, str], ...] = ()
    opened: tuple[tuple[str, int], ...] = ()
    chosen: str = ""
    phase: Phase = Phase.SEALING

    @property
    def waiting(self) -> tuple[str, ...]:
        """Who may move."""
        return () if self.ended else (self.buyer,) if self.phase is Phase.CHOOSING else self.missing

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase in (Phase.DONE, Phase.FAILED)


class SealedWindow(Mechanism):
    """Commit, open together, choose."""

    seed: int = Field(default=0, description="of the order in which quotes are presented; not known to sellers")

    def init(self, buyers: Sequence[str], sellers: Sequence[str]) -> Window:
        """One buyer and at least one seller."""
        check_parties(buyers, sellers, (1, 1), (1, MOST_PARTIES))
        return Window(buyers[0], tuple(sellers))

    def submit(self, state: Window, party: str, move: Any, *, us: str | None = None) -> Window:
        """`Commit` or `Decline`, then `Reveal` or `Decline`, then the buyer's `Award` or `Decline`.

        Raises:
            ProtocolError: `session_ended`, `out_of_turn`, `not_a_move`, `bad_price`, `bad_commitment`,
                `quote_changed` (what is opened is not what was sealed), `no_such_quote`.
        """
        if closes(party, move) and not state.ended:
            return self._after(state._replace(missing=())) if state.missing else self._gave_up(state)
        if party not in state.waiting:
            raise not_now(state, party, us, move)
        kind, rest = type(move), tuple(name for name in state.missing if name != party)
        if state.phase is Phase.CHOOSING:
            if kind is Decline:
                return self._gave_up(state)
            if kind is Award:
                if move.to not in dict(state.opened):
                    raise breach(party, us, "an award to a party without a quote", "no_such_quote")
                return state._replace(chosen=move.to, phase=TABLE[state.phase, Event.AWARD])
        elif kind is Decline:
            return self._after(state._replace(missing=rest))
        elif kind is Commit and state.phase is Phase.SEALING:
            sealed = (*state.sealed, (party, _checked(move.digest, party, us)))
            return self._after(state._replace(missing=rest, sealed=sealed))
        elif kind is Reveal and state.phase is Phase.OPENING:
            price = check_price(move.price, party, us)
            salted = isinstance(move.salt, str) and len(move.salt) <= LONGEST_SALT and move.salt.isascii()
            if not salted or commitment(party, price, move.salt) != dict(state.sealed)[party]:
                raise breach(party, us, "the quote opened is not the one that was sealed", "quote_changed")
            return self._after(state._replace(missing=rest, opened=(*state.opened, (party, price))))
        raise not_now(state, party, us, move)

    def presented(self, state: Window) -> tuple[tuple[str, int], ...]:
        """The opened quotes in the order in which the buyer sees them; none before the window has closed."""
        quotes = dict(state.opened) if state.phase not in (Phase.SEALING, Phase.OPENING) else {}
        return tuple((name, quotes[name]) for name in shuffled(tuple(quotes), self.seed))

    def clear(self, state: Window) -> Clearing:
        """The quote that the buyer chose."""
        if not state.ended:
            raise not_over()
        if state.phase is Phase.FAILED:
            return Clearing(reason="no quote was taken" if state.opened else "no quotes")
        return Clearing((Trade(state.buyer, state.chosen, dict(state.opened)[state.chosen]),), "awarded")

    def _after(self, state: Window) -> Window:
        """On to the next phase when nobody is missing."""
        if state.missing:
            return state._replace(phase=TABLE[state.phase, Event.ANSWER])
        sealing = state.phase is Phase.SEALING
        some = state.sealed if sealing else state.opened
        phase = TABLE[state.phase, Event.LAST_ANSWER if some else Event.NO_QUOTES]
        return state._replace(phase=phase, missing=tuple(name for name, _ in state.sealed) if sealing and some else ())

    def _gave_up(self, state: Window) -> Window:
        return state._replace(phase=TABLE[state.phase, Event.GIVE_UP])


def _checked(text: object, party: str, us: str | None) -> str:
    if isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return text
    raise breach(party, us, f"{party[:40]} sent no commitment", "bad_commitment", "64 hexadecimal digits")
