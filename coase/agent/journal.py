"""What one agent has decided, on disk before it acts on it: SQLite, WAL, synchronous=FULL.

The agent's transaction outbox lives in the same file, so that a journal row and the outbox row it leads to commit
together. `Journal.deal` is the present; `event` rows are the past, never changed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coase import crash
from coase.agent.deal import ENDED, Event, State, apply, path
from coase.errors import ConfigurationError, DealError, LocalProtocolError

_SCHEMA = """
create table if not exists event(
    seq integer primary key, deal text not null, event text not null, state text not null, body text not null);
create index if not exists event_deal on event(deal);
create table if not exists deal(
    deal text primary key, role text not null, state text not null, body text not null);
create table if not exists fact(name text primary key, value text not null);
"""


@dataclass(frozen=True)
class Record:
    """A deal as one party knows it. `body` is JSON; `role` is `buyer`, `seller` or `arbiter`."""

    deal: str
    role: str
    state: State
    body: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen."""
        return self.state in ENDED


class Journal:
    """The durable memory of one agent.

    Args:
        path: an SQLite file, created when missing.
        name: whose it is, for the names of crash points.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None)
            self.db.execute("pragma journal_mode=wal")
            self.db.execute("pragma synchronous=full")
            self.db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"the journal {path} cannot be written: {error}",
                hint="choose another folder with --home",
                code="home_not_writable",
            ) from error

    # ---- deals

    def open(self, deal: str, role: str, body: dict[str, Any], state: State = "proposed") -> Record:
        """Begin a deal. `DealError` when the name is taken."""
        if self.get(deal) is not None:
            raise DealError(f"deal {deal} is already in the journal", code="deal_exists")
        record = Record(deal, role, state, body)
        with self._write(deal, "open"):
            self._insert(record, "open")
        return record

    def apply(self, deal: str, event: Event, **changes: Any) -> Record:
        """Move a deal along the transition table and add `changes` to its body, in one transaction."""
        before = self.need(deal)
        record = Record(deal, before.role, apply(before.state, event), {**before.body, **changes})
        with self._write(deal, event):
            self._insert(record, event)
        return record

    def catch_up(self, deal: str, goal: State, **changes: Any) -> Record:
        """Walk to the state that the chain says, through the table, in one transaction."""
        before = self.need(deal)
        events = path(before.state, goal)
        with self._write(deal, f"catch up to {goal}"):
            record = before
            for event in events:
                record = Record(deal, before.role, apply(record.state, event), {**record.body, **changes})
                self._insert(record, event)
        return self.need(deal)

    def note(self, deal: str, what: str, **changes: Any) -> Record:
        """Add to a deal's body without moving it."""
        before = self.need(deal)
        record = Record(deal, before.role, before.state, {**before.body, **changes})
        with self._write(deal, what):
            self._insert(record, what)
        return record

    def intend(self, deal: str, what: str) -> None:
        """Note an intent inside a transaction that the caller has begun: the outbox row commits with it."""
        if not self.db.in_transaction:
            raise LocalProtocolError("an intent belongs to the transaction of its outbox row", code="no_transaction")
        self._insert(self.need(deal), f"intend {what}")

    def get(self, deal: str) -> Record | None:
        """The deal, or None. `DealError` when the journal is closed."""
        try:
            row = self.db.execute("select role, state, body from deal where deal=?", (deal,)).fetchone()
        except sqlite3.ProgrammingError as error:
            raise DealError(
                f"the journal of {self.name} is closed",
                hint="read a deal before its market is left",
                code="journal_closed",
            ) from error
        return Record(deal, row[0], row[1], json.loads(row[2])) if row else None

    def need(self, deal: str) -> Record:
        """The deal; `DealError` when there is none."""
        record = self.get(deal)
        if record is None:
            raise DealError(f"no deal {deal!r} in the journal of {self.name}", code="unknown_deal")
        return record

    def deals(self, role: str | None = None, *, open_only: bool = False) -> list[Record]:
        """All deals in the order they began."""
        rows = self.db.execute("select deal, role, state, body from deal order by rowid").fetchall()
        records = [Record(deal, kind, state, json.loads(body)) for deal, kind, state, body in rows]
        return [r for r in records if role in (None, r.role) and not (open_only and r.ended)]

    def events(self, deal: str) -> list[tuple[str, State]]:
        """What happened to a deal: (event, state after it), oldest first."""
        rows = self.db.execute("select event, state from event where deal=? order by seq", (deal,))
        return [(event, state) for event, state in rows]

    # ---- facts: what an agent knows about itself (its listing, its counters)

    def remember(self, name: str, value: Any) -> None:
        """Store a JSON value under a name."""
        with self._write("fact", name):
            self.db.execute("insert or replace into fact values (?,?)", (name, json.dumps(value, sort_keys=True)))

    def recall(self, name: str) -> Any:
        """The value stored under a name, or None."""
        row = self.db.execute("select value from fact where name=?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def close(self) -> None:
        """Close the file; call it after the last agent task has ended."""
        self.db.close()

    def _insert(self, record: Record, event: str) -> None:
        body = json.dumps(record.body, sort_keys=True)
        self.db.execute(
            "insert into event(deal, event, state, body) values (?,?,?,?)", (record.deal, event, record.state, body)
        )
        self.db.execute(
            "insert into deal values (?,?,?,?)"
            " on conflict(deal) do update set state=excluded.state, body=excluded.body",
            (record.deal, record.role, record.state, body),
        )

    @contextmanager
    def _write(self, deal: str, what: str) -> Iterator[None]:
        crash.point(f"{self.name} before {deal} {what}")
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")
        crash.point(f"{self.name} after {deal} {what}")
