"""What agents say to each other. Every message names its deal; sizes are bounded, unknown fields refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, field_validator

from coase import money
from coase.agent.message import CEILING, Message
from coase.errors import TermsError
from coase.terms.agreement import Agreement, Hash, Signature
from coase.terms.canonical import canonical, digest
from coase.terms.order import Order, Word

Step = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Amount = Annotated[int, Field(ge=0, le=money.MAXIMUM, strict=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(max_length=300)]
Outcome = Annotated[Mapping[Word, int | str | bool], Field(max_length=16)]
Files = Annotated[
    Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,64}$")], Hash], Field(max_length=64)
]

RESULT_BYTES = 48 * 1024
CHUNK_BYTES = 256 * 1024  # of a file, before base64


class Request(Message):
    """Buyer: I might order this, and would bargain for so many steps. `sealed` asks for a sealed quote first."""

    order: Order
    deadline: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    sealed: bool = False


class SealedQuote(Message):
    """Seller: my quote, closed. `commitment` is the SHA-256 of canonical [deal, unit price, salt]."""

    commitment: Hash


class OpenQuotes(Message):
    """Buyer: the window is closed, all quotes are in; open yours."""


class Quote(Message):
    """Seller: my quote a unit, opened."""

    unit_price: Amount
    salt: Hash


class Ready(Message):
    """Seller: I take this kind of order; make an offer."""


class Propose(Message):
    """Either: I offer this outcome in this step."""

    step: Step
    outcome: Outcome
    text: Text = ""


class AcceptOffer(Message):
    """Either: I accept the offer on the table."""

    step: Step


class WalkAway(Message):
    """Either: I leave the table."""

    code: Code
    reason: Text = ""


class Refuse(Message):
    """Either: I will not do this, and why."""

    code: Code
    reason: Text = ""


class Sign(Message):
    """Buyer: the agreement as I signed it, and the order behind its terms hash."""

    order: Order
    agreement: Agreement
    signature: Signature


class Signed(Message):
    """Seller: my signature on the same agreement."""

    signature: Signature


class Funded(Message):
    """Buyer: the escrow holds the price."""


class Accepted(Message):
    """Seller: I saw the money and begin."""


class Progress(Message):
    """Seller: so far; counts, never seconds."""

    done: Step
    of: Step


class Delivered(Message):
    """Seller: the work is done; its hash is on the chain. `files` are fetched by their SHA-256."""

    result: Mapping[str, Any]
    files: Files

    @field_validator("result")
    @classmethod
    def _bounded(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            size = len(canonical(dict(result)))
        except TermsError as error:
            raise ValueError(error.message) from error
        if size > RESULT_BYTES:
            raise ValueError(f"a result of {size} bytes, more than {RESULT_BYTES}")
        return result


class Fetch(Message):
    """Anyone entitled: send me this file from this offset."""

    blob: Hash
    offset: Annotated[int, Field(ge=0, lt=2**40, strict=True)] = 0


class Chunk(Message):
    """A part of a file, base64; `total` is the size of the whole in bytes."""

    max_bytes: ClassVar[int] = CEILING

    blob: Hash
    offset: Annotated[int, Field(ge=0, lt=2**40, strict=True)]
    total: Annotated[int, Field(ge=0, lt=2**40, strict=True)]
    data: Annotated[str, StringConstraints(max_length=CHUNK_BYTES * 4 // 3 + 4, pattern="^[A-Za-z0-9+/]*={0,2}$")]


class Reveal(Message):
    """Arbiter: show me this evidence of your work (checkpoints, for example), by name; no name: what you delivered."""

    names: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,64}$")]], Field(max_length=16)]


class Revealed(Message):
    """Seller: fetch it by these hashes; what is missing here I do not have."""

    evidence: Files


class Complaint(Message):
    """Buyer to arbiter: I disputed this deal; rule on it."""

    max_bytes: ClassVar[int] = CEILING

    order: Order
    agreement: Agreement
    result: Mapping[str, Any]
    files: Files
    seller: Annotated[str, StringConstraints(pattern="^agent1[a-z0-9]{59}$")]
    code: Code


class Ruled(Message):
    """Arbiter: my ruling is on the chain. `result` and `files` are the delivery as I saw it; I have the files."""

    basis_points: Annotated[int, Field(ge=0, le=10_000, strict=True)]
    code: Code
    result: Mapping[str, Any] = {}
    files: Files = {}


class Closed(Message):
    """Either: for me this deal has ended."""

    state: Word


ALL: tuple[type[Message], ...] = (
    Request,
    SealedQuote,
    OpenQuotes,
    Quote,
    Ready,
    Propose,
    AcceptOffer,
    WalkAway,
    Refuse,
    Sign,
    Signed,
    Funded,
    Accepted,
    Progress,
    Delivered,
    Fetch,
    Chunk,
    Reveal,
    Revealed,
    Complaint,
    Ruled,
    Closed,
)


def commitment(deal: str, unit_price: int, salt: str) -> str:
    """What a sealed quote commits to: SHA-256 of the canonical [deal, unit price, salt]."""
    return digest([deal, unit_price, salt])


def delivery_hash(result: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """What the seller commits to on the chain: SHA-256 of the canonical result and files, 32 bytes."""
    return bytes.fromhex(digest({"result": dict(result), "files": dict(files)}))
