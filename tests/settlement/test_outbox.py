"""The outbox: each intent once, under crashes, faults and stolen nonces."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from coase.errors import (
    ChainUnavailable,
    ConfigurationError,
    LocalProtocolError,
    SettlementError,
    TransactionRefused,
    TransactionReverted,
)
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.evm import BASE_FEE
from coase.settlement.outbox import Outbox
from coase.settlement.provider import connect
from coase.settlement.records import Call, Patience
from coase.settlement.signing import sign
from coase.testing.chain import IMPATIENT, Fault, FlakyProvider, SlowProvider, flaky

ALICE, BOB = Identity.from_seed("outbox", "alice"), Identity.from_seed("outbox", "bob")
PAY = Call(BOB.account, value=5)
ODD_REVERTS = "42600116600857005b5f5ffd"  # reverts when the block's time is odd


@asynccontextmanager
async def running(folder: Path | None = None) -> AsyncIterator[EmbeddedChain]:
    """A chain on which Alice has 100 ether."""
    async with EmbeddedChain(folder, alloc={ALICE.account: 10**20}) as chain:
        yield chain


@contextmanager
def journal(path: Path | str = ":memory:") -> Iterator[sqlite3.Connection]:
    """A journal with a table of decisions."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = off")  # a test dies by exception: the page cache lives on
    db.execute("create table if not exists decision (text)")
    try:
        yield db
    finally:
        db.close()


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A journal in memory."""
    with journal() as found:
        yield found


@pytest.fixture
async def chain() -> AsyncIterator[EmbeddedChain]:
    """A chain in memory."""
    async with running() as found:
        yield found


def outbox(chain: EmbeddedChain, db: sqlite3.Connection, w3: Any = None, patience: Patience = IMPATIENT) -> Outbox:
    """A new outbox of Alice, as after a start."""
    return Outbox(w3 or chain.w3, ALICE, db, chain.chain_id, patience=patience)


async def paid(chain: EmbeddedChain) -> int:
    """What Bob has got."""
    return int(await chain.w3.eth.get_balance(BOB.account))  # type: ignore[arg-type]


async def count(chain: EmbeddedChain) -> int:
    """How many transactions of Alice were mined."""
    return int(await chain.w3.eth.get_transaction_count(ALICE.account))  # type: ignore[arg-type]


def requests(w3: Any) -> list[str]:
    """What a connection made with `flaky` was asked."""
    return list(w3.provider.seen)


def rows(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The outbox on disk."""
    return db.execute("select intent, nonce, status from outbox order by nonce").fetchall()


def decide(db: sqlite3.Connection) -> None:
    """What an agent writes beside its transaction."""
    db.execute("insert into decision values ('pay')")


# ---- the usual way


