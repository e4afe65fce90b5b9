"""Where a channel stands, told from the contract's events alone: a pure function of what the index holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from coase.settlement.channels.config import ChannelConfig
from coase.settlement.channels.states import ChannelState
from coase.settlement.events import ChainEvent


@dataclass(frozen=True)
class _Slots:
    """What the contract keeps of a channel; `ChannelState` explains the fields."""

    balance: int = 0
    claimed: int = 0
    withdrawing: int = 0
    initiated_at: int = 0
    contested: bool = False

    def after(self, event: ChainEvent, before: ChainEvent | None, delay: int) -> _Slots:
        """The same once this has happened; `before` is the channel's event before it."""
        values = event.values
        match event.name:
            case "Deposited":
                return replace(self, balance=int(values["balance"]), initiated_at=0, contested=False)
            case "Claimed":
                ended = before is not None and before.name == "WithdrawCancelled" and _together(before, event)
                return replace(self, claimed=int(values["totalClaimed"]), contested=self.contested or ended)
            case "Refunded":
                return replace(self, balance=self.balance - int(values["amount"]))
            case "WithdrawInitiated":
                started = int(values["readyAt"]) - delay
                return replace(self, withdrawing=int(values["amount"]), initiated_at=started)
            case "WithdrawCancelled":
                return replace(self, initiated_at=0)
            case "Withdrawn":
                return replace(self, balance=self.balance - int(values["amount"]), initiated_at=0, contested=False)
        return self


def told(events: Sequence[ChainEvent], config: ChannelConfig, *, sure: int, seen_at: int) -> ChannelState:
    """The state of a channel, as `ChannelsClient.state` would read it from the contract.

    Args:
        events: of the channel, all since the contract was made, in the order of the chain.
        config: the channel's.
        sure: the newest block that is final: deposits after it do not count yet, bad news does.
        seen_at: chain time of the block that was read last, in seconds.
    """
    now = _run(events, config)
    final = _run((event for event in events if event.found.block <= sure), config)
    withdrawing = now.withdrawing if now.initiated_at else 0
    balance = min(now.balance, final.balance)
    return ChannelState(balance, now.claimed, withdrawing, now.initiated_at, now.contested, seen_at)


def _run(events: Iterable[ChainEvent], config: ChannelConfig) -> _Slots:
    slots, before = _Slots(), None
    for event in events:
        slots, before = slots.after(event, before, config.withdraw_delay), event
    return slots


def _together(one: ChainEvent, next_one: ChainEvent) -> bool:
    """Whether a claim ended the withdrawal itself: the contract says both in one breath."""
    places = [(event.found.block_hash, event.found.transaction) for event in (one, next_one)]
    return places[0] == places[1] and one.found.index + 1 == next_one.found.index
