"""Data sets and models on the chain: who owns a content hash, and access that anybody buys at a fixed price."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from coase.errors import LocalProtocolError, SettlementError, UsageError
from coase.identity import checksum
from coase.money import check
from coase.settlement.allowance import PriceCap, permit_exactly
from coase.settlement.bound import Bound, Record
from coase.settlement.escrow import PERMIT_SECONDS, TOKEN_NAME, TOKEN_VERSION
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt

if TYPE_CHECKING:
    from web3 import AsyncWeb3

KINDS = ("dataset", "model")  # in the contract's order
LONGEST_URI = 4_096  # bytes


@dataclass(frozen=True)
class Offer:
    """Access to an asset at a price: `asset` by its content hash (32 bytes), `price` base units of `token` a unit."""

    asset: bytes
    token: str
    price: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", checksum(self.token))
        if _hash(self.asset) and not check(self.price, what="the price"):
            raise UsageError("a price is at least one base unit", code="bad_price")


class AssetsClient:
    """The assets, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`.

    Args:
        w3: the connection to read by.
        outbox: sends.
        assets: the contract's account.
        chain_id: EIP-155.
        cap: the most that one purchase may take, and of which token.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, assets: str, chain_id: int, cap: PriceCap) -> None:
        self.outbox, self.chain_id, self.cap = outbox, chain_id, cap
        self.contract = Bound(w3, outbox, "Assets", assets)
        self._w3 = w3
        self._buying = asyncio.Lock()  # permits count up: the next is made when the one before is mined

    async def mint(
        self, intent: str, content: bytes, kind: Literal["dataset", "model"], uri: str = "", record: Record = None
    ) -> Receipt:
        """Become the owner of a content hash (32 bytes). The first to come owns it: let the content name its maker."""
        if kind not in KINDS or len(uri.encode()) > LONGEST_URI:
            raise UsageError(
                f"an asset is one of {', '.join(KINDS)}, its URI at most {LONGEST_URI} bytes", code="bad_asset"
            )
        return await self.contract.send(intent, "mint", _hash(content), KINDS.index(kind), uri, record=record)

    async def transfer(self, intent: str, content: bytes, to: str, record: Record = None) -> Receipt:
        """Owner: give the asset to another account, for example to its `RevenueShares`."""
        me = self.outbox.identity.account
        return await self.contract.send(
            intent, "transferFrom", me, checksum(to), int.from_bytes(_hash(content), "big"), record=record
        )

    async def offer(self, intent: str, offer: Offer, record: Record = None) -> str:
        """Owner: create the token of access at a price; its account."""
        await self.contract.send(intent, "offer", *self._row(offer), record=record)
        return await self.access_token(offer)

    async def buy(self, intent: str, offer: Offer, units: int, to: str | None = None, record: Record = None) -> Receipt:
        """Buy units of access for ourselves or another, by a permit (EIP-2612) for exactly their price."""
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise UsageError(f"{units!r} is no number of units", code="bad_count")
        paid = self.cap.allows(offer.token, units * offer.price)

        async def call() -> Call:
            access = await self._access(offer)
            permit = await permit_exactly(
                self.outbox.node,
                self.outbox.identity,
                access.account,
                paid,
                self.cap,
                deadline=(await self.outbox.node.head()).time + PERMIT_SECONDS,
                domain=(TOKEN_NAME, TOKEN_VERSION, self.chain_id),
            )
            holder = checksum(to or self.outbox.identity.account)
            return access.call("buyWithPermit", units, holder, permit.deadline, permit.v, permit.r, permit.s)

        async with self._buying:
            return await self.outbox.send(intent, call, record)

    async def redeem(self, intent: str, offer: Offer, units: int, request: bytes, record: Record = None) -> Receipt:
        """Use units up for a request, of which the chain keeps the hash (32 bytes). The seller serves it."""
        return await (await self._access(offer)).send(intent, "redeem", units, _hash(request), record=record)

    # ---- reading

    async def owner(self, content: bytes) -> str:
        """Whose an asset is. `TransactionReverted` when nobody has minted it."""
        return checksum(await self.contract.read("ownerOf", int.from_bytes(_hash(content), "big")))

    async def access_token(self, offer: Offer) -> str:
        """Where the token of access is, or would be."""
        return checksum(await self.contract.read("accessToken", *self._row(offer)))

    async def units(self, offer: Offer, account: str) -> int:
        """How many units of access an account holds."""
        return int(await (await self._access(offer)).read("balanceOf", checksum(account)))

    # ---- below

    def _row(self, offer: Offer) -> tuple[int, str, int]:
        return int.from_bytes(offer.asset, "big"), offer.token, offer.price

    async def _access(self, offer: Offer) -> Bound:
        """The token's contract. Its code holds asset, currency and price, so its account vouches for all three."""
        account = await self.access_token(offer)
        code = await self.outbox.node.ask(lambda: self._w3.eth.get_code(account))  # type: ignore[arg-type]
        if not len(code):
            raise SettlementError("this access is not offered", hint="ask the owner for its price", code="no_offer")
        return Bound(self._w3, self.outbox, "AccessToken", account)


def _hash(value: bytes) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32 or not any(value):
        raise LocalProtocolError("a content hash is 32 bytes, and not all zeros", code="bad_hash")
    return value
