"""Nodes that lie, lag, are down, or keep what pays too little: no payment is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ChainUnavailable, TransactionRefused
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.evm import BASE_FEE
from coase.settlement.outbox import Outbox
from coase.settlement.policy import FeePolicy, Policy
from coase.settlement.provider import connect
from coase.settlement.records import Call, Patience
from coase.settlement.signing import fees_of, sign
from coase.settlement.transactions import to_json
from coase.testing.backends import FILLER
from coase.testing.chain import IMPATIENT, SlowProvider
from coase.testing.loop import run_jumping
from coase.testing.nodes import DownNode, Lie, LyingNode, StaleNode
from coase.testing.reorg import add_blocks

ALICE, BOB = Identity.from_seed("bad nodes", "alice"), Identity.from_seed("bad nodes", "bob")
PAY = Call(BOB.account, value=5)
FUNDED = {ALICE.account: 10**20, FILLER.account: 10**20}


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A journal in memory."""
    found = sqlite3.connect(":memory:", isolation_level=None)
    yield found
    found.close()


@pytest.fixture
async def chain() -> AsyncIterator[EmbeddedChain]:
    """A chain in memory."""
    async with EmbeddedChain(alloc=FUNDED) as found:
        yield found


def outbox(chain: EmbeddedChain, db: sqlite3.Connection, provider: Any, **options: Any) -> Outbox:
    """A new outbox of Alice behind a bad node."""
    w3 = connect(provider)
    return Outbox(w3, ALICE, db, chain.chain_id, **{"patience": IMPATIENT, **options})


async def paid(chain: EmbeddedChain) -> tuple[int, int]:
    """What Bob has got, and how many transactions of Alice were mined."""
    got, sent = chain.w3.eth.get_balance(BOB.account), chain.w3.eth.get_transaction_count(ALICE.account)  # type: ignore[arg-type]
    return int(await got), int(await sent)


# ---- lies


TWO_LIES = [pair for pair in itertools.product(Lie, repeat=2) if pair != (Lie.STATUS, Lie.STATUS)]


@pytest.mark.parametrize("lies", TWO_LIES)
async def test_a_lie_now_and_then_does_no_harm(
    chain: EmbeddedChain, db: sqlite3.Connection, lies: tuple[Lie, Lie]
) -> None:
    """Two answers about the receipt are as bad as can be: what is believed in the end is the truth, and paid once.

    Two equal lies in a row about the status are believed by design; that is what witnesses are for.
    """
    node = LyingNode(chain.w3.provider, [Lie.NONE] * 2 + list(lies))
    box = outbox(chain, db, node)
    receipts = [await box.send(f"pay {n}", PAY) for n in range(2)]
    assert [receipt.status for receipt in receipts] == [1, 1]
    for receipt in receipts:
        honest = await chain.w3.eth.get_transaction_receipt(receipt.hash)  # type: ignore[arg-type]
        assert "0x" + bytes(honest["blockHash"]).hex() == receipt.block_hash
    assert await paid(chain) == (10, 2)


@pytest.mark.parametrize("lie", [Lie.BLOCK, Lie.FOREIGN, Lie.HIDDEN])
async def test_a_node_that_lies_for_ever_is_not_believed(
    chain: EmbeddedChain, db: sqlite3.Connection, lie: Lie
) -> None:
    """The receipt never holds: the outbox gives up rather than act on it, and an honest node finds one payment."""
    with pytest.raises(ChainUnavailable):
        await outbox(chain, db, LyingNode(chain.w3.provider, [], always=lie)).send("pay", PAY)
    await outbox(chain, db, chain.w3.provider).send("pay", PAY)
    assert await paid(chain) == (5, 1)