async def test_an_intent_is_done_once(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Asked twice, also by a later outbox on the same file, there is one transaction and one receipt."""
    first = await outbox(chain, db).send("pay", PAY)
    box = outbox(chain, db)
    before = db.total_changes
    assert first == await box.send("pay", PAY) == await box.broadcast("pay")
    assert db.total_changes == before
    assert (first.status, first.gas_used, first.block_number) == (1, 21_000, 1)
    assert await paid(chain) == 5
    assert db.execute("select intent, nonce, status, gas, block, to_account from outbox").fetchall() == [
        ("pay", 0, 1, 21_000, 1, BOB.account)
    ]


async def test_fifty_at_once_are_all_mined_once(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Concurrent intents get one nonce each, without gaps, in the order in which they were asked for."""
    w3 = flaky(chain.w3, [])
    box = outbox(chain, db, w3)
    receipts = await asyncio.gather(*(box.send(f"pay {n}", PAY) for n in range(50)))
    assert requests(w3).count("eth_sendRawTransaction") == 50
    assert [r.block_number for r in receipts] == list(range(1, 51))
    assert rows(db) == [(f"pay {n}", n, 1) for n in range(50)]
    assert (await paid(chain), await count(chain)) == (250, 50)


async def test_many_at_once_where_blocks_take_time(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """On a node that mines later, whose own count lags behind ours, each intent still gets a nonce of its own."""
    provider: Any = chain.w3.provider
    w3 = connect(FlakyProvider(SlowProvider(provider, looks=7), []))
    box = outbox(chain, db, w3, Patience(attempts=2, polls=30, rounds=9, pause=0))
    receipts = await asyncio.gather(*(box.send(f"pay {n}", PAY) for n in range(20)))
    assert [r.block_number for r in receipts] == list(range(1, 21))
    assert rows(db) == [(f"pay {n}", n, 1) for n in range(20)]
    assert requests(w3).count("eth_sendRawTransaction") == 20


async def test_no_more_are_on_their_way_than_nodes_keep(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Of 200 intents at once on a slow node, 64 wait there at most; the rest follows as they are mined."""

    class Counting(SlowProvider):
        most = 0

        async def make_request(self, method: Any, params: Any) -> Any:
            self.most = max(self.most, len(self.waiting))
            return await super().make_request(method, params)

    node = Counting(chain.w3.provider, looks=100)
    box = outbox(chain, db, connect(node), Patience(attempts=2, polls=30, rounds=9, pause=0))
    await asyncio.gather(*(box.send(f"pay {n}", PAY) for n in range(200)))
    assert node.most == 64
    assert (await paid(chain), await count(chain)) == (1000, 200)


async def test_one_intent_from_many_tasks_is_one_transaction(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Twenty tasks that want the same thing get the same receipt."""
    box = outbox(chain, db)
    receipts = await asyncio.gather(*(box.send("pay", PAY) for _ in range(20)))
    assert len(set(receipts)) == 1
    assert await count(chain) == 1


async def test_a_decision_commits_with_its_transaction(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """What `record` writes is there with the row, and is written once."""
    box = outbox(chain, db)
    for _ in range(2):
        await box.send("pay", PAY, record=lambda: decide(db))
    assert db.execute("select text from decision").fetchall() == [("pay",)]


async def test_a_decision_that_fails_takes_the_transaction_back(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """When `record` raises, neither its writes nor the row nor the transaction exist, and the intent is free."""
    box = outbox(chain, db)

    def record() -> None:
        db.execute("insert into decision values ('pay')")
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await box.send("pay", PAY, record=record)
    assert db.execute("select count(*) from decision").fetchone() == (0,)
    assert not box.knows("pay")
    assert await count(chain) == 0
    await box.send("pay", PAY)


async def test_a_call_can_be_made_late(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A function that makes the call runs only when the intent is new."""
    box, made = outbox(chain, db), []

    async def make() -> Call:
        made.append(1)
        return PAY

    for _ in range(2):
        await box.send("pay", make)
    assert made == [1]


async def test_the_steps_can_be_taken_one_by_one(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Prepare sends nothing, store joins the caller's transaction, broadcast sends."""
    box = outbox(chain, db)
    async with box.lock:
        prepared = await box.prepare("pay", PAY)
        db.execute("begin immediate")
        db.execute("insert into decision values ('pay')")
        box.store(prepared)
        db.execute("rollback")
        assert not box.knows("pay")
        box.store(prepared)
    assert await count(chain) == 0
    receipt = await box.broadcast("pay")
    assert receipt.hash == prepared.hash
    assert await count(chain) == 1


async def test_a_nonce_is_stored_once(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Two transactions prepared without the lock have one nonce; the second is refused."""
    box = outbox(chain, db)
    first, second = await box.prepare("one", PAY), await box.prepare("two", PAY)
    box.store(first)
    with pytest.raises(LocalProtocolError):
        box.store(second)
    with pytest.raises(LocalProtocolError):
        await box.broadcast("two")


@pytest.mark.parametrize("intent", ["", "pay#1", "x" * 201])
async def test_intents_have_a_form(chain: EmbeddedChain, db: sqlite3.Connection, intent: str) -> None:
    """The sign that marks reverted rows is not for intents; nor is a name without end."""
    with pytest.raises(LocalProtocolError) as caught:
        await outbox(chain, db).send(intent, PAY)
    assert caught.value.code == "bad_intent"
    assert await count(chain) == 0


async def test_a_full_disk_sends_nothing(chain: EmbeddedChain, tmp_path: Path) -> None:
    """When the row cannot be written nothing was sent, and the error is ours; with space it works."""
    with journal(tmp_path / "journal.sqlite") as db:
        box = outbox(chain, db)
        pages = db.execute("pragma page_count").fetchone()[0]
        db.execute(f"pragma max_page_count = {pages}")
        big = Call(BOB.account, data=bytes(20_000))
        with pytest.raises(SettlementError) as caught:
            await box.send("pay", big, record=lambda: decide(db))
        assert caught.value.code == "outbox_not_written"
        assert (await count(chain), db.execute("select count(*) from decision").fetchone()) == (0, (0,))
        db.execute("pragma max_page_count = 1000000")
        assert (await box.send("pay", big, record=lambda: decide(db))).status == 1


async def test_two_keys_share_a_journal(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Rows belong to their sender: another key may use the same intent."""
    await outbox(chain, db).send("pay", Call(BOB.account, value=10**18))
    other = Outbox(chain.w3, BOB, db, chain.chain_id, patience=IMPATIENT)
    await other.send("pay", Call(ALICE.account, value=1))
    assert [nonce for _, nonce, _ in rows(db)] == [0, 0]


async def test_a_journal_of_an_earlier_version_is_taken_over(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Its rows lack columns: what was mined is final, what waited is sent."""
    box = outbox(chain, db)
    first = await box.send("one", PAY)
    box.store(await box.prepare("two", PAY))
    db.execute("drop index outbox_open")
    for column in ("block_hash", "final"):
        db.execute(f"alter table outbox drop column {column}")
    db.execute("drop table outbox_replaced")
    later = outbox(chain, db)
    assert len(await later.resume()) == 1
    assert await later.send("one", PAY) == first
    assert db.execute("select intent, status, final from outbox").fetchall() == [("one", 1, 1), ("two", 1, 1)]


async def test_an_ordinary_connection_is_refused(chain: EmbeddedChain) -> None:
    """A connection that opens transactions by itself would commit rows at the wrong time."""
    plain = sqlite3.connect(":memory:")
    with pytest.raises(ConfigurationError):
        outbox(chain, plain)
    plain.close()


async def test_an_intent_of_another_chain_is_refused(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A journal that was used with another chain id does not answer for this one."""
    await outbox(chain, db).send("pay", PAY)
    with pytest.raises(ConfigurationError) as caught:
        await Outbox(chain.w3, ALICE, db, 1, patience=IMPATIENT).send("pay", PAY)
    assert caught.value.code == "other_chain"


# ---- crashes


async def attempt(folder: Path, crashes: Any, at: int) -> None:
    """One life of an agent that wants to pay three times, cut off at a crash point (0: not at all)."""
    with crashes.die_at(at):
        async with running(folder / "chain") as chain:
            with journal(folder / "journal.sqlite") as db:
                box = outbox(chain, db)
                await box.resume()
                for n in range(3):
                    await box.send(f"pay {n}", PAY, record=lambda: decide(db))


async def check_three_payments(folder: Path) -> None:
    """Each happened once and was decided once."""
    async with running(folder / "chain") as chain:
        assert (await paid(chain), await count(chain)) == (15, 3)
    with journal(folder / "journal.sqlite") as db:
        assert rows(db) == [(f"pay {n}", n, 1) for n in range(3)]
        assert db.execute("select count(*) from decision").fetchone() == (3,)


async def test_a_life_without_crash_passes_these_points(tmp_path: Path, crashes: Any) -> None:
    """The points are before and after the row, before and after the block, after sending, and after the receipt."""
    await attempt(tmp_path, crashes, 0)
    assert crashes.names[:6] == [
        "outbox before pay 0",
        "outbox after pay 0",
        "block 1 executed",
        "block 1 on disk",
        "outbox sent pay 0",
        "outbox recorded pay 0",
    ]
    assert len(crashes.names) == 18
    await check_three_payments(tmp_path)


@pytest.mark.parametrize("at", range(1, 19))
async def test_a_crash_anywhere_is_made_good(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point, start again: each payment happened exactly once, and each decision is recorded once."""
    await attempt(tmp_path, crashes, at)
    assert len(crashes.names) == at
    await attempt(tmp_path, crashes, 0)
    await check_three_payments(tmp_path)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(range(1, 7), repeat=2)))
async def test_a_crash_during_recovery_is_made_good(tmp_path: Path, crashes: Any, first: int, second: int) -> None:
    """Die in the first life and again in the second: the third still does everything exactly once."""
    for at in (first, second, 0):
        await attempt(tmp_path, crashes, at)
    await check_three_payments(tmp_path)


async def test_a_new_intent_waits_for_what_was_left(tmp_path: Path, crashes: Any) -> None:
    """Without an explicit resume the first new intent sends what a crash left behind, so that nonces have no gap."""
    with crashes.die_at(2):
        async with running() as chain:
            with journal(tmp_path / "journal.sqlite") as db:
                await outbox(chain, db).send("left behind", PAY)
    async with running() as chain:
        with journal(tmp_path / "journal.sqlite") as db:
            await outbox(chain, db).send("new", PAY)
            assert rows(db) == [("left behind", 0, 1), ("new", 1, 1)]


async def test_a_cancelled_task_leaves_no_gap(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A task cancelled at any step of sending loses its answer only: later intents are mined all the same."""
    box = outbox(chain, db)
    for steps in range(0, 60, 3):
        task = asyncio.ensure_future(box.send(f"cancelled {steps}", PAY))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await box.send("last", PAY)
    await box.resume()
    assert [nonce for _, nonce, _ in rows(db)] == list(range(await count(chain)))
    assert all(status == 1 for _, _, status in rows(db))


# ---- reverts


async def deploy_odd(box: Outbox, creation: Callable[[str], bytes]) -> str:
    """A contract that reverts in blocks with an odd time."""
    receipt = await box.send("deploy", Call(None, creation(ODD_REVERTS)))
    assert receipt.contract is not None
    return receipt.contract


async def test_a_simulated_revert_costs_nothing(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """A call that would revert raises before anything is written; once it would not, the same intent works."""
    box = outbox(chain, db)
    contract = await deploy_odd(box, creation)
    if await chain.now() % 2 == 0:
        await chain.wait(1)
    with pytest.raises(TransactionReverted):
        await box.send("try", Call(contract))
    assert not box.knows("try")
    assert await count(chain) == 1
    await chain.wait(1)
    assert (await box.send("try", Call(contract))).status == 1


async def stored_to_revert(chain: EmbeddedChain, box: Outbox, contract: str, call: Call) -> None:
    """A row whose simulation went well and whose block will not."""
    if await chain.now() % 2 == 1:
        await chain.wait(1)
    box.store(await box.prepare("try", call))
    await chain.wait(1)


async def test_a_mined_revert_frees_the_intent(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """A revert on the chain spends its nonce, keeps its row under another name, and the intent can be tried again."""
    box = outbox(chain, db)
    contract = await deploy_odd(box, creation)
    await stored_to_revert(chain, box, contract, Call(contract))
    with pytest.raises(TransactionReverted, match="reverted"):
        await box.broadcast("try")
    assert rows(db)[1] == ("try#1", 1, 0)
    assert not box.knows("try")
    if await chain.now() % 2 == 1:
        await chain.wait(1)
    receipt = await box.send("try", Call(contract))
    assert receipt.status == 1
    assert rows(db)[2] == ("try", 2, 1)


async def test_a_revert_found_after_a_crash_frees_the_intent_too(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """`resume` reports it as a receipt with status 0 rather than as an error."""
    contract = await deploy_odd(outbox(chain, db), creation)
    await stored_to_revert(chain, outbox(chain, db), contract, Call(contract))
    (receipt,) = await outbox(chain, db).resume()
    assert receipt.status == 0
    assert not outbox(chain, db).knows("try")


async def test_everyone_who_waits_hears_of_a_revert(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """Two tasks that wait for one row both get the error, and the row is renamed once."""
    box = outbox(chain, db)
    contract = await deploy_odd(box, creation)
    await stored_to_revert(chain, box, contract, Call(contract))
    found = await asyncio.gather(box.broadcast("try"), box.broadcast("try"), return_exceptions=True)
    assert [type(f) for f in found] == [TransactionReverted, TransactionReverted]
    assert rows(db)[1] == ("try#1", 1, 0)


async def test_out_of_gas_is_named(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """A revert that used all its gas says so: the writes that it was to make were more than had been simulated."""
    box = outbox(chain, db)
    receipt = await box.send("deploy", Call(None, creation("42600116600857005b5b600856")))  # odd: loops for ever
    assert receipt.contract is not None
    await stored_to_revert(chain, box, receipt.contract, Call(receipt.contract))
    with pytest.raises(TransactionReverted) as caught:
        await box.broadcast("try")
    assert caught.value.reason == "out of gas"


# ---- a node that misbehaves


@pytest.mark.parametrize("faults", list(itertools.product(Fault, repeat=2)))
async def test_each_fault_of_a_send_is_made_good(
    chain: EmbeddedChain, db: sqlite3.Connection, faults: tuple[Fault, Fault]
) -> None:
    """Whatever happens to the first two sends, both payments are mined once."""
    box = outbox(chain, db, flaky(chain.w3, faults))
    for n in range(2):
        await box.send(f"pay {n}", PAY)
    assert (await paid(chain), await count(chain)) == (10, 2)


@pytest.mark.parametrize(
    "method",
    [
        "eth_getTransactionReceipt",
        "eth_estimateGas",
        "eth_getTransactionCount",
        "eth_getBalance",
        "eth_getBlockByNumber",
    ],
)
async def test_questions_are_asked_again(chain: EmbeddedChain, db: sqlite3.Connection, method: str) -> None:
    """Two unanswered questions in a row are asked a third time."""
    box = outbox(chain, db, flaky(chain.w3, [Fault.LOST_REQUEST, Fault.LOST_REPLY], method))
    await box.send("pay", PAY)
    assert (await paid(chain), await count(chain)) == (5, 1)


async def test_a_silent_node_is_given_up_and_the_row_stays(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """After bounded tries the error says that the node is not available; later, resume sends what was left."""
    silent = flaky(chain.w3, [Fault.LOST_REQUEST] * 100)
    with pytest.raises(ChainUnavailable):
        await outbox(chain, db, silent).send("pay", PAY)
    assert rows(db) == [("pay", 0, None)]
    (receipt,) = await outbox(chain, db).resume()
    assert receipt == await outbox(chain, db).send("pay", PAY)
    assert await count(chain) == 1


async def test_a_node_that_forgets_everything_is_given_up(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A transaction that is taken and never mined ends in `not_mined`, after as many rounds as patience says."""
    w3 = flaky(chain.w3, [Fault.DROPPED] * 100)
    with pytest.raises(ChainUnavailable) as caught:
        await outbox(chain, db, w3).send("pay", PAY)
    assert caught.value.code == "not_mined"
    assert requests(w3).count("eth_sendRawTransaction") == IMPATIENT.rounds + 1
    await outbox(chain, db).resume()
    assert await count(chain) == 1


async def test_a_dropped_transaction_does_not_block_the_next(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """When the node forgot nonce 0 while nobody waited, nonce 1 brings it along."""
    box = outbox(chain, db, flaky(chain.w3, [Fault.DROPPED]))
    task = asyncio.ensure_future(box.send("one", PAY))
    while not box.knows("one") or box.lock.locked():  # noqa: ASYNC110  # there is no event for "sent, and not mined"
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await box.send("two", PAY)
    await box.resume()
    assert rows(db) == [("one", 0, 1), ("two", 1, 1)]


async def test_the_wrong_chain_is_noticed(db: sqlite3.Connection) -> None:
    """A journal whose chain is gone (it was in memory) is told apart from a chain that misses a transaction."""
    async with running() as chain:
        await outbox(chain, db).send("one", PAY)
    async with running() as chain:
        with pytest.raises(TransactionRefused) as caught:
            await outbox(chain, db).send("two", PAY)
    assert caught.value.code == "nonce_gap"
    assert "journal" in caught.value.hint


async def test_a_block_that_is_undone_is_done_again(db: sqlite3.Connection) -> None:
    """When the chain went another way and a receipt is gone, asking again sends the same transaction again."""
    async with running() as chain:
        first = await outbox(chain, db).send("pay", PAY)
    async with running() as chain:  # the same genesis, without that block
        again = await outbox(chain, db).send("pay", PAY)
        assert again == first
        assert (await paid(chain), rows(db)) == (5, [("pay", 0, 1)])


async def test_no_ether_is_refused_before_anything_is_written(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """An account that cannot pay is told how much it needs; nothing is stored, and once funded it works."""
    poor = Outbox(chain.w3, BOB, db, chain.chain_id, patience=IMPATIENT)
    with pytest.raises(TransactionRefused) as caught:
        await poor.send("pay", Call(ALICE.account))
    assert caught.value.code == "insufficient_funds"
    assert not poor.knows("pay")
    await outbox(chain, db).send("fund", Call(BOB.account, value=10**18))
    await poor.send("pay", Call(ALICE.account))


# ---- another transaction took our nonce


async def foreign(chain: EmbeddedChain, nonce: int, wei: int = 1) -> None:
    """Somebody sends with our key, behind the outbox's back."""
    call = Call(BOB.account, value=wei)
    raw = sign(ALICE, call, chain_id=chain.chain_id, nonce=nonce, gas=21_000, fees=(BASE_FEE, 0))
    await chain.w3.eth.send_raw_transaction(raw)


async def test_a_nonce_used_elsewhere_is_skipped(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """A foreign transaction seen in time costs nothing: the next nonce is the chain's."""
    w3 = flaky(chain.w3, [])
    box = outbox(chain, db, w3)
    await box.send("one", PAY)
    await foreign(chain, 1)
    await box.send("two", PAY)
    assert [nonce for _, nonce, _ in rows(db)] == [0, 2]
    assert requests(w3).count("eth_sendRawTransaction") == 2


async def test_a_stolen_nonce_is_replaced(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """When another transaction took the nonce of a stored one, it is signed anew and happens once."""
    w3 = flaky(chain.w3, [])
    box = outbox(chain, db, w3)
    box.store(await box.prepare("pay", PAY))
    await foreign(chain, 0)
    receipt = await box.broadcast("pay")
    assert requests(w3).count("eth_getTransactionReceipt") == 1 + IMPATIENT.polls + 3  # both hashes, and once more
    assert receipt.status == 1
    assert rows(db) == [("pay", 1, 1)]
    assert (await paid(chain), await count(chain)) == (6, 2)


async def test_rows_behind_a_stolen_nonce_keep_theirs(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Of three stored transactions only the one that lost its nonce gets a new one, behind the others."""
    box = outbox(chain, db)
    for n in range(3):
        box.store(await box.prepare(f"pay {n}", PAY))
    await foreign(chain, 0)
    assert len(await box.resume()) == 3
    assert rows(db) == [("pay 1", 1, 1), ("pay 2", 2, 1), ("pay 0", 3, 1)]
    assert (await paid(chain), await count(chain)) == (16, 4)


@pytest.mark.parametrize("at", range(1, 8))
async def test_a_crash_while_signing_anew_is_made_good(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point of replacing a stolen nonce: afterwards the payment happened once."""
    async with running(tmp_path / "chain") as chain:
        with journal(tmp_path / "journal.sqlite") as db:
            box = outbox(chain, db)
            box.store(await box.prepare("pay", PAY))
            await foreign(chain, 0)
    for point in (at, 0):
        with crashes.die_at(point):
            async with running(tmp_path / "chain") as chain:
                with journal(tmp_path / "journal.sqlite") as db:
                    await outbox(chain, db).send("pay", PAY)
    async with running(tmp_path / "chain") as chain:
        assert (await paid(chain), await count(chain)) == (6, 2)


async def test_a_stolen_nonce_whose_call_no_longer_works_is_forgotten(
    chain: EmbeddedChain, db: sqlite3.Connection, creation: Callable[[str], bytes]
) -> None:
    """When the call would revert by now, nothing is sent, the error says so, and the intent is free."""
    box = outbox(chain, db)
    contract = await deploy_odd(box, creation)
    await stored_to_revert(chain, box, contract, Call(contract))
    await foreign(chain, 1)
    if await chain.now() % 2 == 0:
        await chain.wait(1)
    with pytest.raises(TransactionReverted):
        await box.broadcast("try")
    assert not box.knows("try")
    assert await count(chain) == 2


async def test_a_stale_answer_for_a_mined_transaction_is_no_reason_to_send_another(
    chain: EmbeddedChain, db: sqlite3.Connection
) -> None:
    """A node that says "nonce too low" of our own mined transaction, and finds its receipt late, is waited for."""

    class Late(FlakyProvider):
        late = 3

        async def make_request(self, method: Any, params: Any) -> Any:
            if method == "eth_sendRawTransaction":
                await super().make_request(method, params)
                error = {"code": -32000, "message": "nonce too low: next nonce 1, tx nonce 0"}
                return {"jsonrpc": "2.0", "id": 0, "error": error}
            if method == "eth_getTransactionReceipt" and self.late:
                self.late -= 1
                return {"jsonrpc": "2.0", "id": 0, "result": None}
            return await super().make_request(method, params)

    provider: Any = chain.w3.provider
    patience = Patience(attempts=2, polls=4, rounds=3, pause=0)
    await outbox(chain, db, connect(Late(provider, [])), patience).send("pay", PAY)
    assert (await paid(chain), await count(chain)) == (5, 1)
