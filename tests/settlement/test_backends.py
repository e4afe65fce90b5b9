"""One suite over every backend: the embedded chain, the same behind HTTP, and anvil."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator

import pytest

from coase.errors import TransactionReverted
from coase.identity import Identity
from coase.settlement.outbox import Outbox
from coase.settlement.payouts import payout
from coase.settlement.policy import MINED, Finality, Policy, confirmed
from coase.settlement.records import Call, Patience
from coase.settlement.signing import sign
from coase.settlement.token import transfer_call
from coase.terms.agreement import Agreement
from coase.testing.backends import AnyChain
from coase.testing.chain import DEPLOYER, with_contracts

PATIENT = Patience(attempts=3, polls=8, rounds=30, pause=0.02)  # anvil mines beside us, in a process of its own


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A journal in memory."""
    found = sqlite3.connect(":memory:", isolation_level=None)
    yield found
    found.close()


def outbox(chain: AnyChain, identity: Identity, db: sqlite3.Connection, finality: Finality = MINED) -> Outbox:
    """A new outbox, as after a start."""
    return Outbox(chain.w3, identity, db, chain.chain_id, patience=PATIENT, policy=Policy(finality))


async def wei(chain: AnyChain, identity: Identity) -> int:
    """What somebody has."""
    return int(await chain.w3.eth.get_balance(identity.account))  # type: ignore[arg-type]


