"""The embedded chain on disk: one SQLite row a block, written before anybody learns that the block exists."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from coase.errors import ChainCorrupt, ChainUnavailable, ConfigurationError
from coase.settlement.evm import Block, Chain, Genesis, Refused

_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists genesis (id integer primary key check (id = 1), body text not null);
create table if not exists block (
    number integer primary key, time integer not null, raw blob not null, hash blob not null
);
"""


class BlockLog:
    """The rows of one chain. Used by one thread.

    Args:
        path: the SQLite file, made when it is not there.

    Raises:
        ChainCorrupt: the file is not such a log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _corrupt(path, f"it cannot be read ({error})") from error

    def restore(self, genesis: Genesis) -> Chain:
        """The chain that the rows describe: every block executed again, every hash compared.

        Raises:
            ConfigurationError: the rows begin at another genesis.
            ChainCorrupt: a block does not replay to what was recorded.
        """
        try:
            self._pin(genesis)
            chain = Chain(genesis, self.append)
            for number, time, raw, expected in self._db.execute(
                "select number, time, raw, hash from block order by number"
            ):
                follows = number == chain.head.number + 1 and isinstance(time, int) and chain.head.time < time < 2**40
                if not follows or not isinstance(raw, bytes):
                    raise _corrupt(self.path, f"block {chain.head.number + 1} is missing or out of order")
                try:
                    block = chain.execute(raw, time)
                except Refused as error:
                    raise _corrupt(self.path, f"block {number} does not execute ({error})") from error
                if block.hash != expected:
                    raise _corrupt(self.path, f"block {number} replays to another hash")
                chain.adopt(block)
        except sqlite3.DatabaseError as error:
            raise _corrupt(self.path, f"it cannot be read ({error})") from error
        return chain

    def append(self, block: Block) -> None:
        """Put a block on disk. `ChainUnavailable` when the disk does not take it."""
        try:
            self._db.execute("insert into block values (?, ?, ?, ?)", (block.number, block.time, block.raw, block.hash))
        except sqlite3.Error as error:
            raise ChainUnavailable(
                f"block {block.number} could not be written to {self.path.name}: {error}",
                hint="free some space or check the folder's permissions; the block did not happen",
                code="chain_not_written",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _pin(self, genesis: Genesis) -> None:
        found = self._db.execute("select body from genesis").fetchone()
        if found is None:
            self._db.execute("insert into genesis values (1, ?)", (genesis.text(),))
            return
        if found[0] == genesis.text():
            return
        try:
            there, asked = json.loads(found[0]), json.loads(genesis.text())
            differing = [name for name in asked if there.get(name) != asked[name]]
        except (ValueError, AttributeError) as error:
            raise _corrupt(self.path, "its genesis cannot be read") from error
        shown = "; ".join(f"{n} is {_short(there.get(n))}, asked for {_short(asked[n])}" for n in differing)
        raise ConfigurationError(
            f"{self.path.name} holds a chain with another genesis: {shown}",
            hint="use another folder, or ask for the same genesis and software as the one who made it",
            code="other_genesis",
        )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _corrupt(path: Path, why: str) -> ChainCorrupt:
    return ChainCorrupt(
        f"the chain in {path.name} is not what was recorded: {why}",
        hint="restore the file from a backup, or start a new chain in another folder",
    )
