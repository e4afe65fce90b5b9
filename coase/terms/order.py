"""What exactly is sold: the terms behind an agreement's `terms_hash`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from coase import money
from coase.errors import TermsError
from coase.terms.agreement import Hash
from coase.terms.canonical import canonical, digest

MAX_BYTES = 48 * 1024

DealId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class Order(BaseModel):
    """One purchase, complete enough that a third party can judge a dispute about it.

    Args:
        deal: the name both parties use for it.
        kind: `dataset`, `model`, `compute`, `validation`, or another word that a listing offers.
        listing: digest of the listing it is bought from.
        content: SHA-256 of what is sold, as the listing promised, or "" where it is yet to be made.
        unit: what is counted, for example `item` or `train_step`.
        quantity: how many units.
        inputs: files that the buyer hands over, name -> SHA-256.
        details: what the kind needs beyond that (a job spec; the deal to validate), canonical JSON.
        unit_price: base units for each unit; 0 until it is agreed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    deal: DealId
    kind: Word
    listing: Hash
    content: Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")] = ""
    unit: Word = "item"
    quantity: Annotated[int, Field(ge=1, le=10**12, strict=True)] = 1
    inputs: Annotated[Mapping[Word, Hash], Field(max_length=16)] = {}
    details: Mapping[str, Any] = {}
    unit_price: Annotated[int, Field(ge=0, le=money.MAXIMUM, strict=True)] = 0

    @field_validator("details")
    @classmethod
    def _bounded(cls, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """A copy that nobody else can change, as deep as the whole order may be."""
        try:
            text = canonical([dict(details)])[1:-1]
        except TermsError as error:
            raise ValueError(error.message) from error
        if len(text) > MAX_BYTES:
            raise ValueError(f"details of {len(text)} bytes, more than {MAX_BYTES}")
        return dict(json.loads(text))

    @model_validator(mode="after")
    def _payable(self) -> Self:
        if self.price > money.MAXIMUM:
            raise ValueError(f"a price of {self.price} is more than an escrow holds")
        return self

    @property
    def price(self) -> int:
        """The whole price, base units."""
        return self.quantity * self.unit_price

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical order: the agreement's `terms_hash`."""
        return digest(self.model_dump(mode="json"))