async def test_payments_at_once_are_mined_once(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """Forty intents at the same time; asked again by a later outbox, the same receipts."""
    chain, before = chain_of_any_kind, await wei(chain_of_any_kind, bob)
    box = outbox(chain, alice, db)
    first = await asyncio.gather(*(box.send(f"pay {n}", Call(bob.account, value=3)) for n in range(40)))
    again = outbox(chain, alice, db)
    assert list(first) == [await again.send(f"pay {n}", Call(bob.account, value=3)) for n in range(40)]
    assert await wei(chain, bob) == before + 120
    assert await chain.w3.eth.get_transaction_count(alice.account) == 40  # type: ignore[arg-type]


async def test_contracts_are_deployed_and_their_refusals_decoded(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """Test dollars move; more than there are is refused by name, before anything is sent."""
    async with with_contracts(chain_of_any_kind.backend, {alice.account: 100}) as deployed:
        token, box = deployed.contracts.token, outbox(chain_of_any_kind, alice, db)
        receipt = await box.send("pay", transfer_call(token, bob.account, 60))
        assert [log.address for log in receipt.logs] == [token]
        with pytest.raises(TransactionReverted) as caught:
            await box.send("too much", transfer_call(token, bob.account, 60))
        assert caught.value.reason.startswith("ERC20InsufficientBalance(")
        assert not box.knows("too much")


async def test_deals_end_in_every_way(chain_of_any_kind: AnyChain, alice: Identity, bob: Identity) -> None:
    """Paid, refunded after the deadline, claimed after the review: to the unit, with the events that say so."""
    async with with_contracts(
        chain_of_any_kind.backend, dict.fromkeys((alice.account, bob.account), 1_000)
    ) as deployed:
        buyer, seller = deployed.client(alice), deployed.client(bob)
        expected = 1_000
        for number, (way, to_seller) in enumerate((("release", 100), ("refund", 0), ("claim", 100))):
            agreement = Agreement(
                buyer=alice.account,
                seller=bob.account,
                arbiter=DEPLOYER.account,
                token=deployed.contracts.token,
                price=100,
                deliver_by=await chain_of_any_kind.backend.now() + 500,
                review_seconds=100,
                ruling_seconds=200,
                terms_hash="ab" * 32,
                salt=f"{number:064x}",
            )
            await buyer.open(f"{way}/open", agreement, bob.sign(buyer.digest(agreement)))
            if way == "refund":
                await chain_of_any_kind.backend.wait_until(agreement.deliver_by + 1)
                await seller.refund(way, agreement)
            else:
                await seller.deliver(f"{way}/deliver", agreement, b"r" * 32)
                assert await buyer.result_hash(agreement) == b"r" * 32
                if way == "claim":
                    await chain_of_any_kind.backend.wait(agreement.review_seconds + 2)
                await (buyer.release if way == "release" else seller.claim)(way, agreement)
            assert await payout(buyer, agreement) == (to_seller, 100 - to_seller)
            expected -= to_seller
            assert await buyer.balance(alice.account) == expected
        assert await buyer.balance(buyer.escrow) == 0


async def test_time_is_the_chains(chain_of_any_kind: AnyChain) -> None:
    """Waiting moves the chain's time, not ours."""
    backend = chain_of_any_kind.backend
    before = await backend.now()
    await backend.wait(1_000)
    assert before + 1_000 <= await backend.now() < before + 1_100
    await backend.wait_until(before)
    assert await backend.now() < before + 1_100


async def test_a_receipt_that_must_be_confirmed_is_waited_for(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """With three blocks asked for, the receipt comes when there are three, and is final only then."""
    chain = chain_of_any_kind
    box = outbox(chain, alice, db, confirmed(3))
    task = asyncio.ensure_future(box.send("pay", Call(bob.account, value=1)))
    mined = await box_has_mined(box, "pay")
    if chain.kind != "anvil":  # which adds a block each second by itself
        assert db.execute("select status, final from outbox").fetchall() == [(1, 0)]
        assert not task.done()
    await chain.mine(2)
    receipt = await task
    assert receipt.block_number == mined
    assert db.execute("select status, final from outbox").fetchall() == [(1, 1)]
    assert (await box.send("pay", Call(bob.account), finality=MINED)) == receipt


async def box_has_mined(box: Outbox, intent: str) -> int:
    """Wait until an intent has a block."""
    while (row := box.table.find(intent)) is None or row.block is None:  # noqa: ASYNC110  # no event
        await asyncio.sleep(0)
    return row.block


@pytest.mark.parametrize("depth", [1, 5])
async def test_a_reorganisation_loses_and_doubles_nothing(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity, depth: int
) -> None:
    """Five payments were mined, blocks are undone with what was in them: each is mined once in the end."""
    chain, before = chain_of_any_kind, await wei(chain_of_any_kind, bob)
    box = outbox(chain, alice, db, confirmed(7))
    tasks = []
    for n in range(5):
        tasks.append(asyncio.ensure_future(box.send(f"pay {n}", Call(bob.account, value=3))))
        await box_has_mined(box, f"pay {n}")
    await chain.undo(depth)
    await chain.mine(1)
    while not all(task.done() for task in tasks):
        await chain.mine(1)
        await asyncio.sleep(0.01)
    receipts = await asyncio.gather(*tasks)
    assert await wei(chain, bob) == before + 15
    assert await chain.w3.eth.get_transaction_count(alice.account) == 5  # type: ignore[arg-type]
    for receipt in receipts:
        found = await chain.w3.eth.get_block(receipt.block_number)
        assert "0x" + bytes(found["hash"]).hex() == receipt.block_hash
    assert db.execute("select count(*) from outbox where status = 1 and final = 1").fetchone() == (5,)


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_returned_as_mined_is_watched_until_it_is_final(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity, restarted: bool
) -> None:
    """The caller took a mined receipt and went; the blocks are undone. One look, or a restart, makes it good."""
    chain, before = chain_of_any_kind, await wei(chain_of_any_kind, bob)
    box = outbox(chain, alice, db, confirmed(7))
    for n in range(3):
        await box.send(f"pay {n}", Call(bob.account, value=3), finality=MINED)
    await chain.undo(3)
    task = asyncio.ensure_future(outbox(chain, alice, db, confirmed(7)).resume() if restarted else asyncio.sleep(0))
    while db.execute("select count(*) from outbox where final = 1").fetchone() != (3,):
        if not restarted:
            await box.tend()
        await chain.mine(1)
        await asyncio.sleep(0.01)
    await task
    assert await wei(chain, bob) == before + 9
    assert await chain.w3.eth.get_transaction_count(alice.account) == 3  # type: ignore[arg-type]


async def test_a_nonce_that_somebody_else_took_is_not_waited_for(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """A foreign transaction took the nonce of a stored one: signed anew, mined once."""
    chain, before = chain_of_any_kind, await wei(chain_of_any_kind, bob)
    box = outbox(chain, alice, db)
    box.store(await box.prepare("pay", Call(bob.account, value=5)))
    foreign = Outbox(chain.w3, alice, sqlite3.connect(":memory:", isolation_level=None), chain.chain_id)
    try:
        await foreign.send("mine", Call(bob.account, value=1))
    finally:
        foreign.table.db.close()
    await box.broadcast("pay")
    assert await wei(chain, bob) == before + 6


async def test_missing_nonces_are_filled(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """A row that was signed for a nonce beyond the chain's is mined: nothing is sent with those that are missing."""
    chain, before = chain_of_any_kind, await wei(chain_of_any_kind, bob)
    box = outbox(chain, alice, db)
    fees = await box.node.fees()
    box.store(box.signed("pay", Call(bob.account, value=5), 3, 21_000, fees))
    await box.broadcast("pay")
    assert await wei(chain, bob) == before + 5
    assert [row[0] for row in db.execute("select intent from outbox order by nonce")] == [
        *(f"gap/{chain.chain_id}/{nonce}" for nonce in range(3)),
        "pay",
    ]


def test_what_is_signed_says_the_chain(alice: Identity) -> None:
    """The same call on two chains is two transactions."""
    made = [sign(alice, Call(alice.account), chain_id=n, nonce=0, gas=21_000, fees=(1, 1)) for n in (1, 2)]
    assert made[0] != made[1]
