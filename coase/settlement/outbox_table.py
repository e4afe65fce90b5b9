"""The outbox on disk: one row an intent, in the agent's own SQLite file.

A row waits (no status), is mined (a status, a block), and becomes final. All signed transactions of a row are kept:
when fees were raised, any of them may be the one that is mined.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coase.errors import ConfigurationError, LocalProtocolError, SettlementError
from coase.settlement.records import Receipt
from coase.settlement.signing import hash_of

_SCHEMA = """
create table if not exists outbox (
    id integer primary key,
    intent text not null,
    sender text not null,
    chain_id integer not null,
    nonce integer not null,
    to_account text,
    raw blob not null,
    hash text not null,
    status integer,
    gas integer,
    block integer,
    block_hash text,
    final integer not null default 0,
    unique (sender, intent),
    unique (sender, chain_id, nonce)
);
create table if not exists outbox_replaced (
    hash text primary key, row integer not null, nonce integer not null, raw blob not null
);
create index if not exists outbox_replaced_row on outbox_replaced (row);
"""
_ADDED = ("block_hash text", "final integer not null default 0")  # columns that a journal from before may lack
_OPEN = "create index if not exists outbox_open on outbox (sender, chain_id, nonce) where final = 0"
MAX_INTENT = 200
_COLUMNS = "id, intent, chain_id, nonce, raw, hash, status, block, block_hash, final"


def not_written(error: sqlite3.Error) -> SettlementError:
    """What to raise when the journal's disk does not take a row."""
    return SettlementError(
        f"the outbox could not be written: {error}",
        hint="free some space or close who locks the journal, then ask again: nothing is done twice",
        code="outbox_not_written",
    )


@dataclass(frozen=True)
class Prepared:
    """A signed transaction that nobody has heard of yet."""

    intent: str
    nonce: int
    to: str | None
    raw: bytes

    @property
    def hash(self) -> str:
        """The transaction's hash."""
        return hash_of(self.raw)


@dataclass(frozen=True)
class Row:
    """A stored transaction. `status` is None until its receipt is recorded; `final` once that receipt stays."""

    id: int
    intent: str
    chain_id: int
    nonce: int
    raw: bytes
    hash: str
    status: int | None
    block: int | None
    block_hash: str | None
    final: int


