"""Channels on a real EVM: deposits, claims of many, withdrawals, and what a contract refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from coase.errors import SettlementError, TransactionReverted
from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.collector import ClaimPolicy, Collector
from coase.settlement.channels.config import ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.contract import ChannelsClient, Claim
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.testing.chain import DeployedChain, memory_chain
from coase.testing.clock import ManualClock

ALICE, BOB, CAROL = (Identity.from_seed("channels on chain", name) for name in ("alice", "bob", "carol"))
DOLLAR = 1_000_000


@dataclass
class Scene:
    """Alice pays Bob."""

    chain: DeployedChain
    place: Place
    clock: ManualClock
    till: Till

    def client(self, who: Identity) -> ChannelsClient:
        """The channels as this party sees them."""
        cap = PriceCap(self.chain.contracts.token, 100 * DOLLAR)
        return ChannelsClient(self.chain.w3, self.chain.outbox(who), self.place, cap)

    def config(self, number: int = 0, payer: Identity = ALICE) -> ChannelConfig:
        """A channel to Bob."""
        token, salt = self.chain.contracts.token, f"0x{number:064x}"
        return ChannelConfig(payer.account, BOB.account, token, 3600, salt=salt)

    def payer(self, who: Identity = ALICE) -> Payer:
        """Someone who pays."""
        return Payer(who, self.place, self.chain.database(), most_a_call=DOLLAR)

    async def pay_in(self, client: ChannelsClient, config: ChannelConfig, amount: int) -> None:
        """A deposit that the receiver sees."""
        await client.deposit(f"deposit/{config.salt}", config, amount)
        await self.till.look(client, config)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """A chain with contracts, and a receiver's till."""
    async with memory_chain([ALICE.account, BOB.account, CAROL.account]) as chain:
        place, clock = Place(chain.chain_id, chain.contracts.channels), ManualClock()
        db = sqlite3.connect(":memory:", isolation_level=None)
        yield Scene(chain, place, clock, Till(place, Terms(BOB.account, chain.contracts.token), db, clock))
        db.close()


async def balance(s: Scene, who: Identity) -> int:
    """Test dollars of an account."""
    return await s.chain.client(who).balance(who.account)


async def test_a_thousand_calls_are_three_transactions() -> None:
    """A deposit, a claim and a payout; to the base unit."""
    async with scene() as s:
        before = {who.account: await balance(s, who) for who in (ALICE, BOB)}
        first = await s.chain.w3.eth.block_number
        alice, bob, payer, config = s.client(ALICE), s.client(BOB), s.payer(), s.config()
        await s.pay_in(alice, config, 10 * DOLLAR)
        payer.funded(config, (await alice.state(config)).balance)
        for i in range(1_000):
            s.till.charge(payer.pay(config, f"call-{i}", 1_234).to_json(), 1_234)
        collector = Collector(s.till, bob)
        assert len(await collector.collect()) == 1
        assert await collector.settle("payout/1") is not None
        assert await s.chain.w3.eth.block_number - first == 3
        assert await balance(s, BOB) - before[BOB.account] == 1_234_000
        assert before[ALICE.account] - await balance(s, ALICE) == 10 * DOLLAR
        assert await collector.settle("payout/2") is None
        assert await collector.collect(everything=True) == []
        assert s.till.accounts()[0].unclaimed == 0


async def test_the_contract_makes_the_same_id_and_digest() -> None:
    """Ours are those that the deployed code computes."""
    async with scene() as s:
        client, config = s.client(ALICE), s.config(7)
        calls = client._contract.functions
        named = channel_id(config, s.place)
        assert bytes(await calls.getChannelId(config.row()).call()) == named
        assert bytes(await calls.getVoucherDigest(named, 5).call()) == voucher_digest(named, 5, s.place)


