"""What is read of channels, from a node that is told what to answer: coase/settlement/channels/states.py."""

from __future__ import annotations

from typing import Any

import pytest
from web3.providers.async_base import AsyncJSONBaseProvider

from coase.errors import CoaseError
from coase.identity import Identity, keccak
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.states import ChannelState, read_states
from coase.settlement.node import Node
from coase.settlement.policy import FINALIZED, MINED, confirmed
from coase.settlement.provider import connect
from coase.settlement.records import Patience

ALICE, BOB = (Identity.from_seed("states", name) for name in ("alice", "bob"))
PLACE = Place(1, "0x" + "c1" * 20)
CONFIG = ChannelConfig(ALICE.account, BOB.account, "0x" + "70" * 20, 3600)
HEAD, TIME = 10, 1_700_000_000
_CHANNELS = "0x" + keccak(b"channels(bytes32)")[:4].hex()


class Told(AsyncJSONBaseProvider):
    """A node at block `HEAD`.

    Args:
        balances: block -> what a channel holds from that block on.
        tagged: the number of the finalized block; None: it knows none.
        gone: how many calls it refuses first, because their block has gone by.
    """

    def __init__(self, balances: dict[int, int], tagged: int | None = None, gone: int = 0) -> None:
        super().__init__()
        self.balances, self.tagged, self.gone = balances, tagged, gone
        self.answer: str | None = None
        self.seen: list[str] = []

    async def make_request(self, method: Any, params: Any) -> Any:
        """Answer one request."""
        self.seen.append(method)
        if method == "eth_getBlockByNumber":
            number = self.tagged if params[0] == "finalized" else HEAD
            return {"result": None if number is None else self._header(number)}
        if self.gone:
            self.gone -= 1
            return {"error": {"code": -32000, "message": "missing trie node"}}
        call, block = params[0], int(params[1], 16)
        if self.answer is not None:
            return {"result": self.answer}
        since = [number for number in self.balances if number <= block]
        if not since:
            return {"result": "0x"}
        words = [self.balances[max(since)], 5] if call["data"].startswith(_CHANNELS) else [7, TIME, 1]
        return {"result": "0x" + "".join(f"{word:064x}" for word in words)}

    def _header(self, number: int) -> dict[str, Any]:
        word = "0x" + f"{number:064x}"
        return {"number": hex(number), "hash": word, "parentHash": word, "timestamp": hex(TIME + number)}


async def state(told: Told, finality: Any = MINED) -> ChannelState:
    """What is read of one channel."""
    node = Node(connect(told), Patience(attempts=1, pause=0))
    (found,) = await read_states(node, PLACE, [CONFIG], finality)
    return found


async def test_all_of_it_at_one_block() -> None:
    """Money and withdrawal."""
    assert await state(Told({1: 100})) == ChannelState(100, 5, 7, TIME, True, TIME + HEAD)


@pytest.mark.parametrize(
    ("balances", "tagged", "finality", "balance"),
    [
        ({1: 50, 9: 100}, None, MINED, 100),
        ({1: 50, 9: 100}, None, confirmed(2), 100),
        ({1: 50, 9: 100}, None, confirmed(3), 50),  # a deposit counts when it is deep enough
        ({1: 100, 9: 50}, None, confirmed(3), 50),  # what was given back is gone at once
        ({9: 100}, None, confirmed(3), 0),  # the contract is as young as that
        ({0: 100}, None, confirmed(50), 100),  # a young chain: its first block
        ({1: 50, 9: 100}, 9, FINALIZED, 100),
        ({1: 50, 9: 100}, 8, FINALIZED, 50),
        ({1: 50, 9: 100}, None, FINALIZED, 0),  # nothing is final there yet
    ],
)
async def test_a_deposit_counts_when_it_is_final(
    balances: dict[int, int], tagged: int | None, finality: Any, balance: int
) -> None:
    """And bad news at once."""
    assert (await state(Told(balances, tagged), finality)).balance == balance


async def test_many_are_read_together() -> None:
    """One look at the head for all."""
    told = Told({1: 100})
    node = Node(connect(told), Patience(attempts=1, pause=0))
    assert len(await read_states(node, PLACE, [CONFIG] * 60, MINED)) == 60
    assert told.seen.count("eth_getBlockByNumber") == 1
    assert await read_states(node, PLACE, [], MINED) == []


async def test_a_block_that_went_by_is_asked_for_anew() -> None:
    """Some nodes know the newest state only; but not for ever."""
    assert (await state(Told({1: 100}, gone=2))).balance == 100
    with pytest.raises(CoaseError) as caught:
        await state(Told({1: 100}, gone=1_000))
    assert caught.value.code == "refused_by_node"


@pytest.mark.parametrize(
    ("answer", "code"), [("0x", "no_contract"), ("0x12", "bad_answer"), ("0x" + "z" * 128, "bad_answer")]
)
async def test_nonsense_is_no_state(answer: str, code: str) -> None:
    """An address without the contract is not a channel with nothing in it."""
    told = Told({1: 100})
    told.answer = answer
    with pytest.raises(CoaseError) as caught:
        await state(told)
    assert caught.value.code == code