async def test_a_witness_uncovers_a_consistent_lie(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A node that always says "failed" would have us pay again; with a witness, nobody believes it."""
    liar = LyingNode(chain.w3.provider, [], always=Lie.STATUS)
    with pytest.raises(ChainUnavailable, match="disagree"):
        await outbox(chain, db, liar, witnesses=[chain.w3]).send("pay", PAY)
    assert db.execute("select intent, status from outbox").fetchall() == [("pay", None)]
    await outbox(chain, db, chain.w3.provider).send("pay", PAY)
    assert await paid(chain) == (5, 1)


async def test_an_honest_witness_agrees(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Two honest nodes: the receipt is believed."""
    assert (await outbox(chain, db, chain.w3.provider, witnesses=[chain.w3]).send("pay", PAY)).status == 1


class Inventive(LyingNode):
    """Hides every receipt, and shows a transaction of somebody else as ours."""

    async def make_request(self, method: Any, params: Any) -> Any:
        if method == "eth_getTransactionBySenderAndNonce":
            foreign = sign(BOB, PAY, chain_id=31337, nonce=0, gas=21_000, fees=(BASE_FEE, 0))
            shown = {**to_json(foreign), "blockHash": "0x" + "11" * 32, "from": ALICE.account}
            return {"jsonrpc": "2.0", "id": 0, "result": shown}
        return await super().make_request(method, params)


async def test_a_rival_that_our_key_did_not_sign_is_no_proof(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A node that hides the receipt and invents another transaction with our nonce does not make us pay again."""
    with pytest.raises(ChainUnavailable, match="nonce 0 is used"):
        await outbox(chain, db, Inventive(chain.w3.provider, [], always=Lie.HIDDEN)).send("pay", PAY)
    assert await paid(chain) == (5, 1)


# ---- lags and outages


@pytest.mark.parametrize("lag", [1, 3])
async def test_a_node_that_lags_is_waited_for(chain: EmbeddedChain, db: sqlite3.Connection, lag: int) -> None:
    """Old counts, old balances, old heads, receipts that come late: each payment once."""
    box = outbox(chain, db, StaleNode(chain.w3.provider, lag))
    await asyncio.gather(*(box.send(f"pay {n}", PAY) for n in range(10)))
    for n in range(10, 15):
        await box.send(f"pay {n}", PAY)
    assert await paid(chain) == (75, 15)


def test_a_minute_without_the_node() -> None:
    """With the usual patience: what is on its way is seen through, what is new is told, and works later."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with EmbeddedChain(alloc=FUNDED) as chain:
            for since in range(40):
                await one_minute(chain, loop, since / 20)

    async def one_minute(chain: EmbeddedChain, loop: asyncio.AbstractEventLoop, since: float) -> None:
        before, sent = await paid(chain)
        db = sqlite3.connect(":memory:", isolation_level=None)
        start = loop.time()
        node = DownNode(SlowProvider(chain.w3.provider), loop.time, start + since, start + since + 60)
        box = Outbox(connect(node), ALICE, db, chain.chain_id)
        for n in range(3):
            while True:
                try:
                    await box.send(f"pay {since} {n}", PAY)
                    break
                except ChainUnavailable:
                    await asyncio.sleep(5)
        db.close()
        assert node.refused or since > 0.5
        assert await paid(chain) == (before + 15, sent + 3)

    run_jumping(main())


# ---- fees


def raising(**options: Any) -> Policy:
    """Raise fees as soon as a block went by."""
    return Policy(fees=FeePolicy(raise_after=1, **options))


async def see_blocks_go_by(chain: EmbeddedChain, task: asyncio.Task[Any]) -> None:
    """Blocks of others, until the task is done."""
    while not task.done():
        await add_blocks(chain, FILLER)


PATIENT = Patience(attempts=2, polls=2, rounds=60, pause=0.0)


async def test_what_pays_too_little_is_replaced(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Nodes want twice the fee: it grows by an eighth, all signed transactions are kept, one is mined."""
    node = SlowProvider(chain.w3.provider, looks=1, least=4 * BASE_FEE)
    box = outbox(chain, db, node, patience=PATIENT, policy=raising())
    task = asyncio.ensure_future(box.send("pay", PAY))
    await asyncio.wait_for(see_blocks_go_by(chain, task), 60)
    receipt = await task
    row = box.table.find("pay")
    assert row is not None
    assert (row.hash, row.status) == (receipt.hash, 1)
    assert fees_of(row.raw)[0] >= 4 * BASE_FEE
    assert len(box.table.hashes(row)) > 5
    assert await paid(chain) == (5, 1)


async def test_the_first_of_two_transactions_may_be_the_one_that_is_mined(
    chain: EmbeddedChain, db: sqlite3.Connection
) -> None:
    """After a raise the older transaction is mined all the same: it is recognised, and nothing is sent again."""
    node = SlowProvider(chain.w3.provider, looks=10**9)
    box = outbox(chain, db, node, patience=PATIENT, policy=raising())
    task = asyncio.ensure_future(box.send("pay", PAY))
    while len(node.waiting) < 2:
        await add_blocks(chain, FILLER)
    node.waiting = node.waiting[:1]
    await node.mine()
    receipt = await task
    assert db.execute("select hash, status from outbox").fetchall() == [(receipt.hash, 1)]
    assert await paid(chain) == (5, 1)


async def test_a_ceiling_holds(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """What would cost more than the ceiling is neither sent nor raised; the error says so."""
    node = SlowProvider(chain.w3.provider, looks=1, least=10 * BASE_FEE)
    box = outbox(chain, db, node, patience=IMPATIENT, policy=raising(ceiling=2 * BASE_FEE))
    task = asyncio.ensure_future(box.send("pay", PAY))
    await see_blocks_go_by(chain, task)
    with pytest.raises(ChainUnavailable, match="allowed"):
        await task
    assert {fees_of(bytes.fromhex(raw[2:]))[0] for raw in node.waiting} == {2 * BASE_FEE}
    low = outbox(chain, db, chain.w3.provider, policy=raising(ceiling=BASE_FEE - 1))
    low._resumed = True
    with pytest.raises(TransactionRefused) as caught:
        await low.send("other", PAY)
    assert caught.value.code == "fee_ceiling"
    assert not low.knows("other")


@pytest.mark.parametrize("at", range(1, 12))
async def test_a_crash_around_a_raise_is_made_good(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point of paying, raising and recording: afterwards there is one payment."""

    async def life(least: int) -> None:
        async with EmbeddedChain(alloc=FUNDED) as chain:
            db = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
            node = SlowProvider(chain.w3.provider, looks=1, least=least)
            try:
                box = outbox(chain, db, node, patience=PATIENT, policy=raising())
                task = asyncio.ensure_future(box.send("pay", PAY))
                await see_blocks_go_by(chain, task)
                await task
                if not least:
                    assert await paid(chain) == (5, 1)
            finally:
                db.close()

    with crashes.die_at(at):
        await life(3 * BASE_FEE)
    assert len(crashes.names) == at or at > 7, crashes.names
    await life(0)