async def test_many_channels_in_one_claim() -> None:
    """From two payers; below its worth and young, a channel waits."""
    async with scene() as s:
        clients, payers = {ALICE: s.client(ALICE), CAROL: s.client(CAROL)}, {ALICE: s.payer(), CAROL: s.payer(CAROL)}
        for number, who in enumerate((ALICE, CAROL, ALICE)):
            config = s.config(number, who)
            await s.pay_in(clients[who], config, DOLLAR)
            payers[who].funded(config, DOLLAR)
            s.till.charge(payers[who].pay(config, "a", 100 * (number + 1)), 100 * (number + 1))
        collector = Collector(s.till, s.client(BOB), ClaimPolicy(worth=200, after=1_000))
        (receipt,) = await collector.collect()
        assert receipt.status == 1
        assert sorted(one.unclaimed for one in s.till.accounts()) == [0, 0, 100]
        s.clock.advance(1_000)
        assert len(await collector.collect()) == 1
        assert [one.unclaimed for one in s.till.accounts()] == [0, 0, 0]


async def test_a_withdrawal_is_claimed_ahead_of() -> None:
    """Once seen, what was charged is claimed at once, nobody is served, and the rest goes back after the delay."""
    async with scene() as s:
        alice, payer, config = s.client(ALICE), s.payer(), s.config()
        await s.pay_in(alice, config, DOLLAR)
        payer.funded(config, DOLLAR)
        s.till.charge(payer.pay(config, "a", 400), 400)
        await alice.initiate_withdraw("take", config, DOLLAR)
        await s.till.look_at_all(alice)
        with pytest.raises(Exception, match="taking its money back"):
            s.till.charge(payer.pay(config, "b", 1), 1)
        await Collector(s.till, s.client(BOB), ClaimPolicy(worth=10**9)).collect()
        state = await alice.state(config)
        assert (state.claimed, state.initiated_at, state.contested) == (400, 0, True)  # the claim ended it, once
        await alice.initiate_withdraw("take again", config, DOLLAR - 400)
        with pytest.raises(TransactionReverted) as early:
            await alice.finalize_withdraw("finish", config)
        assert early.value.reason.startswith("Channels_TooEarly")
        await alice.cancel_withdraw("stay", config)
        assert not (await alice.state(config)).pending(config)
        await s.client(BOB).refund("give", config, 600)
        assert (await alice.state(config)).balance == DOLLAR - 600


async def test_one_bad_channel_does_not_hold_up_the_rest() -> None:
    """A claim that the contract refuses is noted with its reason; the others of its batch are paid."""
    async with scene() as s:
        alice, payer = s.client(ALICE), s.payer()
        for number in range(3):
            await s.pay_in(alice, s.config(number), DOLLAR)
            payer.funded(s.config(number), DOLLAR)
            s.till.charge(payer.pay(s.config(number), "a", 500), 500)
        bad = s.till.account(channel_id(s.config(1), s.place))
        broken = replace(bad, signature=bytes(64) + b"\x1b")
        s.till.table.put(broken)
        s.till.remember([broken])
        receipts = await Collector(s.till, s.client(BOB)).collect(everything=True)
        assert len(receipts) in (1, 2)  # in halves, wherever the bad one comes
        left = {one.channel: (one.unclaimed, one.trouble) for one in s.till.accounts()}
        assert left.pop(bad.channel) == (500, f"Channels_NotSignedBy({ALICE.account})")
        assert set(left.values()) == {(0, "")}


async def test_deposits_are_exact_and_capped() -> None:
    """No allowance is left behind, and the cap is asked before anything is signed."""
    async with scene() as s:
        alice, config = s.client(ALICE), s.config()
        await alice.deposit("d1", config, 5)
        await alice.deposit("d2", config, 7)
        assert (await alice.state(config)).balance == 12
        assert await alice.deposit("d1", config, 5) == await alice.deposit("d1", config, 5)
        with pytest.raises(SettlementError) as refused:
            await alice.deposit("d3", config, 101 * DOLLAR)
        assert refused.value.code == "price_cap"
        for claim in (Claim(config, 10, ALICE.sign(bytes(32)), 10), Claim(config, 10, b"", 10)):
            with pytest.raises(TransactionReverted):
                await s.client(BOB).claim("c", [claim])
