"""Channels told from events alone: coase/settlement/channels/history.py."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.config import ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.contract import ChannelsClient, Claim
from coase.settlement.channels.following import channel_index
from coase.settlement.channels.history import told
from coase.testing.chain import memory_chain

ALICE, BOB = (Identity.from_seed("channel history", name) for name in ("alice", "bob"))
DELAY, ACTIONS = 3_600, 60


async def test_events_tell_what_the_contract_says() -> None:
    """After each of many random actions on two channels, the same as reading the contract, whatever counts as final."""
    draw = random.Random(5)
    async with memory_chain([ALICE.account, BOB.account]) as chain:
        place, token = Place(chain.chain_id, chain.contracts.channels), chain.contracts.token
        alice, bob = (
            ChannelsClient(chain.w3, chain.outbox(who), place, PriceCap(token, 10_000)) for who in (ALICE, BOB)
        )
        one = ChannelConfig(ALICE.account, BOB.account, token, DELAY)
        configs, done = [one, replace(one, salt="0x" + "01" * 32)], set()
        index = channel_index(alice.outbox.node, chain.database(), place)
        held: dict[tuple[ChannelConfig, int], int] = {}  # the balance as of each block: every block is an action
        for number in range(ACTIONS):
            config, amount, intent = draw.choice(configs), draw.randrange(1, 60), f"{number}"
            total = (await alice.state(config)).claimed + amount
            signature = ALICE.sign(voucher_digest(channel_id(config, place), 10_000, place))
            actions: dict[str, tuple[Any, ...]] = {
                "deposit": (alice.deposit, config, amount),
                "claim": (bob.claim, [Claim(config, 10_000, signature, total)]),
                "refund": (bob.refund, config, amount),
                "ask": (alice.initiate_withdraw, config, amount),
                "stay": (alice.cancel_withdraw, config),
                "take": (bob.finalize_withdraw, config),
            }
            kind = draw.choice([*actions, "deposit", "ask"])
            try:
                if kind == "take" and (await alice.state(config)).initiated_at:
                    await chain.backend.wait(draw.choice([DELAY, DELAY, 30 * 3_600]))
                act, *values = actions[kind]
                await act(intent, *values)
                done.add(kind)
            except TransactionReverted:
                continue
            tip = (await index.sync()).tip
            for each, state in zip(configs, await alice.states(configs), strict=True):
                held[each, tip] = state.balance
                events = index.about(channel_id(each, place))
                for sure in (tip, tip - 3):
                    counted = min(state.balance, held.get((each, sure), 0))
                    expected = replace(state, balance=counted)
                    assert told(events, each, sure=sure, seen_at=state.seen_at) == expected, (number, kind, sure)
        assert done == set(actions)


async def test_a_channel_of_which_nothing_was_said() -> None:
    """It is empty."""
    config = ChannelConfig(ALICE.account, BOB.account, "0x" + "70" * 20, DELAY)
    state = told([], config, sure=5, seen_at=9)
    assert (state.balance, state.claimed, state.pending(config), state.seen_at) == (0, 0, False, 9)


@pytest.mark.parametrize("blocks", [1, 4])
async def test_a_deposit_counts_when_it_is_final(blocks: int) -> None:
    """And what is given back at once."""
    async with memory_chain([ALICE.account, BOB.account]) as chain:
        place, token = Place(chain.chain_id, chain.contracts.channels), chain.contracts.token
        alice, bob = (ChannelsClient(chain.w3, chain.outbox(w), place, PriceCap(token, 100)) for w in (ALICE, BOB))
        config = ChannelConfig(ALICE.account, BOB.account, token, DELAY)
        index = channel_index(alice.outbox.node, chain.database(), place)
        await alice.deposit("one", config, 50)
        await alice.deposit("two", config, 30)
        tip = (await index.sync()).tip
        counted = told(index.about(channel_id(config, place)), config, sure=tip - blocks + 1, seen_at=0).balance
        assert counted == (80 if blocks == 1 else 0)
        await bob.refund("back", config, 60)
        tip = (await index.sync()).tip
        counted = told(index.about(channel_id(config, place)), config, sure=tip - 1, seen_at=0).balance
        assert counted == 20
