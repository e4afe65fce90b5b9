"""What both sides of a channel do around each change on disk."""

from __future__ import annotations

import sqlite3
from typing import Any

from coase import crash
from coase.errors import SettlementError


class Writing:
    """A transaction between two crash points. What the disk does not take is a `SettlementError`."""

    def __init__(self, db: sqlite3.Connection, what: str) -> None:
        self._db, self._what = db, what

    def __enter__(self) -> None:
        crash.point(f"before {self._what}")
        self._begin()

    def _begin(self) -> None:
        try:
            self._db.execute("begin immediate")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if kind is not None:
            self._undo()
            if isinstance(error, sqlite3.Error):
                raise self._failed(error) from error
            return
        try:
            self._db.execute("commit")
        except sqlite3.Error as failure:
            self._undo()
            raise self._failed(failure) from failure
        crash.point(f"after {self._what}")

    def _undo(self) -> None:
        if self._db.in_transaction:  # a full disk may have undone it already
            self._db.execute("rollback")

    def _failed(self, error: sqlite3.Error) -> SettlementError:
        return SettlementError(
            f"{self._what} could not be written: {error}",
            hint="free some space or close who locks the file, then ask again: nothing is done twice",
            code="not_written",
        )
