"""The channels against a plain Python model: random actions by random parties, in any order, at any time.

About 150 actions in `make test`, 10,000 where COASE_PROVE is set (`make prove`).
"""

from __future__ import annotations

import asyncio
import copy
import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.money import DOLLAR
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.config import WINDOW, ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.contract import ChannelsClient, Claim
from coase.testing.chain import DeployedChain, memory_chain

START: int = 1_000 * DOLLAR
PEOPLE = [Identity.from_seed("channel model", name) for name in ("alice", "carol", "bob")]
RECEIVER, DELAY = 2, 3_600  # the channels are Alice's and Carol's, by their numbers
WAITS = (1, DELAY // 2, DELAY, WINDOW, WINDOW + DELAY)
ACTIONS = ("deposit", "claim", "claim_both", "settle", "refund", "initiate", "cancel", "finalize", "wait")
EXAMPLES = 330 if os.environ.get("COASE_PROVE") else 5
# What fails is shown as it is: each example takes a chain of its own, and shrinking takes minutes.
QUICKLY = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)

# Who acts is mostly who may; the voucher is mostly good: 0 and 1, too low: 2, forged: 3.
steps = st.tuples(
    st.sampled_from(ACTIONS),
    st.integers(0, 1),
    st.sampled_from([None, None, None, 0, 1, 2]),
    st.integers(0, 60),
    st.integers(0, 3),
)
Step = tuple[str, int, int | None, int, int]


@dataclass
class Channel:
    """One channel as it should be."""

    balance: int = 0
    claimed: int = 0
    withdrawing: int = 0
    initiated_at: int = 0
    contested: bool = False

    def pending(self, now: int) -> bool:
        """Started, not ended, not past its window."""
        return self.initiated_at != 0 and now <= self.initiated_at + DELAY + WINDOW

    def seen(self) -> tuple[int, int, int, int, bool]:
        """What the contract shows."""
        return (
            self.balance,
            self.claimed,
            self.withdrawing if self.initiated_at else 0,
            self.initiated_at,
            self.contested,
        )


@dataclass
class Model:
    """What the contract should do, in a few lines: it returns the name of the error, or nothing and moves the money."""

    channels: list[Channel] = field(default_factory=lambda: [Channel(), Channel()])
    money: list[int] = field(default_factory=lambda: [START] * 3)
    owed: int = 0

    def act(self, action: str, number: int, who: int, amount: int, voucher: int, now: int) -> str:
        """One action."""
        channel = self.channels[number]
        if action == "claim":
            return self._claims([number], who, amount, voucher, now)
        if action == "claim_both":
            return self._claims([0, 1], who, amount, voucher, now)
        if action == "settle":
            paid, self.owed = self.owed, 0
            self.money[RECEIVER] += paid
            return "" if paid else "Channels_ZeroAmount"
        if action == "finalize":
            return self._finalize(channel, number, now)
        if who != (RECEIVER if action == "refund" else number):
            return "Channels_WrongParty"
        if action == "cancel":
            was, channel.initiated_at = channel.pending(now), 0 if channel.pending(now) else channel.initiated_at
            return "" if was else "Channels_NoWithdrawal"
        if not amount:
            return "Channels_ZeroAmount"
        if action == "deposit":
            self.money[number] -= amount
            channel.balance, channel.initiated_at, channel.contested = channel.balance + amount, 0, False
            return ""
        if amount > channel.balance - channel.claimed:
            return "Channels_Overdrawn"
        if action == "initiate":
            channel.withdrawing, channel.initiated_at = amount, now
        else:
            channel.balance -= amount
            self.money[number] += amount
        return ""

    def _finalize(self, channel: Channel, number: int, now: int) -> str:
        if not channel.pending(now):
            return "Channels_NoWithdrawal"
        if now < channel.initiated_at + DELAY:
            return "Channels_TooEarly"
        given = min(channel.withdrawing, channel.balance - channel.claimed)
        channel.balance, channel.initiated_at, channel.contested = channel.balance - given, 0, False
        self.money[number] += given
        return ""

    def _claims(self, numbers: list[int], who: int, total: int, voucher: int, now: int) -> str:
        before = copy.deepcopy((self.channels, self.owed))
        for number in numbers:
            refusal = self._claim(self.channels[number], who, total, voucher, now)
            if refusal:
                self.channels, self.owed = before
                return refusal
        return ""

    def _claim(self, channel: Channel, who: int, total: int, voucher: int, now: int) -> str:
        if who != RECEIVER:
            return "Channels_WrongParty"
        if total <= channel.claimed:
            return ""
        if voucher == 2:
            return "Channels_AboveVoucher"
        if total > channel.balance:
            return "Channels_Overdrawn"
        if voucher == 3:
            return "Channels_NotSignedBy"
        if channel.pending(now) and not channel.contested:
            channel.initiated_at, channel.contested = 0, True
        self.owed, channel.claimed = self.owed + total - channel.claimed, total
        return ""


