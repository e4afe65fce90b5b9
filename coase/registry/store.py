"""Where listings are kept: the seam, and SQLite with FTS5."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from coase import crash
from coase.errors import ConfigurationError, RegistryRefused
from coase.registry.query import FIELDS, TEXTS, Comparison, Query, contains
from coase.terms.listing import Listing, Signed, Withdrawal

VERSION = 1  # of the schema and of the listings' form
_SCHEMA = f"""
begin immediate;
create table if not exists listing(
    id integer primary key, agent text not null, account text not null, key text not null, sequence integer not null,
    kind text not null, unit text not null, price integer not null, content text not null, issued integer not null,
    expires integer not null, withdrawn integer not null default 0, body text not null, unique (agent, key));
create index if not exists listing_kind on listing(kind, price);
create index if not exists listing_price on listing(price, agent, key);
create index if not exists listing_issued on listing(issued);
create index if not exists listing_expires on listing(expires);
create table if not exists attribute(
    listing integer not null references listing(id) on delete cascade, name text not null, type text not null,
    number integer, text text, primary key (listing, name)) without rowid;
create index if not exists attribute_number on attribute(name, number);
create index if not exists attribute_text on attribute(name, text);
create virtual table if not exists words using fts5(title, description, tokenize='unicode61');
pragma user_version={VERSION};
commit;
"""
_COLUMNS = (
    "agent", "account", "key", "sequence", "kind", "unit", "price", "content", "issued", "expires",
)  # fmt: skip
_INSERT = f"insert into listing({','.join(_COLUMNS)},body) values ({','.join('?' * len(_COLUMNS))},?)"  # noqa: S608  # constants

_ATTRIBUTE = "select 1 from attribute where attribute.listing = listing.id and name = ?"


@dataclass(frozen=True)
class Slot:
    """A slot's newest listing, and the sequence of its withdrawal, or 0."""

    listing: Listing
    withdrawn: int


