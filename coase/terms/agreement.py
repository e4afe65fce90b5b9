"""The agreement that both parties sign (EIP-712). Its digest is the escrow's id."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from coase import identity
from coase.terms.eip712 import domain_separator, struct_hash, typed_digest

Account = Annotated[str, StringConstraints(pattern="^0x[0-9a-fA-F]{40}$")]
Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Signature = Annotated[str, StringConstraints(pattern="^[0-9a-f]{130}$")]
Seconds = Annotated[int, Field(ge=0, lt=2**40, strict=True)]

NAME, VERSION = "Coase Escrow", "1"

_FIELDS = (
    ("buyer", "address"),
    ("seller", "address"),
    ("arbiter", "address"),
    ("token", "address"),
    ("price", "uint96"),
    ("bond", "uint96"),
    ("acceptBy", "uint64"),
    ("deliverBy", "uint64"),
    ("reviewSeconds", "uint64"),
    ("rulingSeconds", "uint64"),
    ("termsHash", "bytes32"),
    ("salt", "bytes32"),
    ("bundle", "bytes32"),
    ("previous", "bytes32"),
)
_PROPOSAL = (("id", "bytes32"), ("sellerBasisPoints", "uint256"), ("validUntil", "uint256"))
NONE = "0" * 64


class Agreement(BaseModel):
    """Who pays whom how much for what, by when, and who rules if they disagree.

    Args:
        buyer, seller, arbiter: EVM accounts.
        token: the contract of the currency.
        price: base units, held in escrow until release, refund or ruling.
        bond: base units that the buyer puts in when it disputes; divided as the price is, in the end.
        accept_by: chain time in seconds, for an offer or a leg of a bundle that the seller has not signed yet.
        deliver_by: chain time in seconds; undelivered by then, anyone may refund the buyer.
        review_seconds: after delivery, how long the buyer may dispute; then anyone may pay the seller.
        ruling_seconds: after a dispute, how long the arbiter may rule; then each party gets half.
        terms_hash: SHA-256 of the canonical terms (what is sold, the job's hash, the deal's id), hexadecimal.
        salt: 32 bytes, hexadecimal, so that equal agreements differ.
        bundle: 32 bytes, hexadecimal, that the legs of one purchase share; zeros for a deal by itself.
        previous: the escrow's id of the milestone that must be settled before this one; zeros for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    buyer: Account
    seller: Account
    arbiter: Account
    token: Account
    price: Annotated[int, Field(gt=0, lt=2**96, strict=True)]
    bond: Annotated[int, Field(ge=0, lt=2**96, strict=True)] = 0
    accept_by: Seconds = 0
    deliver_by: Seconds
    review_seconds: Seconds
    ruling_seconds: Seconds
    terms_hash: Hash
    salt: Hash
    bundle: Hash = NONE
    previous: Hash = NONE

    def row(self) -> tuple[Any, ...]:
        """The struct as the contract's ABI takes it."""
        return (
            self.buyer,
            self.seller,
            self.arbiter,
            self.token,
            self.price,
            self.bond,
            self.accept_by,
            self.deliver_by,
            self.review_seconds,
            self.ruling_seconds,
            bytes.fromhex(self.terms_hash),
            bytes.fromhex(self.salt),
            bytes.fromhex(self.bundle),
            bytes.fromhex(self.previous),
        )

    def digest(self, chain_id: int, escrow: str) -> bytes:
        """What the parties sign, and the escrow's id: 32 bytes."""
        values = dict(zip((name for name, _ in _FIELDS), self.row(), strict=True))
        return typed_digest(
            domain_separator(NAME, VERSION, chain_id, escrow), struct_hash("Agreement", _FIELDS, values)
        )

    def proposal(self, basis_points: int, valid_until: int, chain_id: int, escrow: str) -> bytes:
        """What a party signs to propose a division: the seller's basis points of the price, until a chain time."""
        values = {
            "id": self.digest(chain_id, escrow),
            "sellerBasisPoints": basis_points,
            "validUntil": valid_until,
        }
        return typed_digest(
            domain_separator(NAME, VERSION, chain_id, escrow), struct_hash("Settlement", _PROPOSAL, values)
        )

    def verify(self, account: str, signature: str, chain_id: int, escrow: str) -> None:
        """Raise `SignatureError` unless `account` signed this agreement for that escrow."""
        identity.verify(self.digest(chain_id, escrow), bytes.fromhex(signature), account)
