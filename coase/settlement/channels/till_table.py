"""What a receiver remembers of its channels, in its own SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coase.errors import ConfigurationError
from coase.settlement.channels.config import ChannelConfig
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.writing import Writing

_SCHEMA = """
create table if not exists till (
    channel blob primary key,
    config text not null,
    state text not null,
    looked_at integer not null,
    charged text not null,
    authorised text not null,
    signature blob not null,
    since integer,
    trouble text not null
);
create table if not exists charged_call (
    channel blob not null, call text not null, price text not null, primary key (channel, call)
) without rowid;
create table if not exists claim_batch (
    id integer primary key, body text not null, done integer not null default 0
);
"""


@dataclass(frozen=True)
class Account:
    """One channel from the receiver's side, in base units.

    Args:
        channel: its id.
        config: its terms.
        state: what the chain said last.
        looked_at: when it said so, in seconds by our clock.
        charged: for all calls; what may be claimed.
        authorised: of the highest voucher.
        signature: of that; empty before any.
        since: when the oldest charge was made that is not claimed, in seconds; None: nothing is unclaimed.
        trouble: why it cannot be claimed, as the contract says; empty otherwise.
    """

    channel: bytes
    config: ChannelConfig
    state: ChannelState
    looked_at: int
    charged: int
    authorised: int
    signature: bytes
    since: int | None
    trouble: str = ""

    @property
    def unclaimed(self) -> int:
        """What was charged and not claimed."""
        return self.charged - self.state.claimed

    @property
    def claimable(self) -> int:
        """What the contract would pay of that: no more than the channel holds."""
        return min(self.charged, self.state.balance) - self.state.claimed


class TillTable:
    """The rows.

    Args:
        db: in autocommit (``isolation_level=None``); the tables are made when they are not there.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        if db.isolation_level is not None:
            raise ConfigurationError("a till needs a connection in autocommit", hint="isolation_level=None")
        self._db = db
        db.executescript(_SCHEMA)

    def all(self) -> list[Account]:
        """All channels."""
        return [_account(row) for row in self._db.execute("select * from till order by channel").fetchall()]

    def put(self, account: Account) -> None:
        """Write a channel."""
        with Writing(self._db, "till put"):
            self._put(account)

    def charge(self, accounts: Iterable[Account], calls: Mapping[tuple[bytes, str], int]) -> None:
        """Write channels together with the calls, (channel, name) -> price, that they were charged for."""
        with Writing(self._db, "till charge"):
            rows = [(channel, call, str(price)) for (channel, call), price in calls.items()]
            self._db.executemany("insert into charged_call values (?, ?, ?)", rows)
            for account in accounts:
                self._put(account)

    def give_back(self, account: Account, call: str) -> None:
        """Write a channel, and forget the call that it was charged for."""
        with Writing(self._db, "till give back"):
            self._db.execute("delete from charged_call where channel = ? and call = ?", (account.channel, call))
            self._put(account)

    def price_of(self, channel: bytes, call: str) -> int | None:
        """What a call was charged, or None."""
        query = "select price from charged_call where channel = ? and call = ?"
        found = self._db.execute(query, (channel, call)).fetchone()
        return None if found is None else int(found[0])

    # ---- claims, which are chosen before they are sent

    def begin(self, totals: dict[bytes, int]) -> int:
        """Note a batch of claims: channel -> how much in all. Returns its number."""
        body = json.dumps({name.hex(): str(total) for name, total in totals.items()})
        with Writing(self._db, "claim batch"):
            cursor = self._db.execute("insert into claim_batch (body) values (?)", (body,))
        return int(cursor.lastrowid or 0)

    def open_batches(self) -> list[tuple[int, dict[bytes, int]]]:
        """Batches whose end is not known, oldest first."""
        rows = self._db.execute("select id, body from claim_batch where done = 0 order by id").fetchall()
        return [(row[0], {bytes.fromhex(k): int(v) for k, v in json.loads(row[1]).items()}) for row in rows]

    def claiming(self, channel: bytes) -> bool:
        """Whether a claim of this channel is under way."""
        return any(channel in totals for _, totals in self.open_batches())

    def end(self, batch: int, accounts: list[Account]) -> None:
        """Note that a batch is over, and how its channels stand."""
        with Writing(self._db, "claim ended"):
            self._db.execute("update claim_batch set done = 1 where id = ?", (batch,))
            for account in accounts:
                self._put(account)

    # ---- below

    def _put(self, account: Account) -> None:
        state = account.state
        values = (
            account.channel,
            json.dumps(account.config.to_json()),
            json.dumps([str(v) for v in (state.balance, state.claimed, state.withdrawing)]
                       + [state.initiated_at, state.contested, state.seen_at]),
            account.looked_at,
            str(account.charged),
            str(account.authorised),
            account.signature,
            account.since,
            account.trouble,
        )  # fmt: skip
        self._db.execute("insert or replace into till values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _account(row: tuple[Any, ...]) -> Account:
    channel, config, state, looked_at, charged, authorised, signature, since, trouble = row
    balance, claimed, withdrawing, initiated_at, contested, seen_at = json.loads(state)
    return Account(
        channel,
        ChannelConfig.from_json(json.loads(config)),
        ChannelState(int(balance), int(claimed), int(withdrawing), initiated_at, contested, seen_at),
        looked_at,
        int(charged),
        int(authorised),
        signature,
        since,
        trouble,
    )
