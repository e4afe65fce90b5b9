"""Where channels stand on the chain: read for many at once, and no more believed than is final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coase.errors import ConfigurationError, TransactionRefused
from coase.identity import keccak
from coase.settlement import answers
from coase.settlement.batch import Request
from coase.settlement.channels.config import WINDOW, ChannelConfig, Place, channel_id
from coase.settlement.node import Node
from coase.settlement.policy import Finality

TRIES = 5  # while blocks go by under our eyes
_CHANNELS = keccak(b"channels(bytes32)")[:4]
_PENDING = keccak(b"pendingWithdrawals(bytes32)")[:4]


@dataclass(frozen=True)
class ChannelState:
    """A channel on the chain, at one block.

    Args:
        balance: base units deposited and not given back; of deposits, only those that are final.
        claimed: of those, what is or was the receiver's.
        withdrawing: base units that the payer has asked back; 0 when it has not.
        initiated_at: chain time of that, in seconds; 0 when it has not.
        contested: a claim has ended an earlier withdrawal; none ends this one.
        seen_at: chain time of the block, in seconds.
    """

    balance: int
    claimed: int
    withdrawing: int
    initiated_at: int
    contested: bool
    seen_at: int

    def pending(self, config: ChannelConfig) -> bool:
        """Whether a withdrawal was under way at that block: started, not ended, not past its window."""
        return self.initiated_at != 0 and self.seen_at <= self.initiated_at + config.withdraw_delay + WINDOW


async def read_states(
    node: Node, place: Place, configs: Sequence[ChannelConfig], finality: Finality
) -> list[ChannelState]:
    """Where channels stand, all at the newest block.

    What is bad news counts at once (money given back, a withdrawal), a deposit only when it is final: a payer whose
    deposit a reorganisation undoes would have been served for nothing.

    Raises:
        ConfigurationError: `no_contract`.
        SettlementError: as for `Node.ask_all`; `bad_answer`.
    """
    for _ in range(TRIES - 1):
        try:
            return await _read(node, place, configs, finality)
        except TransactionRefused:  # the block went by: some nodes know the state of the newest one only
            continue
    return await _read(node, place, configs, finality)


async def _read(node: Node, place: Place, configs: Sequence[ChannelConfig], finality: Finality) -> list[ChannelState]:
    head = await node.head()
    sure = await sure_block(node, head.number, finality)
    asked: list[Request] = []
    for config in configs:
        named = channel_id(config, place)
        asked += [_request(place, data + named, head.number) for data in (_CHANNELS, _PENDING)]
        if sure < head.number:
            asked.append(_request(place, _CHANNELS + named, sure))
    found = await node.ask_all(asked)
    each = 3 if sure < head.number else 2
    return [_state(found[at : at + each], head.time) for at in range(0, len(found), each)]


async def sure_block(node: Node, head: int, finality: Finality) -> int:
    """The newest block that is final; -1 for none."""
    deep = head - finality.blocks + 1
    if not finality.tag:
        return max(deep, -1)
    (tagged,) = await node.headers([finality.tag])
    return min(deep, tagged.number) if tagged is not None else -1


def _request(place: Place, data: bytes, block: int) -> Request:
    return "eth_call", [{"to": place.contract, "data": "0x" + data.hex()}, hex(max(block, 0))]


def _state(found: Sequence[Any], time: int) -> ChannelState:
    balance, claimed = _words(found[0], 2)
    withdrawing, initiated_at, contested = _words(found[1], 3)
    if len(found) == 3 and found[2] != "0x":
        balance = min(balance, _words(found[2], 2)[0])
    elif len(found) == 3:  # the contract itself is not final
        balance = 0
    return ChannelState(balance, claimed, withdrawing, initiated_at, bool(contested), time)


def _words(found: Any, count: int) -> list[int]:
    if isinstance(found, Exception):
        raise found
    if found == "0x":
        raise ConfigurationError(
            "there are no channels at this address",
            hint="is this the chain on which the contract was deployed?",
            code="no_contract",
        )
    if not isinstance(found, str) or len(found) != 2 + 64 * count:
        raise answers.nonsense(f"{count} numbers", found)
    return [answers.number("0x" + found[2 + 64 * at : 66 + 64 * at]) for at in range(count)]