@dataclass
class Scene:
    """The chain, the parties' clients and the channels."""

    chain: DeployedChain
    clients: list[ChannelsClient]
    configs: list[ChannelConfig]

    async def perform(self, action: str, number: int, who: int, amount: int, voucher: int, intent: str) -> str:
        """What the chain says: the name of the error, or nothing."""
        client, config = self.clients[who], self.configs[number]
        try:
            if action in ("claim", "claim_both"):
                numbers = [number] if action == "claim" else [0, 1]
                await client.claim(intent, [self._claim(one, amount, voucher) for one in numbers])
            elif action == "settle":
                await client.settle(intent, PEOPLE[RECEIVER].account, config.token)
            elif action == "cancel":
                await client.cancel_withdraw(intent, config)
            elif action == "finalize":
                await client.finalize_withdraw(intent, config)
            elif action == "initiate":
                await client.initiate_withdraw(intent, config, amount)
            else:
                await getattr(client, action)(intent, config, amount)
        except TransactionReverted as error:
            return error.reason.partition("(")[0]
        return ""

    def _claim(self, number: int, total: int, voucher: int) -> Claim:
        place, amount = self.clients[0].place, max(0, total - 1) if voucher == 2 else total + voucher % 2
        signer = PEOPLE[RECEIVER if voucher == 3 else number]
        config = self.configs[number]
        return Claim(config, amount, signer.sign(voucher_digest(channel_id(config, place), amount, place)), total)


async def compare(scene: Scene, sequence: list[Step]) -> None:
    """Do the same on the chain and in the model, and compare after each step."""
    model, token = Model(), scene.chain.contracts.token
    for step, (action, number, chosen, amount, voucher) in enumerate(sequence):
        if action == "wait":
            await scene.chain.backend.wait(WAITS[amount % len(WAITS)])
            continue
        usual = RECEIVER if action in ("claim", "claim_both", "settle", "refund") else number
        who, now = usual if chosen is None else chosen, await scene.chain.backend.now()
        said = await scene.perform(action, number, who, amount, voucher, f"step {step}")
        assert said == model.act(action, number, who, amount, voucher, now), (step, action, who, amount, voucher)
        if said:
            continue
        states = await scene.clients[0].states(scene.configs)
        assert [(s.balance, s.claimed, s.withdrawing, s.initiated_at, s.contested) for s in states] == [
            channel.seen() for channel in model.channels
        ]
        money = [await scene.chain.client(person).balance(person.account) for person in PEOPLE]
        assert money == model.money
        assert await scene.clients[0].owed(PEOPLE[RECEIVER].account, token) == model.owed
        held = await scene.chain.client(PEOPLE[0]).balance(scene.chain.contracts.channels)
        assert held == sum(one.balance - one.claimed for one in model.channels) + model.owed
        assert sum(money) + held == 3 * START


async def run(sequence: list[Step]) -> None:
    """Compare on a new chain."""
    async with memory_chain([person.account for person in PEOPLE]) as chain:
        place, token = Place(chain.chain_id, chain.contracts.channels), chain.contracts.token
        clients = [ChannelsClient(chain.w3, chain.outbox(person), place, PriceCap(token, DOLLAR)) for person in PEOPLE]
        configs = [ChannelConfig(payer.account, PEOPLE[RECEIVER].account, token, DELAY) for payer in PEOPLE[:RECEIVER]]
        await compare(Scene(chain, clients, configs), sequence)


FUNDED: list[Step] = [("deposit", 0, None, 60, 0), ("deposit", 1, None, 40, 0), ("claim_both", 0, None, 5, 0)]


@given(st.lists(steps, min_size=20, max_size=40))
@settings(QUICKLY, max_examples=EXAMPLES)
def test_any_order_of_any_actions_does_what_the_model_says(sequence: list[Step]) -> None:
    """Each action succeeds or fails by the same name as in the model, and no unit is ever lost or made."""
    asyncio.run(run([*FUNDED, *sequence]))
