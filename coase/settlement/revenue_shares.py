"""Shares of one asset: whoever holds them is paid what the asset earns, exact to the base unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coase.errors import MissingExtra, UsageError
from coase.identity import checksum
from coase.settlement.artifacts import artifact
from coase.settlement.bound import Bound, Record
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt

try:
    from eth_abi.abi import encode
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

if TYPE_CHECKING:
    from web3 import AsyncWeb3

MOST_HOLDERS = 200  # in the beginning: what fits into one block


async def create_shares(
    outbox: Outbox, intent: str, assets: str, content: bytes, token: str, holders: Mapping[str, int]
) -> str:
    """Deploy the shares of an asset; their account. They earn once the asset is transferred to it.

    Args:
        assets: the contract of the asset.
        content: its hash, 32 bytes.
        token: the currency of its revenue.
        holders: account -> whole shares, from 1 to 2**64 in all.
    """
    total = sum(holders.values())
    if not 0 < len(holders) <= MOST_HOLDERS or min(holders.values()) < 1 or total > 2**64:
        raise UsageError(f"1 to {MOST_HOLDERS} holders have 1 to 2**64 shares in all", code="bad_shares")
    accounts = sorted(checksum(account) for account in holders)
    given = {checksum(account): amount for account, amount in holders.items()}
    if len(given) != len(holders):
        raise UsageError("an account is named twice", code="bad_shares")
    arguments = encode(
        ["address", "uint256", "address", "address[]", "uint256[]"],
        [checksum(assets), int.from_bytes(content, "big"), checksum(token), accounts, [given[a] for a in accounts]],
    )
    receipt = await outbox.send(intent, Call(None, artifact("RevenueShares").bytecode + arguments))
    assert receipt.contract is not None
    return receipt.contract


class RevenueSharesClient:
    """The shares of one asset, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`."""

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, shares: str) -> None:
        self.outbox = outbox
        self.contract = Bound(w3, outbox, "RevenueShares", shares)

    async def claim(self, intent: str, to: str | None = None, record: Record = None) -> int:
        """Be paid all whole units that are due to us; how many they were."""
        receipt = await self.contract.send(intent, "claim", checksum(to or self.outbox.identity.account), record=record)
        return sum(int(event.values["amount"]) for event in self.contract.events(receipt, "RevenueClaimed"))

    async def transfer(self, intent: str, to: str, shares: int, record: Record = None) -> Receipt:
        """Pass shares on. What they earned before stays ours to claim."""
        return await self.contract.send(intent, "transfer", checksum(to), shares, record=record)

    async def take_asset(self, intent: str, to: str, record: Record = None) -> Receipt:
        """Who holds all shares ends them and takes the asset out."""
        return await self.contract.send(intent, "takeAsset", checksum(to), record=record)

    async def due(self, holder: str) -> int:
        """Base units that a holder could claim now."""
        return int(await self.contract.read("due", checksum(holder)))

    async def shares(self, holder: str) -> int:
        """How many shares an account holds."""
        return int(await self.contract.read("balanceOf", checksum(holder)))
