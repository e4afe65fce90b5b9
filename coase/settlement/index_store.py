"""The index on disk: blocks that were read, and the events in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from coase import crash
from coase.errors import ConfigurationError, SettlementError
from coase.identity import checksum
from coase.settlement.logs import FoundLog
from coase.settlement.records import Header, Log

_SCHEMA = """
create table if not exists scope (id integer primary key check (id = 1), body text not null);
create table if not exists block (number integer primary key, hash text not null, parent text not null);
create table if not exists event (
    block_hash text not null,
    log_index integer not null,
    number integer not null,
    tx text not null,
    address text not null,
    topic text,
    topics text not null,
    data blob not null,
    primary key (block_hash, log_index)
) without rowid;
create index if not exists event_number on event (number);
create index if not exists event_topic on event (topic, number);
create index if not exists event_about on event (json_extract(topics, '$[1]'), number);
"""


class IndexStore:
    """The rows of one indexer.

    Args:
        db: in autocommit (``isolation_level=None``); the tables are made when they are not there.
        scope: what is indexed. `ConfigurationError` when the file holds another index.
    """

    def __init__(self, db: sqlite3.Connection, scope: dict[str, object]) -> None:
        if db.isolation_level is not None:
            raise ConfigurationError("the index needs a connection in autocommit", hint="isolation_level=None")
        self._db = db
        db.executescript(_SCHEMA)
        text = json.dumps(scope, sort_keys=True)
        db.execute("insert or ignore into scope values (1, ?)", (text,))
        (found,) = db.execute("select body from scope").fetchone()
        if found != text:
            raise ConfigurationError(
                f"this file indexes something else: {found[:200]}", hint="use another file", code="other_index"
            )

    def last(self, up_to: int = 2**62) -> Header | None:
        """The last block that was read, no higher than `up_to`."""
        query = "select number, hash, parent from block where number <= ? order by number desc limit 1"
        found = self._db.execute(query, (up_to,)).fetchone()
        return None if found is None else Header(found[0], found[1], found[2], 0, 0)

    def append(self, blocks: Sequence[Header], found: Sequence[FoundLog], keep: int) -> int:
        """Add blocks and events, all together; an event that is there stays as it is. Returns how many were new.

        Args:
            keep: of older blocks than the last so many, one in `keep` is remembered.
        """
        last = blocks[-1].number
        crash.point(f"index before {last}")
        before = self._count()
        with self._together():
            self._db.executemany(
                "insert or replace into block values (?, ?, ?)", [(b.number, b.hash, b.parent) for b in blocks]
            )
            self._db.executemany(
                "insert or ignore into event values (?, ?, ?, ?, ?, ?, ?, ?)", [_row(one) for one in found]
            )
            thin = "delete from block where number < ? and number % ? != 0 and number >= ?"
            self._db.execute(thin, (last - keep, keep, last - 3 * keep))
        crash.point(f"index after {last}")
        return self._count() - before

    def drop_last(self) -> int:
        """Forget the last block, and every event after the one before it. Returns how many events that were."""
        last = self.last()
        if last is None:
            return 0
        before, below = self._count(), self.last(last.number - 1)
        crash.point(f"index before dropping {last.number}")
        with self._together():
            self._db.execute("delete from event where number > ?", (below.number if below else -1,))
            self._db.execute("delete from block where number = ?", (last.number,))
        crash.point(f"index after dropping {last.number}")
        return before - self._count()

    def read(self, topic: bytes | None, low: int, high: int) -> Iterator[FoundLog]:
        """Events in the order of the chain, with this first topic unless it is None, in blocks `low` to `high`."""
        wanted = None if topic is None else topic.hex()
        yield from self._select("number between ? and ? and (? is null or topic = ?)", low, high, wanted, wanted)

    def about(self, second: bytes, high: int) -> Iterator[FoundLog]:
        """Events in the order of the chain whose second topic is this, up to block `high`."""
        yield from self._select("json_extract(topics, '$[1]') = ? and number <= ?", second.hex(), high)

    def _select(self, where: str, *values: object) -> Iterator[FoundLog]:
        columns = "block_hash, log_index, number, tx, address, topics, data"
        query = f"select {columns} from event where {where} order by number, log_index"  # noqa: S608  # ours alone
        for row in self._db.execute(query, values):
            topics = tuple(bytes.fromhex(one) for one in json.loads(row[5]))
            yield FoundLog(Log(checksum(row[4]), topics, row[6]), row[2], row[0], row[1], row[3])

    def _count(self) -> int:
        return int(self._db.execute("select count(*) from event").fetchone()[0])

    def _together(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self._db.execute("commit")
            return
        if self._db.in_transaction:
            self._db.execute("rollback")
        if isinstance(error, sqlite3.Error):
            raise SettlementError(
                f"the index could not be written: {error}",
                hint="free some space, then go on: nothing is lost",
                code="index_not_written",
            ) from error


def _row(one: FoundLog) -> tuple[object, ...]:
    topics = [topic.hex() for topic in one.log.topics]
    first = topics[0] if topics else None
    place = (one.block_hash, one.index, one.block, one.transaction)
    return (*place, one.log.address, first, json.dumps(topics), one.log.data)
