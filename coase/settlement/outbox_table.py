"""The outbox on disk: one row an intent, in the agent's own SQLite file."""

from __future__ import annotations

import sqlite3
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
    unique (sender, intent),
    unique (sender, chain_id, nonce)
)
"""
MAX_INTENT = 200
_COLUMNS = "id, intent, chain_id, nonce, raw, hash, status"


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
    """A stored transaction. `status` is None until its receipt is recorded."""

    id: int
    intent: str
    chain_id: int
    nonce: int
    raw: bytes
    hash: str
    status: int | None


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
        db.execute(_SCHEMA)

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
        where = "sender = ? and chain_id = ? and status is null and nonce <= ? order by nonce"
        return self._select(where, self.sender, self.chain_id, up_to_nonce)

    def next_nonce(self) -> int:
        """One more than the highest used here; 0 when there is none."""
        query = "select max(nonce) from outbox where sender = ? and chain_id = ?"
        found = self.db.execute(query, (self.sender, self.chain_id)).fetchone()[0]
        return 0 if found is None else int(found) + 1

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
        """Put another transaction in the place of one that can no longer happen."""
        change = "update outbox set nonce = ?, raw = ?, hash = ?, status = null where id = ?"
        self._write(change, prepared.nonce, prepared.raw, prepared.hash, row.id)

    def reopen(self, row: Row) -> None:
        """Forget a receipt that the chain no longer has."""
        self._write("update outbox set status = null, gas = null, block = null where id = ?", row.id)

    def drop(self, row: Row) -> None:
        """Forget a transaction that can no longer happen."""
        self._write("delete from outbox where id = ?", row.id)

    def settle(self, row: Row, receipt: Receipt) -> None:
        """Record a receipt. A row that reverted stays, for its nonce is spent, but gives its name back."""
        if row.status is not None:
            return
        intent = row.intent if receipt.status else f"{row.intent}#{row.nonce}"
        change = "update outbox set intent = ?, status = ?, gas = ?, block = ? where id = ?"
        self._write(change, intent, receipt.status, receipt.gas_used, receipt.block_number, row.id)

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
