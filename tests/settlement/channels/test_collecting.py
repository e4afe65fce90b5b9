"""What a receiver takes of channels when things have gone wrong: late, beside another till, on what is not final."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from coase.errors import (
    ConfigurationError,
    PaymentRefused,
    SettlementError,
    SignatureError,
    TransactionReverted,
)
from coase.identity import Identity, checksum
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.authorization import authorize_deposit
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.testing.chain import DeployedChain, memory_chain
from coase.testing.clock import ManualClock

ALICE, BOB = (Identity.from_seed("collecting", name) for name in ("alice", "bob"))
DEPOSIT, DELAY = 1_000, 3_600


@dataclass
class Scene:
    """Alice pays Bob, who keeps a till."""

    chain: DeployedChain
    place: Place
    alice: ChannelsClient
    bob: ChannelsClient
    payer: Payer

    def till(self) -> Till:
        """A till with books of its own."""
        terms = Terms(BOB.account, self.chain.contracts.token)
        return Till(self.place, terms, self.chain.database(), ManualClock())

    async def channel(self, number: int) -> ChannelConfig:
        """A funded channel that the payer knows."""
        config = ChannelConfig(ALICE.account, BOB.account, self.chain.contracts.token, DELAY, salt=f"0x{number:064x}")
        await self.alice.deposit(f"deposit/{number}", config, DEPOSIT)
        self.payer.funded(config, DEPOSIT)
        return config


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """A chain with contracts and two parties."""
    async with memory_chain([ALICE.account, BOB.account]) as chain:
        place = Place(chain.chain_id, chain.contracts.channels)
        cap = PriceCap(chain.contracts.token, DEPOSIT)
        alice, bob = (ChannelsClient(chain.w3, chain.outbox(who), place, cap) for who in (ALICE, BOB))
        yield Scene(chain, place, alice, bob, Payer(ALICE, place, chain.database(), most_a_call=DEPOSIT))


async def test_who_slept_through_a_withdrawal_claims_what_is_left() -> None:
    """Less is there than was charged: the rest is taken, and one sleeper does not hold up the others."""
    async with scene() as s:
        till, configs = s.till(), [await s.channel(0), await s.channel(1)]
        for config in configs:
            await till.look(s.bob, config)
            till.charge(s.payer.pay(config, "a", 700), 700)
        await s.alice.initiate_withdraw("take", configs[0], 600)
        await s.chain.backend.wait(DELAY)
        await s.alice.finalize_withdraw("taken", configs[0])
        await till.look_at_all(s.bob)
        (receipt,) = await Collector(till, s.bob).collect(everything=True)
        assert receipt.status == 1
        assert sorted((one.state.claimed, one.unclaimed, one.trouble) for one in till.accounts()) == [
            (400, 300, ""),
            (700, 0, ""),
        ]
        assert await Collector(till, s.bob).collect(everything=True) == []


async def test_two_tills_may_share_a_key() -> None:
    """Each counts its own batches; what one has sent is not taken for the other's."""
    async with scene() as s:
        for number in range(2):
            till, config = s.till(), await s.channel(number)
            await till.look(s.bob, config)
            till.charge(s.payer.pay(config, "a", 300), 300)
            assert len(await Collector(till, s.bob).collect(everything=True)) == 1
            assert till.accounts()[0].unclaimed == 0
        assert await s.bob.owed(BOB.account, s.chain.contracts.token) == 600


async def test_a_deposit_that_somebody_else_sends() -> None:
    """The payer signs and needs no ether; it is good for one channel, one amount, once, and for a while."""
    async with scene() as s:
        token = s.chain.contracts.token
        config = ChannelConfig(ALICE.account, BOB.account, token, DELAY)
        until, cap = await s.chain.backend.now() + 600, PriceCap(token, DEPOSIT)
        signed = authorize_deposit(ALICE, s.place, config, DEPOSIT, cap, valid_before=until)
        await s.bob.deposit_for("for Alice", signed)
        assert (await s.bob.state(config)).balance == DEPOSIT
        assert await s.chain.w3.eth.get_transaction_count(checksum(ALICE.account)) == 0  # type: ignore[arg-type]
        with pytest.raises(TransactionReverted):
            await s.bob.deposit_for("again", signed)
        for forged in (
            replace(signed, amount=DEPOSIT + 1),
            replace(signed, salt=1),
            replace(signed, config=replace(config, salt="0x" + "01" * 32)),
        ):
            with pytest.raises(SignatureError):
                await s.bob.deposit_for("forged", forged)
        with pytest.raises(PaymentRefused):
            await s.bob.deposit_for("a contract's", replace(signed, signature=b"1"))
        with pytest.raises(SettlementError, match="more than"):
            authorize_deposit(ALICE, s.place, config, DEPOSIT + 1, cap, valid_before=until)
        with pytest.raises(PaymentRefused):
            authorize_deposit(BOB, s.place, config, 1, cap, valid_before=until)
        late = authorize_deposit(ALICE, s.place, config, 1, cap, valid_before=until, salt=2)
        await s.chain.backend.wait_until(until)
        with pytest.raises(TransactionReverted):
            await s.bob.deposit_for("late", late)


async def test_no_contract_is_no_empty_channel() -> None:
    """An address without the contract is a mistake, and not a channel with nothing in it."""
    async with scene() as s:
        elsewhere = ChannelsClient(s.chain.w3, s.alice.outbox, Place(s.chain.chain_id, BOB.account), s.alice.cap)
        with pytest.raises(ConfigurationError) as caught:
            await elsewhere.state(await s.channel(0))
        assert caught.value.code == "no_contract"
