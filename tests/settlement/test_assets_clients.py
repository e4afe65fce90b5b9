"""Assets, access, computing time and shares through their clients: assets.py, compute_hours.py, revenue_shares.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from coase.errors import CoaseError, SettlementError, TransactionReverted
from coase.identity import Identity, keccak
from coase.money import DOLLAR
from coase.settlement.allowance import PriceCap, allowance
from coase.settlement.assets import AssetsClient, Offer
from coase.settlement.compute_hours import ComputeHoursClient, Promise
from coase.settlement.institutions import Institutions, deploy_institutions
from coase.settlement.revenue_shares import RevenueSharesClient, create_shares
from coase.testing.chain import DEPLOYER, DeployedChain, memory_chain

MAKER, BUYER, THIRD = (Identity.from_seed("assets", name) for name in ("maker", "buyer", "third"))
CONTENT, REQUEST = keccak(b"weights"), keccak(b"request")
START: int = 1_000 * DOLLAR


@dataclass
class World:
    """A chain with everything on it."""

    chain: DeployedChain
    places: Institutions

    def assets(self, who: Identity) -> AssetsClient:
        """The assets as this party sees them."""
        cap = PriceCap(self.chain.contracts.token, 1_000)
        return AssetsClient(self.chain.w3, self.chain.outbox(who), self.places.assets, self.chain.chain_id, cap)

    def hours(self, who: Identity) -> ComputeHoursClient:
        """Computing time as this party sees it."""
        return ComputeHoursClient(self.chain.w3, self.chain.outbox(who), self.places.hours)

    async def balance(self, who: Identity) -> int:
        """Dollars beyond those in the beginning."""
        return await self.chain.client(who).balance(who.account) - START


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A chain, contracts, institutions; everybody has dollars."""
    async with memory_chain([MAKER.account, BUYER.account, THIRD.account]) as chain:
        yield World(chain, await deploy_institutions(chain.outbox(DEPLOYER), chain.contracts))


async def test_access_is_bought_exactly_and_used_up() -> None:
    """Minted once, offered at a price, bought by permit, redeemed; nothing may be taken afterwards."""
    async with world() as w:
        maker, buyer = w.assets(MAKER), w.assets(BUYER)
        offer = Offer(CONTENT, w.chain.contracts.token, 30)
        await maker.mint("mint", CONTENT, "model", "ipfs://weights")
        assert await buyer.owner(CONTENT) == MAKER.account
        with pytest.raises(TransactionReverted) as taken:
            await buyer.mint("mint", CONTENT, "model")
        assert taken.value.reason.startswith("ERC721InvalidSender")
        with pytest.raises(SettlementError) as none:
            await buyer.buy("early", offer, 1)
        assert none.value.code == "no_offer"
        token = await maker.offer("offer", offer)
        assert token == await buyer.access_token(offer)
        receipt = await buyer.buy("buy", offer, 3)
        assert await buyer.buy("buy", offer, 3) == receipt
        assert (await buyer.units(offer, BUYER.account), await w.balance(BUYER), await w.balance(MAKER)) == (3, -90, 90)
        assert await allowance(buyer.outbox.node, offer.token, BUYER.account, token) == 0
        await buyer.redeem("use", offer, 2, REQUEST)
        assert await buyer.units(offer, BUYER.account) == 1
        with pytest.raises(TransactionReverted):
            await buyer.redeem("too much", offer, 2, REQUEST)
        for action, code in (
            (buyer.buy("dear", offer, 34), "price_cap"),
            (buyer.buy("none", offer, 0), "bad_count"),
            (buyer.buy("other", replace(offer, token=w.places.hours), 1), "price_cap"),
            (buyer.mint("what", bytes(32), "model"), "bad_hash"),
            (buyer.mint("what", REQUEST, "song"), "bad_asset"),  # type: ignore[arg-type]
        ):
            with pytest.raises(CoaseError) as caught:
                await action
            assert caught.value.code == code


async def test_shares_are_paid_what_the_asset_earns() -> None:
    """To the unit, whoever holds them when it comes in; all of them together take the asset out."""
    async with world() as w:
        maker, buyer, token = w.assets(MAKER), w.assets(BUYER), w.chain.contracts.token
        offer = Offer(CONTENT, token, 10)
        await maker.mint("mint", CONTENT, "dataset")
        await maker.offer("offer", offer)
        holders = {MAKER.account: 2, THIRD.account: 1}
        where = await create_shares(w.chain.outbox(MAKER), "shares", w.places.assets, CONTENT, token, holders)
        await maker.transfer("in", CONTENT, where)
        mine, other = (RevenueSharesClient(w.chain.w3, w.chain.outbox(who), where) for who in (MAKER, THIRD))
        await buyer.buy("one", offer, 1)
        assert [await mine.due(who.account) for who in (MAKER, THIRD)] == [6, 3]
        assert [await mine.claim("claim"), await other.claim("claim")] == [6, 3]
        await other.transfer("sold", MAKER.account, 1)
        await buyer.buy("two", offer, 2)
        assert (await mine.claim("more"), await mine.shares(MAKER.account)) == (20, 3)
        assert await mine.due(THIRD.account) == 0  # a third of a unit: paid with later revenue, or never
        await mine.take_asset("out", MAKER.account)
        assert await maker.owner(CONTENT) == MAKER.account
        assert [await w.balance(who) for who in (MAKER, BUYER, THIRD)] == [26, -30, 3]
        for wrong in ({}, {MAKER.account: 0}, {MAKER.account: 1, MAKER.account.lower(): 1}, {MAKER.account: 2**64 + 1}):
            with pytest.raises(CoaseError, match=r"shares|twice"):
                await create_shares(mine.outbox, "wrong", w.places.assets, CONTENT, token, wrong)


async def test_computing_time_is_promised_passed_on_and_used() -> None:
    """By its provider alone, until it expires."""
    async with world() as w:
        provider, buyer, third = (w.hours(who) for who in (MAKER, BUYER, THIRD))
        promise = Promise(MAKER.account, keccak(b"terms"), await w.chain.backend.now() + 1_000)
        await provider.mint("mint", promise, BUYER.account, 7_200)
        named = await provider.contract.read("idOf", promise.provider, promise.terms, promise.expires_at)
        assert named == promise.token
        await buyer.transfer("on", promise, THIRD.account, 3_600)
        await third.redeem("use", promise, 600, REQUEST)
        assert [await buyer.seconds(promise, who.account) for who in (BUYER, THIRD)] == [3_600, 3_000]
        with pytest.raises(CoaseError, match="only the provider"):
            await buyer.mint("forge", promise, BUYER.account, 1)
        await w.chain.backend.wait_until(promise.expires_at + 1)
        with pytest.raises(TransactionReverted) as late:
            await third.redeem("late", promise, 1, REQUEST)
        assert late.value.reason == f"Hours_Expired({promise.expires_at})"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Offer(CONTENT, MAKER.account, 0),
        lambda: Offer(b"short", MAKER.account, 1),
        lambda: Promise(MAKER.account, b"short", 1),
        lambda: Promise(MAKER.account, CONTENT, 2**64),
    ],
)
def test_what_cannot_be(make: Any) -> None:
    """Prices of nothing, hashes that are none, times without end."""
    with pytest.raises(CoaseError):
        make()
