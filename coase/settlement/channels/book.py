"""A party's channels in one file: its outbox, what it pays and what it is paid. One process at a time holds it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from coase.errors import ConfigurationError
from coase.identity import checksum
from coase.settlement.channels.config import Place

_SCHEMA = "create table if not exists book (chain_id integer, contract text, token text, account text)"


@dataclass(frozen=True)
class Cover:
    """Whose book it is, and of what: chain and contract, the ERC-20 contract of its amounts, the party's account."""

    place: Place
    token: str
    account: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", checksum(self.token))
        object.__setattr__(self, "account", checksum(self.account))


@contextmanager
def open_book(path: Path, cover: Cover) -> Iterator[sqlite3.Connection]:
    """Hold the book, made when it is not there; gives the connection that `Payer`, `Till` and `Outbox` take.

    A till remembers in memory what it has charged, so two processes over one file would each forget the other's.

    Raises:
        ConfigurationError: `book_in_use`; `other_book`: it is someone else's, or for another chain or token.
    """
    handle = _lock(path.with_name(path.name + ".lock"))
    try:
        with closing(_connect(path)) as db:
            found = _cover(db)
            if found is None:
                row = (cover.place.chain_id, cover.place.contract, cover.token, cover.account)
                db.execute("insert into book values (?, ?, ?, ?)", row)
            elif found != cover:
                raise ConfigurationError(
                    f"the book {path.name} is of {found.account} on {found.place.network}, contract"
                    f" {found.place.contract}, token {found.token}",
                    hint="keep a book for each account, contract and token",
                    code="other_book",
                )
            yield db
    finally:
        os.close(handle)


@contextmanager
def peek(path: Path) -> Iterator[tuple[Cover, sqlite3.Connection]]:
    """Look into a book that another process may hold; change none of its rows.

    Raises:
        ConfigurationError: `no_book`.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no book {path.name}", code="no_book")
    with closing(_connect(path)) as db:
        found = _cover(db)
        if found is None:
            raise ConfigurationError(f"{path.name} is no book of channels", code="no_book")
        yield found, db


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.execute(_SCHEMA)
    except sqlite3.Error as error:
        raise ConfigurationError(f"{path.name} cannot be opened: {error}", code="no_book") from error
    return db


def _cover(db: sqlite3.Connection) -> Cover | None:
    row = db.execute("select chain_id, contract, token, account from book").fetchone()
    return None if row is None else Cover(Place(row[0], row[1]), row[2], row[3])


def _lock(path: Path) -> int:
    """The kernel lets go of it when the process ends, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ConfigurationError(
            f"another process keeps {path.name.removesuffix('.lock')}",
            hint="stop it, or let it do what you want done",
            code="book_in_use",
        ) from error
    return handle
