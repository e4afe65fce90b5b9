"""What a buyer asks for, and what it gets back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from coase.agent.journal import Journal
from coase.errors import ConfigurationError
from coase.terms.agreement import Hash
from coase.terms.order import Word

_DURATION = re.compile(r"(\d{1,7})\s*(s|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, None: 1}


def seconds(text: str | int) -> int:
    """Seconds of a duration such as ``"60s"``, ``"5m"``, ``"2h"``, ``"1d"`` or ``60``, or `ConfigurationError`."""
    found = _DURATION.fullmatch(str(text).strip())
    if found is None or int(found[1]) == 0:
        raise ConfigurationError(
            f"{text!r} is not a duration", hint='for example "60s", "5m" or "2h"', code="bad_duration"
        )
    return int(found[1]) * _SECONDS[found[2]]


class Want(BaseModel):
    """A need, before anybody is found who meets it.

    Args:
        kind: `dataset`, `model`, `compute`, `validation`, or another word.
        unit: what is counted; the seller's listing must count the same.
        quantity: how many units.
        query: a filter for the registry, for example ``memory_gib>=4 device=cuda``.
        details: what the kind needs (for `compute`: ``{"job": ...}``).
        inputs: files to hand over, name -> SHA-256; the buyer's store must hold them.
        at_most: the reservation price a unit, base units; None: what the mandate allows.
        quotes: how many sellers to ask at most.
        audit: whether to have a validator check the work before paying.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Word
    unit: Word = "item"
    quantity: Annotated[int, Field(ge=1, le=10**9)] = 1
    query: Annotated[str, Field(max_length=500)] = ""
    details: Mapping[str, Any] = {}
    inputs: Mapping[Word, Hash] = {}
    at_most: Annotated[int, Field(gt=0)] | None = None
    quotes: Annotated[int, Field(ge=1, le=32)] = 8
    audit: bool = False


@dataclass(frozen=True)
class Deal:
    """A purchase as its buyer sees it now: a view of the buyer's journal."""

    name: str
    journal: Journal

    @property
    def body(self) -> dict[str, Any]:
        """Everything the journal holds about it."""
        return self.journal.need(self.name).body

    @property
    def status(self) -> str:
        """The state of `coase.agent.deal`."""
        return self.journal.need(self.name).state

    @property
    def settled(self) -> bool:
        """Whether it was delivered and paid."""
        return self.status == "settled"

    @property
    def code(self) -> str:
        """Why it ended as it did, for programs."""
        return str(self.body.get("code", self.status))

    @property
    def reason(self) -> str:
        """Why it ended as it did, for people."""
        return str(self.body.get("reason", ""))

    @property
    def price(self) -> int | None:
        """The agreed price, base units; None when nothing was agreed."""
        agreement = self.body.get("agreement")
        return int(agreement["price"]) if agreement else None

    @property
    def seller(self) -> str:
        """The seller's agent address."""
        return str(self.body["peer"])

    @property
    def result(self) -> dict[str, Any]:
        """The seller's result, as committed to on the chain."""
        return dict(self.body.get("result", {}))

    @property
    def files(self) -> dict[str, str]:
        """What was delivered: name -> SHA-256 in the buyer's store."""
        return dict(self.body.get("files", {}))

    @property
    def receipt(self) -> dict[str, Any]:
        """What proves the deal to a third party: the order, the agreement and both signatures."""
        body = self.body
        names = ("order", "agreement", "buyer_signature", "seller_signature", "escrow_id")
        return {name: body[name] for name in names if name in body}

    @property
    def events(self) -> list[tuple[str, str]]:
        """What happened, oldest first: (event, state after it)."""
        return [(event, state) for event, state in self.journal.events(self.name)]
