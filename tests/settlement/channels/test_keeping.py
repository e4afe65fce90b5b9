"""A seller that collects by itself before a withdrawal matures: coase/settlement/channels/keeping.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.collector import ClaimPolicy, Collector
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.following import Follower, channel_index
from coase.settlement.channels.keeping import Keeper
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.settlement.provider import connect
from coase.settlement.records import Call
from coase.testing.chain import DeployedChain, Fault, FlakyProvider, memory_chain
from coase.testing.clock import ManualClock

ALICE, BOB, CAROL = (Identity.from_seed("keeping", name) for name in ("alice", "bob", "carol"))
DEPOSIT, DELAY, CHARGED = 1_000, 3_600, 700
RARELY = ClaimPolicy(worth=10**9, after=10**9)  # only a withdrawal makes it claim


@dataclass
class Scene:
    """Alice pays Bob, who leaves a keeper running; the clock of both is the chain's."""

    chain: DeployedChain
    clock: ManualClock
    alice: ChannelsClient
    payer: Payer
    till: Till
    keeper: Keeper
    config: ChannelConfig

    async def pass_time(self, seconds: int) -> None:
        """Time goes by, and a block comes."""
        self.clock.advance(seconds)
        await self.chain.backend.wait_until(self.clock())
        await self.chain.outbox(CAROL).send("tick", Call(CAROL.account, gas=21_000))

    async def serve(self) -> None:
        """Calls that are charged, in several vouchers."""
        for number in range(7):
            self.till.charge(self.payer.pay(self.config, f"{number}", CHARGED // 7), CHARGED // 7)

    async def paid(self, who: Identity) -> int:
        """Dollars beyond those in the beginning."""
        found = await self.chain.client(who).balance(who.account)
        return found - 1_000 * 10**6


@asynccontextmanager
async def scene(provider: FlakyProvider | None = None) -> AsyncIterator[Scene]:
    """A funded channel, and a keeper that has started. A provider stands between the keeper and the chain."""
    async with memory_chain([ALICE.account, BOB.account, CAROL.account]) as chain:
        place, token = Place(chain.chain_id, chain.contracts.channels), chain.contracts.token
        clock = ManualClock(await chain.backend.now())
        cap = PriceCap(token, DEPOSIT)
        w3 = chain.w3
        if provider is not None:
            provider.inner = chain.w3.provider
            w3 = connect(provider)
        alice = ChannelsClient(chain.w3, chain.outbox(ALICE), place, cap)
        bob = ChannelsClient(w3, chain.outbox(BOB, w3=w3), place, cap)
        payer = Payer(ALICE, place, chain.database(), most_a_call=DEPOSIT)
        config = ChannelConfig(ALICE.account, BOB.account, token, DELAY)
        await alice.deposit("deposit", config, DEPOSIT)
        payer.funded(config, DEPOSIT)
        book = chain.database()
        till = Till(place, Terms(BOB.account, token), book, clock)
        await till.look(bob, config)
        keeper = Keeper(Follower(till, channel_index(bob.outbox.node, book, place)), Collector(till, bob, RARELY))
        assert await keeper.start() == []
        yield Scene(chain, clock, alice, payer, till, keeper, config)


@pytest.mark.parametrize("offset", [0, 1, 449, 899])
async def test_a_withdrawal_is_claimed_ahead_of(offset: int) -> None:
    """Whenever in the keeper's round it begins, the charges are claimed before it matures, and only the rest goes."""
    async with scene() as s:
        await s.serve()
        turns = s.keeper.run(lambda: s.pass_time(s.till.terms.looks_every))
        assert (await anext(turns)).claims == ()
        await s.pass_time(offset)
        await s.alice.initiate_withdraw("ask", s.config, DEPOSIT)
        ready = (await s.alice.state(s.config)).initiated_at + DELAY
        turn = await anext(turns)
        assert turn.trouble is None
        assert [receipt.status for receipt in turn.claims] == [1]
        assert await s.chain.backend.now() <= ready - s.till.terms.looks_every
        state = await s.alice.state(s.config)
        assert (state.claimed, state.initiated_at) == (CHARGED, 0)  # all, by the last voucher; the withdrawal is over
        await s.alice.initiate_withdraw("ask again", s.config, DEPOSIT - CHARGED)  # this one no claim ends
        for _ in range(5):
            assert (await anext(turns)).claims == ()
        await s.alice.finalize_withdraw("take", s.config)
        await s.keeper.collector.settle("payout")
        assert [await s.paid(who) for who in (ALICE, BOB)] == [-CHARGED, CHARGED]


async def test_charges_that_come_while_a_second_withdrawal_waits_are_refused() -> None:
    """A claim ends one withdrawal only: afterwards nobody is served until it is over, so nothing is left to lose."""
    async with scene() as s:
        await s.serve()
        await s.alice.initiate_withdraw("ask", s.config, DEPOSIT)
        await s.keeper.tend()
        await s.alice.initiate_withdraw("ask again", s.config, DEPOSIT - CHARGED)
        await s.keeper.tend()
        with pytest.raises(Exception, match="taking its money back"):
            s.till.charge(s.payer.pay(s.config, "more", 100), 100)


class Down(FlakyProvider):
    """A node that is down from time to time."""

    down = False

    async def make_request(self, method: Any, params: Any) -> Any:
        if self.down:
            raise TimeoutError("down")
        return await super().make_request(method, params)


async def test_a_turn_that_fails_is_made_good_by_the_next() -> None:
    """The node is down for a turn; the claim comes with the next one, still in time."""
    node = Down(None, [])  # type: ignore[arg-type]  # the scene puts it before its chain
    async with scene(node) as s:
        await s.serve()
        await s.alice.initiate_withdraw("ask", s.config, DEPOSIT)
        node.down = True
        turn = await s.keeper.tend()
        assert (turn.changes, turn.claims) == (None, ())
        assert turn.trouble is not None
        assert turn.trouble.code == "chain_unavailable"
        node.down = False
        await s.pass_time(s.till.terms.looks_every)
        assert len((await s.keeper.tend()).claims) == 1
        assert (await s.alice.state(s.config)).claimed == CHARGED


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_REPLY, Fault.DROPPED])
async def test_a_claim_that_is_lost_on_its_way_is_sent_again(fault: Fault) -> None:
    """Once on the chain, whatever the node does with it."""
    node = FlakyProvider(None, [fault] * 2)  # type: ignore[arg-type]  # the scene puts it before its chain
    async with scene(node) as s:
        await s.serve()
        await s.alice.initiate_withdraw("ask", s.config, DEPOSIT)
        turns = [await s.keeper.tend() for _ in range(3)]
        assert sum(len(turn.claims) for turn in turns) == 1
        assert (await s.alice.state(s.config)).claimed == CHARGED


async def test_dead_at_any_point_the_claim_still_comes(crashes: Any) -> None:
    """Killed anywhere between hearing of the withdrawal and its claim, the next life has it claimed once."""
    at, died = 0, True
    while died:
        at += 1
        async with scene() as s:
            await s.serve()
            await s.alice.initiate_withdraw("ask", s.config, DEPOSIT)
            with crashes.die_at(at):
                await s.keeper.tend()
            died = len(crashes.names) == at
            book, bob = s.till.table._db, s.keeper.collector.client
            box = s.chain.outbox(BOB, bob.outbox.table.db)
            client = ChannelsClient(s.chain.w3, box, s.till.place, bob.cap)
            till = Till(s.till.place, s.till.terms, book, s.clock)
            follower = Follower(till, channel_index(box.node, book, till.place))
            await Keeper(follower, Collector(till, client, RARELY)).start()
            assert await client.owed(BOB.account, s.config.token) == CHARGED
            assert till.accounts()[0].unclaimed == 0
            count = await s.chain.w3.eth.get_transaction_count(BOB.account)  # type: ignore[arg-type]
            assert count == 1, crashes.names[-1]
    assert at > 8
