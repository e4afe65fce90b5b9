"""Where listings are kept: the seam, and SQLite with FTS5."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol

from coase import crash
from coase.errors import ConfigurationError
from coase.registry.query import FIELDS, Comparison, Query
from coase.terms.listing import Listing

_SCHEMA = """
create table if not exists listing(
    id integer primary key, agent text not null, account text not null, key text not null, sequence integer not null,
    kind text not null, unit text not null, price integer not null, content text not null, issued integer not null,
    expires integer not null, digest text not null, withdrawn integer not null default 0, body text not null,
    unique (agent, key));
create index if not exists listing_kind on listing(kind, price);
create table if not exists attribute(
    listing integer not null references listing(id) on delete cascade, name text not null, type text not null,
    number integer, text text, primary key (listing, name)) without rowid;
create index if not exists attribute_number on attribute(name, number);
create virtual table if not exists words using fts5(title, description, tokenize='unicode61');
"""
_COLUMNS = ("agent", "account", "key", "sequence", "kind", "unit", "price", "content", "issued", "expires", "digest")
_TEXTS = frozenset({"agent", "account", "key", "kind", "unit", "content"})


class Storage(Protocol):
    """What a registry needs of a database."""

    def current(self, agent: str, key: str) -> tuple[Listing, bool] | None:
        """The newest listing of a slot and whether it was withdrawn, expired or not; None when there never was one."""
        ...

    def put(self, listing: Listing, *, withdrawn: bool = False) -> None:
        """Replace what is in the listing's slot."""
        ...

    def count(self, agent: str) -> int:
        """How many slots an agent uses."""
        ...

    def search(self, query: Query, now: int, limit: int, offset: int) -> list[Listing]:
        """Listings that match and have not expired, cheapest first, then by agent and key."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class SqliteStorage:
    """One file, WAL; full-text search by FTS5.

    Args:
        path: the file, created when missing; None for memory only.
        read_only: for looking at a registry that another process owns.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        try:
            if path is None:
                self.db = sqlite3.connect(":memory:", isolation_level=None)
            elif read_only:
                self.db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", isolation_level=None, uri=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.db = sqlite3.connect(path, isolation_level=None)
            if not read_only:
                self.db.execute("pragma journal_mode=wal")
                self.db.executescript(_SCHEMA)
            self.db.execute("pragma foreign_keys=on")
            self.db.execute("select 1 from listing limit 1")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"the registry {path} cannot be opened: {error}", hint="check the path", code="registry_unusable"
            ) from error

    def current(self, agent: str, key: str) -> tuple[Listing, bool] | None:
        """The newest listing of a slot and whether it was withdrawn."""
        row = self.db.execute("select body, withdrawn from listing where agent=? and key=?", (agent, key)).fetchone()
        return (Listing.model_validate_json(row[0]), bool(row[1])) if row else None

    def put(self, listing: Listing, *, withdrawn: bool = False) -> None:
        """Replace what is in the listing's slot, in one transaction."""
        crash.point(f"registry before {listing.key}")
        self.db.execute("begin immediate")
        try:
            self._put(listing, withdrawn)
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")
        crash.point(f"registry after {listing.key}")

    def _put(self, listing: Listing, withdrawn: bool) -> None:
        db, slot = self.db, (listing.agent, listing.key)
        old = db.execute("select id from listing where agent=? and key=?", slot).fetchone()
        if old:
            db.execute("delete from words where rowid=?", old)
            db.execute("delete from listing where id=?", old)
        values = [getattr(listing, name) for name in _COLUMNS]
        marks = ",".join("?" * (len(_COLUMNS) + 2))
        sql = f"insert into listing({','.join(_COLUMNS)},withdrawn,body) values ({marks})"  # noqa: S608  # constants
        new = db.execute(sql, (*values, withdrawn, listing.model_dump_json())).lastrowid
        db.execute(
            "insert into words(rowid, title, description) values (?,?,?)", (new, listing.title, listing.description)
        )
        for name, value in listing.attributes.items():
            number = None if isinstance(value, str) else int(value)
            text = value if isinstance(value, str) else None
            db.execute("insert into attribute values (?,?,?,?,?)", (new, name, type(value).__name__, number, text))

    def count(self, agent: str) -> int:
        """How many slots an agent uses."""
        return int(self.db.execute("select count(*) from listing where agent=?", (agent,)).fetchone()[0])

    def search(self, query: Query, now: int, limit: int, offset: int) -> list[Listing]:
        """Listings that match and have not expired, cheapest first, then by agent and key."""
        where, values = ["expires > ?", "issued <= ?", "not withdrawn"], [now, now]
        for comparison in query.comparisons:
            clause, more = _compiled(comparison)
            where.append(clause)
            values += more
        if query.words:
            where.append("id in (select rowid from words where words match ?)")
            values.append(" ".join(f'"{word}"' for word in query.words))
        sql = (
            f"select body from listing where {' and '.join(where)}"  # noqa: S608  # clauses hold only names of ours
            " order by price, agent, key limit ? offset ?"
        )
        return [Listing.model_validate_json(row[0]) for row in self.db.execute(sql, (*values, limit, offset))]

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def _compiled(comparison: Comparison) -> tuple[str, list[Any]]:
    name, operator, value = comparison.name, comparison.operator, comparison.value
    if name in FIELDS:
        is_text = name in _TEXTS
        if operator == "~":
            return (f"instr(lower({name}), lower(?)) > 0", [str(value)]) if is_text else ("0", [])
        if isinstance(value, bool) or isinstance(value, str) != is_text:
            return "0", []
        return f"{name} {operator} ?", [value]
    inner = "select listing from attribute where name = ? and "
    if operator == "~":
        return f"id in ({inner}instr(lower(text), lower(?)) > 0)", [name, str(value)]
    column = "text" if isinstance(value, str) else "number"
    stored = value if isinstance(value, str) else int(value)
    return f"id in ({inner}type = ? and {column} {operator} ?)", [name, type(value).__name__, stored]