class Storage(Protocol):
    """What a registry needs of a database."""

    def current(self, agent: str, key: str) -> Slot | None:
        """What a slot holds, expired and withdrawn listings too; None when it was never used."""
        ...

    def put(self, listing: Listing) -> None:
        """Fill the listing's slot. `RegistryRefused` (`listing_replayed`) unless its sequence is higher."""
        ...

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Take a slot off the market. `RegistryRefused` (`listing_replayed`) unless the sequence is higher."""
        ...

    def count(self, agent: str) -> int:
        """How many slots an agent uses."""
        ...

    def forget(self, before: int) -> None:
        """Free the slots whose listing expired at `before` or earlier."""
        ...

    def search(self, query: Query, now: int, limit: int, offset: int) -> list[Listing]:
        """Listings that match, have not expired and are not withdrawn; cheapest first, then by agent and key."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class SqliteStorage:
    """One file, WAL; full-text search by FTS5.

    Args:
        path: the file, created when missing; None for memory only.
        read_only: for looking at a registry that another process owns.

    Raises:
        ConfigurationError: `registry_unusable`, from any method.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._path = path
        try:
            if path is not None and not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            where = "file::memory:" if path is None else path.resolve().as_uri() + ("?mode=ro" if read_only else "")
            with self._own_errors():
                self.db = sqlite3.connect(where, isolation_level=None, uri=True)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            with self._own_errors():
                self._prepare(read_only)
        except BaseException:
            self.db.close()
            raise

    def _prepare(self, read_only: bool) -> None:
        self.db.create_function("contains", 2, contains, deterministic=True)
        if not read_only:
            self.db.execute("pragma journal_mode=wal")
        empty = not self.db.execute("select count(*) from sqlite_master").fetchone()[0]
        if empty and not read_only:
            self.db.executescript(_SCHEMA)
        version = self.db.execute("pragma user_version").fetchone()[0]
        if version != VERSION:
            raise self._unusable(f"it has version {version}, not {VERSION}")
        self.db.execute("pragma foreign_keys=on")

    def current(self, agent: str, key: str) -> Slot | None:
        """What a slot holds, expired and withdrawn listings too."""
        found = self._listings("select body from listing where agent=? and key=?", agent, key)
        if not found:
            return None
        with self._own_errors():
            query = "select withdrawn from listing where agent=? and key=?"
            return Slot(found[0], int(self.db.execute(query, (agent, key)).fetchone()[0]))

    def put(self, listing: Listing) -> None:
        """Replace what is in the listing's slot, in one transaction."""
        crash.point(f"registry before {listing.key}")
        with self._transaction():
            self._put(listing)
        crash.point(f"registry after {listing.key}")

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Mark the slot's listing as withdrawn, in one transaction."""
        with self._transaction():
            if old := self._superseded(withdrawal):
                self.db.execute("update listing set withdrawn=? where id=?", (withdrawal.sequence, old))

    def _superseded(self, signed: Signed) -> int | None:
        """The row that something signed replaces, or None where the slot is free; an older one is refused."""
        query = "select id, max(sequence, withdrawn) from listing where agent=? and key=?"
        old = self.db.execute(query, (signed.agent, signed.key)).fetchone()
        if old and signed.sequence <= old[1]:
            raise RegistryRefused(
                f"sequence {signed.sequence} is not above {old[1]}: an old listing is not brought back",
                hint="sign it again with a higher sequence",
                code="listing_replayed",
            )
        return int(old[0]) if old else None

    def _put(self, listing: Listing) -> None:
        db = self.db
        if old := self._superseded(listing):
            self._delete("id=?", old)
        values = [getattr(listing, name) for name in _COLUMNS]
        new = db.execute(_INSERT, (*values, listing.model_dump_json())).lastrowid
        db.execute(
            "insert into words(rowid, title, description) values (?,?,?)", (new, listing.title, listing.description)
        )
        for name, value in listing.attributes.items():
            number, text = (None, value) if isinstance(value, str) else (int(value), None)
            db.execute("insert into attribute values (?,?,?,?,?)", (new, name, type(value).__name__, number, text))

    def count(self, agent: str) -> int:
        """How many slots an agent uses."""
        with self._own_errors():
            return int(self.db.execute("select count(*) from listing where agent=?", (agent,)).fetchone()[0])

    def forget(self, before: int) -> None:
        """Free the slots whose listing expired at `before` or earlier."""
        with self._own_errors():
            if not self.db.execute("select 1 from listing where expires<=? limit 1", (before,)).fetchone():
                return
        with self._transaction():
            self._delete("expires<=?", before)

    def search(self, query: Query, now: int, limit: int, offset: int) -> list[Listing]:
        """Listings that match, have not expired and are not withdrawn; cheapest first, then by agent and key."""
        where = ["expires > ?", "not withdrawn"]
        values: list[Any] = [now]
        for comparison in query.comparisons:
            clause, more = _compiled(comparison)
            where.append(clause)
            values += more
        if query.phrases:
            where.append("id in (select rowid from words where words match ?)")
            values.append(" ".join(f'"{phrase}"' for phrase in query.phrases))
        return self._listings(
            f"select body from listing where {' and '.join(where)}"  # noqa: S608  # clauses hold only names of ours
            " order by price, agent, key limit ? offset ?",
            *values, limit, offset,
        )  # fmt: skip

    def newest(self) -> int:
        """When the newest listing was issued, seconds: no earlier is it now. 0 when there is none."""
        with self._own_errors():
            return int(self.db.execute("select max(issued) from listing").fetchone()[0] or 0)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def _listings(self, sql: str, *values: Any) -> list[Listing]:
        with self._own_errors():
            rows = self.db.execute(sql, values).fetchall()
            try:
                return [Listing.model_validate_json(row[0]) for row in rows]
            except ValidationError as error:
                raise self._unusable("it holds what is not a listing") from error

    def _delete(self, which: str, value: int) -> None:
        self.db.execute(f"delete from words where rowid in (select id from listing where {which})", (value,))  # noqa: S608  # constants
        self.db.execute(f"delete from listing where {which}", (value,))  # noqa: S608  # constants

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._own_errors():
            self.db.execute("begin immediate")
            try:
                yield
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, why: object) -> ConfigurationError:
        return ConfigurationError(
            f"the registry {self._path or 'in memory'} cannot be used: {why}",
            hint="check the path, the disk and who else writes there; sellers publish again into a new file",
            code="registry_unusable",
        )


def _compiled(comparison: Comparison) -> tuple[str, list[Any]]:
    name, operator, value = comparison.name, comparison.operator, comparison.value
    if name in FIELDS:
        is_text = name in TEXTS
        if operator == "~":
            return (f"contains({name}, ?)", [str(value)]) if is_text else ("0", [])
        if isinstance(value, bool) or isinstance(value, str) != is_text:
            return "0", []
        return f"{name} {operator} ?", [value]
    if operator == "~":
        return f"exists ({_ATTRIBUTE} and contains(text, ?))", [name, str(value)]
    column = "text" if isinstance(value, str) else "number"
    values = [name, value if isinstance(value, str) else int(value), type(value).__name__]
    if operator == "=":  # few match, so the index finds them; otherwise many do, and the cheapest come first
        return f"id in (select listing from attribute where name = ? and {column} = ? and type = ?)", values  # noqa: S608  # names of ours
    return f"exists ({_ATTRIBUTE} and {column} {operator} ? and type = ?)", values
