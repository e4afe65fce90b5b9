"""A signed listing: what an agent offers, for how much, until when.

The digest is that of an EIP-191 personal message (version 0x45) over the canonical JSON of all fields but the signature,
so any wallet can sign and check one. One key makes both the agent address and the EVM account, and `verify` checks both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from coase.errors import SignatureError, TermsError
from coase.identity import Identity, account_at, keccak, recover
from coase.identity import account_of as account_of_key
from coase.identity import agent_address as address_of_key
from coase.terms.agreement import Account, Hash, Signature
from coase.terms.canonical import canonical
from coase.terms.order import Word

MAX_BYTES = 16 * 1024
MAX_SECONDS = 90 * 86_400  # a listing lives at most so long

Address = Annotated[str, StringConstraints(pattern=r"^agent1[a-z0-9]{59}$")]
Seconds = Annotated[int, Field(ge=0, lt=2**40, strict=True)]
Attribute = Annotated[str, StringConstraints(max_length=200)] | Annotated[int, Field(ge=-(2**53), le=2**53)] | bool
Price = Annotated[int, Field(gt=0, lt=2**62, strict=True)]  # fits an SQL integer


class Listing(BaseModel):
    """An offer to the public.

    Args:
        agent, account: who offers, as an agent address and as an EVM account; two forms of one key.
        key: the slot of that agent's listings; a new listing replaces the one in its slot.
        sequence: grows with each listing of a slot, so that an old one cannot be brought back.
        kind: `dataset`, `model`, `compute`, `validation`, or another word.
        title, description: for people, and for full-text search.
        attributes: what filters compare: texts, integers and booleans.
        unit: what is counted, for example `item` or `train_step`.
        price: the list price a unit, base units.
        lowest, tick: the grid that may be bargained over goes from `lowest` up to `price` in steps of `tick`.
        content: SHA-256 of what is sold, or "".
        issued, expires: chain time, seconds.
        signature: 65 bytes, hexadecimal; by the key of `agent`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: Address
    account: Account
    key: Word
    sequence: Annotated[int, Field(ge=1, le=2**53, strict=True)]
    kind: Word
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    attributes: Annotated[Mapping[Word, Attribute], Field(max_length=32)] = {}
    unit: Word = "item"
    price: Price
    lowest: Price
    tick: Price = 1
    content: Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")] = ""
    issued: Seconds
    expires: Seconds
    signature: Signature

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.issued < self.expires <= self.issued + MAX_SECONDS:
            raise ValueError(f"a listing expires after it was issued, within {MAX_SECONDS} seconds")
        if self.lowest > self.price or (self.price - self.lowest) % self.tick:
            raise ValueError("the grid must go from lowest up to price in whole ticks")
        if (self.price - self.lowest) // self.tick > 100_000:
            raise ValueError("the grid has more than 100,000 steps")
        return self

    @classmethod
    def signed(cls, identity: Identity, **fields: Any) -> Self:
        """A listing of this identity; `fields` are all but agent, account and signature.

        Raises:
            TermsError: a field is malformed.
        """
        try:
            draft = cls(agent=identity.address, account=identity.account, signature="00" * 65, **fields)
        except ValidationError as error:
            raise TermsError(f"not a listing: {_brief(error)}", code="bad_listing") from error
        return draft.model_copy(update={"signature": identity.sign(draft.signing_hash).hex()})

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read JSON from anywhere.

        Raises:
            TermsError: `listing_too_large` or `listing_malformed`.
        """
        data = text.encode() if isinstance(text, str) else text
        if len(data) > MAX_BYTES:
            raise TermsError(f"a listing of {len(data)} bytes, more than {MAX_BYTES}", code="listing_too_large")
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise TermsError(f"not a listing: {_brief(error)}", code="listing_malformed") from error

    @property
    def body(self) -> bytes:
        """The canonical bytes of everything but the signature."""
        return canonical(self.model_dump(mode="json", exclude={"signature"}))

    @property
    def signing_hash(self) -> bytes:
        """What is signed: EIP-191 over the body, 32 bytes."""
        body = self.body
        return keccak(b"\x19Ethereum Signed Message:\n" + str(len(body)).encode() + body)

    @property
    def digest(self) -> Hash:
        """The listing's name in orders, 64 hexadecimal digits."""
        return self.signing_hash.hex()

    def verify(self) -> None:
        """Raise `SignatureError` unless the key behind both agent and account signed exactly this."""
        signer = recover(self.signing_hash, bytes.fromhex(self.signature))
        if address_of_key(signer) != self.agent or account_of_key(signer) != account_at(self.agent):
            raise SignatureError("the listing was not signed by the agent it names")
        if self.account != account_of_key(signer):
            raise SignatureError("the listing's account is not that of its agent")


def _brief(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
