"""The chain for tests, and the node that misbehaves on cue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from coase.identity import Identity
from coase.settlement.records import Call
from coase.testing.chain import DEPLOYER, ETHER, Fault, FlakyProvider, SlowProvider, flaky, memory_chain

SEND, LOOK = RPCEndpoint("eth_sendRawTransaction"), RPCEndpoint("eth_getTransactionReceipt")
ALICE, BOB = Identity.from_seed("testing chain", "alice"), Identity.from_seed("testing chain", "bob")


async def test_everyone_is_funded() -> None:
    """Each account has its dollars and its ether; the contracts are there."""
    async with memory_chain([ALICE.account, BOB.account], dollars=7, ether=ETHER) as chain:
        for person in (ALICE, BOB):
            assert await chain.client(person).balance(person.account) == 7
            assert await chain.w3.eth.get_balance(person.account) == ETHER  # type: ignore[arg-type]
        escrow: Any = chain.contracts.escrow
        assert len(await chain.w3.eth.get_code(escrow)) > 1000


async def test_a_folder_keeps_the_chain(tmp_path: Path) -> None:
    """With a folder the blocks survive; the contracts are found rather than deployed again."""
    async with memory_chain([ALICE.account], folder=tmp_path) as chain:
        before = chain.contracts
    async with memory_chain([ALICE.account], folder=tmp_path) as chain:
        assert chain.contracts == before
        assert await chain.w3.eth.get_transaction_count(DEPLOYER.account) == 4  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "mined", "requests"),
    [
        (Fault.NONE, 1, 1),
        (Fault.LOST_REQUEST, 0, 0),
        (Fault.LOST_REPLY, 1, 1),
        (Fault.DROPPED, 0, 0),
        (Fault.TWICE, 1, 2),
    ],
)
async def test_faults_do_what_they_say(fault: Fault, mined: int, requests: int) -> None:
    """Whether the node gets the request, and whether the caller gets an answer; afterwards there are no faults."""
    async with memory_chain([ALICE.account]) as chain:
        counted = FlakyProvider(chain.w3.provider, [])
        node = FlakyProvider(counted, [fault])
        prepared = await chain.outbox(ALICE).prepare("pay", Call(BOB.account, value=5))
        request: Any = ("eth_sendRawTransaction", ["0x" + prepared.raw.hex()])
        if fault in (Fault.LOST_REQUEST, Fault.LOST_REPLY):
            with pytest.raises(TimeoutError):
                await node.make_request(*request)
        else:
            answer: Any = await node.make_request(*request)
            assert answer["result"] == prepared.hash
        assert len(counted.seen) == requests
        assert await chain.w3.eth.get_transaction_count(ALICE.account) == mined  # type: ignore[arg-type]
        answer = await node.make_request(*request)
        assert answer["result"] == prepared.hash
        assert await chain.w3.eth.get_transaction_count(ALICE.account) == 1  # type: ignore[arg-type]


async def test_a_slow_node_mines_later() -> None:
    """It takes a transaction at once, and its receipt appears at the second look."""
    async with memory_chain([ALICE.account]) as chain:
        node = SlowProvider(chain.w3.provider)
        prepared = await chain.outbox(ALICE).prepare("pay", Call(BOB.account, value=5))
        for _ in range(2):
            answer: Any = await node.make_request(SEND, ["0x" + prepared.raw.hex()])
            assert answer["result"] == prepared.hash
        looks: list[Any] = [await node.make_request(LOOK, [prepared.hash]) for _ in range(2)]
        assert looks[0]["result"] is None
        assert looks[1]["result"]["status"] == "0x1"


async def test_other_methods_can_be_hit() -> None:
    """Faults meet the named method only."""
    async with memory_chain([ALICE.account]) as chain:
        w3 = flaky(chain.w3, [Fault.LOST_REQUEST], "eth_blockNumber")
        await w3.eth.chain_id
        with pytest.raises(TimeoutError):
            await w3.eth.block_number
        assert await w3.eth.block_number == 4
