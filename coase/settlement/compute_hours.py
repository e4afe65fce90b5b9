"""Computing time as tokens (ERC-6909): a provider promises seconds, holders pass them on and redeem them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import UsageError
from coase.identity import checksum, keccak
from coase.settlement.bound import Bound, Record
from coase.settlement.outbox import Outbox
from coase.settlement.records import Receipt

if TYPE_CHECKING:
    from web3 import AsyncWeb3


@dataclass(frozen=True)
class Promise:
    """What a token stands for.

    Args:
        provider: whose word it is.
        terms: 32 bytes, the hash of which device, where and how reached.
        expires_at: chain time of the last second in which it can be redeemed.
    """

    provider: str
    terms: bytes
    expires_at: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "provider", checksum(self.provider))
        if len(self.terms) != 32 or not 0 <= self.expires_at < 2**64:
            raise UsageError("terms are a hash of 32 bytes, and the end is a time in seconds", code="bad_promise")

    @property
    def token(self) -> int:
        """The id of its tokens."""
        provider = bytes(12) + bytes.fromhex(self.provider[2:])
        return int.from_bytes(keccak(provider + self.terms + self.expires_at.to_bytes(32, "big")), "big")


class ComputeHoursClient:
    """The tokens, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`."""

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, hours: str) -> None:
        self.outbox = outbox
        self.contract = Bound(w3, outbox, "ComputeHours", hours)

    async def mint(self, intent: str, promise: Promise, to: str, seconds: int, record: Record = None) -> Receipt:
        """A provider promises seconds to an account."""
        if promise.provider != self.outbox.identity.account:
            raise UsageError("only the provider promises its time", code="not_the_provider")
        row = (promise.terms, promise.expires_at, checksum(to), seconds)
        return await self.contract.send(intent, "mint", *row, record=record)

    async def transfer(self, intent: str, promise: Promise, to: str, seconds: int, record: Record = None) -> Receipt:
        """Pass seconds on."""
        return await self.contract.send(intent, "transfer", checksum(to), promise.token, seconds, record=record)

    async def redeem(
        self, intent: str, promise: Promise, seconds: int, request: bytes, record: Record = None
    ) -> Receipt:
        """Use seconds up for a request, of which the chain keeps the hash (32 bytes). The provider serves it."""
        row = (promise.provider, promise.terms, promise.expires_at, seconds, request)
        return await self.contract.send(intent, "redeem", *row, record=record)

    async def seconds(self, promise: Promise, account: str) -> int:
        """How many seconds an account holds."""
        return int(await self.contract.read("balanceOf", checksum(account), promise.token))
