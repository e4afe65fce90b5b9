"""What an agent signs for the public: a listing (what it offers, for how much, until when), and the withdrawal of one.

The digest is that of an EIP-191 personal message (version 0x45) over the canonical JSON of all fields but the
signature, so any wallet can sign and check one. One key makes both the agent address and the EVM account, and `verify`
checks both. No withdrawal reads as a listing or the other way round: their fields differ, and neither takes a field
that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError, PydanticSerializationError

from coase.errors import SignatureError, TermsError
from coase.identity import Identity, keccak, recover
from coase.identity import account_of as account_of_key
from coase.identity import agent_address as address_of_key
from coase.terms.agreement import Account, Hash, Signature
from coase.terms.canonical import canonical
from coase.terms.order import Word

MAX_BYTES = 64 * 1024  # every listing within the bounds below fits, in whatever JSON
MAX_SECONDS = 90 * 86_400  # a listing lives at most so long
MAX_STEPS = 100_000  # of the price grid

# No control characters and no marks that turn the direction of writing: listings are shown on terminals.
_PLAIN = r"\p{Cc}\p{Zl}\p{Zp}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{061C}"
_LINE = f"^[^{_PLAIN}]*$"
_LINES = rf"^(?:[^{_PLAIN}]|\n)*$"

Address = Annotated[str, StringConstraints(pattern=r"^agent1[a-z0-9]{59}$")]
Sequence = Annotated[int, Field(ge=1, le=2**53)]
Seconds = Annotated[int, Field(ge=0, lt=2**40)]
Price = Annotated[int, Field(gt=0, lt=2**62)]  # fits an SQL integer
Text = Annotated[str, StringConstraints(max_length=200, pattern=_LINE)]
Attribute = Text | Annotated[int, Field(ge=-(2**53), le=2**53)] | bool


class Signed(BaseModel):
    """What listings and withdrawals share: the signer, in two forms, and the signature over everything else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    agent: Address
    account: Account
    key: Word
    sequence: Sequence
    signature: Signature

    @classmethod
    def signed(cls, identity: Identity, **fields: Any) -> Self:
        """One of this identity; `fields` are all but agent, account and signature.

        Raises:
            TermsError: `bad_listing`, when a field is malformed.
        """
        try:
            draft = cls(agent=identity.address, account=identity.account, signature="00" * 65, **fields)
        except ValidationError as error:
            raise TermsError(f"not a {_name(cls)}: {_brief(error)}", code="bad_listing") from error
        return draft.model_copy(update={"signature": identity.sign(draft.signing_hash).hex()})

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read JSON from anywhere. The size is looked at first; nesting beyond what the fields allow is refused.

        Raises:
            TermsError: `listing_too_large`, `listing_too_long` (it would live too long) or `listing_malformed`.
        """
        try:
            data = text.encode() if isinstance(text, str) and len(text) <= MAX_BYTES else text
        except UnicodeEncodeError as error:
            raise TermsError(f"not a {_name(cls)}: half a surrogate pair", code="listing_malformed") from error
        if len(data) > MAX_BYTES:
            raise TermsError(f"a {_name(cls)} of more than {MAX_BYTES} bytes", code="listing_too_large")
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            kind = error.errors(include_url=False, include_input=False, include_context=False)[0]["type"]
            code = kind if kind == "listing_too_long" else "listing_malformed"
            raise TermsError(f"not a {_name(cls)}: {_brief(error)}", code=code) from error

    @property
    def text(self) -> str:
        """The JSON that `parse` reads. `TermsError` when the object was made without checks and has none."""
        try:
            return self.model_dump_json(warnings=False)
        except PydanticSerializationError as error:
            raise TermsError(f"not a {_name(type(self))}: it has no JSON form", code="listing_malformed") from error

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
        """The name of a listing in orders, 64 hexadecimal digits."""
        return self.signing_hash.hex()

    def verify(self) -> None:
        """Raise `SignatureError` unless the key behind both agent and account signed exactly this."""
        signer = recover(self.signing_hash, bytes.fromhex(self.signature))
        if address_of_key(signer) != self.agent:
            raise SignatureError("it was not signed by the agent it names")
        if account_of_key(signer) != self.account:
            raise SignatureError("the account is not that of its agent, written with its EIP-55 checksum")


class Listing(Signed):
    """An offer to the public.

    Args:
        agent, account: who offers, as an agent address and as an EVM account; two forms of one key.
        key: the slot of that agent's listings; a new listing replaces the one in its slot.
        sequence: grows with each listing or withdrawal of a slot, so that an old one cannot be brought back.
        kind: `dataset`, `model`, `compute`, `validation`, or another word.
        title, description: for people, and for full-text search. One line; lines.
        attributes: what filters compare: texts, integers and booleans, under names that are no fields of a listing.
        unit: what is counted, for example `item` or `train_step`.
        price: the list price a unit, base units.
        lowest, tick: the grid that may be bargained over goes from `lowest` up to `price` in steps of `tick`.
        content: SHA-256 of what is sold, or "".
        issued, expires: chain time, seconds.
        signature: 65 bytes, hexadecimal; by the key of `agent`.
    """

    kind: Word
    title: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_LINE)]
    description: Annotated[str, StringConstraints(max_length=2000, pattern=_LINES)] = ""
    attributes: Annotated[Mapping[Word, Attribute], Field(max_length=32)] = {}
    unit: Word = "item"
    price: Price
    lowest: Price
    tick: Price = 1
    content: Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")] = ""
    issued: Seconds
    expires: Seconds

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.expires <= self.issued:
            raise ValueError("a listing expires after it was issued")
        if self.expires > self.issued + MAX_SECONDS:
            raise PydanticCustomError("listing_too_long", "it lives longer than {most} seconds", {"most": MAX_SECONDS})
        if self.lowest > self.price or (self.price - self.lowest) % self.tick:
            raise ValueError("the grid must go from lowest up to price in whole ticks")
        if (self.price - self.lowest) // self.tick > MAX_STEPS:
            raise ValueError(f"the grid has more than {MAX_STEPS} steps")
        if taken := self.attributes.keys() & type(self).model_fields.keys():
            raise ValueError(f"the attribute '{min(taken)}' has the name of a field")
        return self


class Withdrawal(Signed):
    """An agent takes a slot off the market. `sequence` is above that of the listing it withdraws."""

    withdraw: Literal[True] = True


def _name(kind: type[Signed]) -> str:
    return kind.__name__.lower()


def _brief(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"])
    return f"{where or 'it'}: {first['msg']}"