class OutboxTable:
    """The rows of one sender on one chain.

    Args:
        db: in autocommit (``isolation_level=None``); the table is made when it is not there.
        sender: the account.
        chain_id: EIP-155.
    """

    def __init__(self, db: sqlite3.Connection, sender: str, chain_id: int) -> None:
        if db.isolation_level is not None:
            raise ConfigurationError("the outbox needs a connection in autocommit", hint="isolation_level=None")
        self.db, self.sender, self.chain_id = db, sender, chain_id
        db.executescript(_SCHEMA)
        _migrate(db)
        db.execute(_OPEN)

    def find(self, intent: str) -> Row | None:
        """The row of an intent. `ConfigurationError` when it was sent on another chain."""
        row = self._one("sender = ? and intent = ?", self.sender, intent)
        if row is not None and row.chain_id != self.chain_id:
            raise ConfigurationError(
                f"{intent!r} was sent on chain {row.chain_id}, and this is chain {self.chain_id}",
                hint="use another journal, or the chain that this one belongs to",
                code="other_chain",
            )
        return row

    def row(self, row_id: int) -> Row | None:
        """A row by its number."""
        return self._one("id = ?", row_id)

    def waiting(self, up_to_nonce: int = 2**63 - 1) -> list[Row]:
        """Rows without a receipt, in nonce order."""
        where = "sender = ? and chain_id = ? and final = 0 and status is null and nonce <= ? order by nonce"
        return self._select(where, self.sender, self.chain_id, up_to_nonce)

    def unsure(self, limit: int, also: Iterable[int] = ()) -> list[Row]:
        """Rows that are not final, in nonce order, at most `limit`; and those numbered `also`."""
        where = "sender = ? and chain_id = ? and final = 0 order by nonce limit ?"
        found = {row.id: row for row in self._select(where, self.sender, self.chain_id, limit)}
        for row_id in also:
            if row_id not in found and (row := self.row(row_id)) is not None:
                found[row_id] = row
        return list(found.values())

    def hashes(self, row: Row) -> list[str]:
        """Every transaction of a row, the present one first."""
        replaced = self.db.execute("select hash from outbox_replaced where row = ? order by rowid desc", (row.id,))
        return [row.hash, *(found[0] for found in replaced)]

    def next_nonce(self) -> int:
        """One more than the highest used here; 0 when there is none."""
        query = "select max(nonce) from outbox where sender = ? and chain_id = ?"
        found = self.db.execute(query, (self.sender, self.chain_id)).fetchone()[0]
        return 0 if found is None else int(found) + 1

    def nonces(self, low: int, high: int) -> set[int]:
        """Which nonces from `low` to `high` - 1 have a row."""
        query = "select nonce from outbox where sender = ? and chain_id = ? and nonce >= ? and nonce < ?"
        return {int(found[0]) for found in self.db.execute(query, (self.sender, self.chain_id, low, high))}

    def insert(self, prepared: Prepared) -> None:
        """Add a row, in whatever transaction the connection is in. `LocalProtocolError` when it is taken."""
        if "#" in prepared.intent or not 0 < len(prepared.intent) <= MAX_INTENT:
            raise LocalProtocolError(
                f"an intent has 1 to {MAX_INTENT} characters and no '#', unlike {prepared.intent[:MAX_INTENT]!r}",
                code="bad_intent",
            )
        into = (
            "insert into outbox (intent, sender, chain_id, nonce, to_account, raw, hash) values (?, ?, ?, ?, ?, ?, ?)"
        )
        place = (prepared.intent, self.sender, self.chain_id, prepared.nonce)
        try:
            self._write(into, *place, prepared.to, prepared.raw, prepared.hash)
        except sqlite3.IntegrityError as error:
            raise LocalProtocolError(
                f"the outbox has the intent {prepared.intent!r} or the nonce {prepared.nonce} already",
                hint="hold the outbox's lock from prepare to store",
                code="outbox_taken",
            ) from error

    def replace(self, row: Row, prepared: Prepared) -> None:
        """Put another transaction in the place of one that waits or can no longer happen; both hashes are kept."""
        change = (
            "update outbox set nonce = ?, raw = ?, hash = ?, status = null, gas = null, block = null, "
            "block_hash = null, final = 0 where id = ?"
        )
        keep = "insert or ignore into outbox_replaced values (?, ?, ?, ?)"
        self._together(
            (keep, (row.hash, row.id, row.nonce, row.raw)),
            (change, (prepared.nonce, prepared.raw, prepared.hash, row.id)),
        )

    def reopen(self, row: Row) -> None:
        """Forget a receipt that the chain no longer has."""
        change = "update outbox set status = null, gas = null, block = null, block_hash = null, final = 0 where id = ?"
        self._write(change, row.id)

    def drop(self, row: Row) -> None:
        """Forget a transaction that can no longer happen."""
        self._together(
            ("delete from outbox_replaced where row = ?", (row.id,)), ("delete from outbox where id = ?", (row.id,))
        )

    def mined(self, row: Row, receipt: Receipt, *, final: bool) -> None:
        """Record a receipt, of whichever of the row's transactions it is.

        A row that reverted stays once that is final, for its nonce is spent, but gives its name back.
        """
        if row.final:
            return
        intent = f"{row.intent}#{row.nonce}" if final and not receipt.status else row.intent
        change = "update outbox set intent = ?, status = ?, gas = ?, block = ?, block_hash = ?, final = ? where id = ?"
        outcome = (intent, receipt.status, receipt.gas_used, receipt.block_number, receipt.block_hash, final, row.id)
        if receipt.hash == row.hash:
            self._write(change, *outcome)
            return
        swap = (
            "update outbox set (hash, nonce, raw) = (select hash, nonce, raw from outbox_replaced where hash = ?) "
            "where id = ?"
        )
        keep = "insert or ignore into outbox_replaced values (?, ?, ?, ?)"
        self._together(
            (keep, (row.hash, row.id, row.nonce, row.raw)), (swap, (receipt.hash, row.id)), (change, outcome)
        )

    def _together(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        self._write("begin immediate")
        try:
            for statement, values in statements:
                self._write(statement, *values)
            self._write("commit")
        except BaseException:  # all of them or none
            if self.db.in_transaction:
                self.db.execute("rollback")
            raise

    def _write(self, statement: str, *values: Any) -> None:
        try:
            self.db.execute(statement, values)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise not_written(error) from error

    def _one(self, where: str, *values: Any) -> Row | None:
        return next(iter(self._select(where, *values)), None)

    def _select(self, where: str, *values: Any) -> list[Row]:
        query = f"select {_COLUMNS} from outbox where {where}"  # noqa: S608  # every part is a constant of this class
        return [Row(*found) for found in self.db.execute(query, values)]


def _migrate(db: sqlite3.Connection) -> None:
    """Add what a journal of an earlier version lacks. What was mined then was mined on an embedded chain: final."""
    present = {found[1] for found in db.execute("pragma table_info(outbox)")}
    for column in _ADDED:
        if column.split()[0] not in present:
            db.execute(f"alter table outbox add column {column}")
            if column.startswith("final"):
                db.execute("update outbox set final = 1 where status is not null")
