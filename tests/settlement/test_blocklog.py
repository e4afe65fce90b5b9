"""The block log: what was written comes back, what was changed is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from coase.errors import ChainCorrupt, ChainUnavailable, CoaseError, ConfigurationError
from coase.identity import Identity
from coase.settlement.blocklog import BlockLog
from coase.settlement.evm import BASE_FEE, Genesis
from coase.settlement.records import Call
from coase.settlement.signing import sign

ALICE = Identity.from_seed("blocklog", "alice")
GENESIS = Genesis(alloc={ALICE.account: 10**20})


def pay(nonce: int) -> bytes:
    """A raw payment of one wei."""
    call = Call("0x" + "11" * 20, value=1)
    return sign(ALICE, call, chain_id=31337, nonce=nonce, gas=21_000, fees=(BASE_FEE, 0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with five blocks."""
    found = tmp_path / "chain.sqlite"
    log = BlockLog(found)
    chain = log.restore(GENESIS)
    for nonce in range(5):
        chain.advance(nonce)
        chain.send(pay(nonce))
    log.close()
    return found


def restored(path: Path, genesis: Genesis = GENESIS) -> tuple[int, bytes]:
    """Number and hash of the head of the chain in the log."""
    log = BlockLog(path)
    try:
        head = log.restore(genesis).head
        return head.number, head.hash
    finally:
        log.close()


def damage(path: Path, statement: str) -> None:
    """Change the file behind the log's back."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


def test_a_restored_chain_is_the_one_that_was_left(path: Path) -> None:
    """All blocks come back with their times and hashes, and the chain goes on from there."""
    log = BlockLog(path)
    chain = log.restore(GENESIS)
    assert [block.time - GENESIS.time for block in chain.blocks] == [0, 1, 3, 6, 10, 15]
    chain.send(pay(5))
    log.close()
    assert restored(path) == (6, chain.head.hash)


def test_what_is_on_disk_is_flushed(path: Path) -> None:
    """The log runs with write-ahead logging and full synchronisation."""
    log = BlockLog(path)
    assert log._db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert log._db.execute("pragma synchronous").fetchone() == (2,)
    log.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update block set hash = x'00' where number = 3",
        "update block set time = time + 1 where number = 5",
        "update block set time = 5 where number = 3",
        "update block set time = 'noon' where number = 3",
        "update block set raw = x'02c0' where number = 3",
        "update block set raw = 'text' where number = 3",
        "update block set raw = (select raw from block where number = 2) where number = 3",
        "delete from block where number = 3",
        "delete from block where number = 1",
        "update genesis set body = 'x'",
        "update genesis set body = '[]'",
        "drop table block",
    ],
)
def test_a_log_that_does_not_replay_is_refused(path: Path, statement: str) -> None:
    """Whatever was changed in the rows, the chain does not start on them."""
    if statement.startswith("drop"):
        damage(path, statement)
        damage(path, "create table block (number integer)")
    else:
        damage(path, statement)
    with pytest.raises(ChainCorrupt):
        restored(path)


def test_a_tail_that_is_missing_cannot_be_seen(path: Path) -> None:
    """Rows are the truth: without the last one the chain is one block shorter, which a lost disk write would be too."""
    damage(path, "delete from block where number = 5")
    assert restored(path)[0] == 4


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Garbage is not overwritten."""
    path = tmp_path / "chain.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(ChainCorrupt):
        BlockLog(path)
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    ("genesis", "named"),
    [
        (Genesis(1, alloc=GENESIS.alloc), "chain_id"),
        (Genesis(time=1, alloc=GENESIS.alloc), "time"),
        (Genesis(), "alloc"),
        (Genesis(alloc=GENESIS.alloc, evm="ethereum-execution 9.9 osaka"), "evm"),
    ],
)
def test_another_genesis_is_refused_by_name(path: Path, genesis: Genesis, named: str) -> None:
    """The message says in what the two differ, and that is a matter of configuration, not of corruption."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        restored(path, genesis)
    assert caught.value.code == "other_genesis"
    assert caught.value.hint


def test_a_full_disk_takes_the_block_back(path: Path) -> None:
    """When the row cannot be written the block did not happen, the error says so, and later blocks work."""
    log = BlockLog(path)
    chain = log.restore(GENESIS)
    pages = log._db.execute("pragma page_count").fetchone()[0]
    log._db.execute(f"pragma max_page_count = {pages}")
    failure: CoaseError | None = None
    for nonce in range(5, 200):
        before = (chain.head.hash, int(chain.account(ALICE.account).nonce))
        try:
            chain.send(pay(nonce))
        except ChainUnavailable as error:
            failure = error
            break
    assert failure is not None
    assert failure.code == "chain_not_written"
    assert (chain.head.hash, int(chain.account(ALICE.account).nonce)) == before
    log._db.execute("pragma max_page_count = 1000000")
    chain.send(pay(nonce))
    log.close()
    assert restored(path) == (chain.head.number, chain.head.hash)
