"""The paying side: vouchers signed within caps, each call's on disk before it leaves.

A call has one voucher for ever: asked again, `pay` gives the same bytes. What is signed away never exceeds the deposit
nor the cap, whatever the receiver says.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from coase.errors import ConfigurationError, PaymentRefused
from coase.identity import Identity
from coase.money import check
from coase.settlement.channels.config import ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.payment import Payment, check_call
from coase.settlement.channels.writing import Writing

_SCHEMA = """
create table if not exists paying (
    channel blob primary key,
    config text not null,
    deposited text not null,
    spent text not null,
    signed text not null
);
create table if not exists paid_call (
    channel blob not null,
    call text not null,
    price text not null,
    amount text not null,
    cost text,
    primary key (channel, call)
) without rowid;
"""


@dataclass(frozen=True)
class Purse:
    """One channel from the payer's side, in base units.

    Args:
        deposited: what vouchers may add up to; the deposits that the payer knows of, less withdrawals.
        spent: what calls have cost.
        signed: the highest voucher; the most that the receiver can take.
    """

    config: ChannelConfig
    deposited: int
    spent: int
    signed: int

    @property
    def left(self) -> int:
        """What can still be spent."""
        return self.deposited - self.spent


class Payer:
    """Signs vouchers for the owner of a key.

    Args:
        identity: the channels' signer.
        place: chain and contract.
        db: where it remembers, in autocommit (``isolation_level=None``).
        most_a_call: base units that one call may cost.
        most_in_all: base units that may be signed away over all channels; None: only deposits limit it.
    """

    def __init__(
        self,
        identity: Identity,
        place: Place,
        db: sqlite3.Connection,
        *,
        most_a_call: int,
        most_in_all: int | None = None,
    ) -> None:
        if db.isolation_level is not None:
            raise ConfigurationError("a payer needs a connection in autocommit", hint="isolation_level=None")
        self.identity, self.place, self._db = identity, place, db
        self.most_a_call = check(most_a_call, what="the cap of a call")
        self.most_in_all = None if most_in_all is None else check(most_in_all, what="the cap in all")
        db.executescript(_SCHEMA)

    def funded(self, config: ChannelConfig, deposited: int) -> Purse:
        """Note how much is in a channel: what the chain says (`ChannelState.balance`), when a deposit is final.

        Raises:
            PaymentRefused: `not_our_channel`.
        """
        if config.signer != self.identity.account:
            raise PaymentRefused(f"vouchers of this channel are signed by {config.signer}", code="not_our_channel")
        named = channel_id(config, self.place)
        with self._write("funded"):
            self._db.execute(
                "insert into paying values (?, ?, ?, '0', '0')"
                " on conflict do update set deposited = excluded.deposited",
                (named, json.dumps(config.to_json()), str(check(deposited))),
            )
        return self.purse(config)

    def pay(self, config: ChannelConfig, call: str, price: int) -> Payment:
        """The payment for a call, the same however often it is asked for.

        Args:
            call: the payer's name for it, never used twice for different things.
            price: what it costs, or the most that a metered call may cost; see `ended`.

        Raises:
            PaymentRefused: `call_reused` with another price, `call_ended` when it came to nothing, `price_cap`,
                `spend_cap`, `deposit_spent`, `unknown_channel`, `malformed_payment`.
        """
        check_call(call)
        named, purse = channel_id(config, self.place), self.purse(config)
        found = self._call(named, call)
        if found is None:
            amount = self._amount(purse, check(price, what="the price"))
            with self._write("pay"):
                self._db.execute(
                    "insert into paid_call (channel, call, price, amount) values (?, ?, ?, ?)",
                    (named, call, str(price), str(amount)),
                )
                self._db.execute(
                    "update paying set spent = ?, signed = ? where channel = ?",
                    (str(purse.spent + price), str(max(amount, purse.signed)), named),
                )
        elif found[0] != price:
            raise PaymentRefused(
                f"the call {call} was paid for with {found[0]} base units, not {price}",
                hint="give each call a name of its own",
                code="call_reused",
            )
        elif found[2] == 0 < price:  # it was taken off the books: served now, it would be missing there
            raise PaymentRefused(
                f"the call {call} is over and cost nothing", hint="try again under another name", code="call_ended"
            )
        else:
            amount = found[1]
        return Payment(self.place, config, amount, self.identity.sign(voucher_digest(named, amount, self.place)), call)

    def ended(self, config: ChannelConfig, call: str, cost: int) -> Purse:
        """Note what a call came to: less than its price when it was metered, 0 when it was refused or failed.

        The voucher stays with the receiver, so what was signed for too much pays for later calls.

        Raises:
            PaymentRefused: `unknown_call`; `overcharged`: more than the call's price.
        """
        named = channel_id(config, self.place)
        found = self._call(named, call)
        if found is None:
            raise PaymentRefused(f"no call {call} was paid for", code="unknown_call")
        price, _, before = found
        if check(cost) > price:
            raise PaymentRefused(
                f"the call {call} is said to cost {cost} base units, above the {price} agreed to",
                hint="pay this receiver no more",
                code="overcharged",
            )
        if before is None:
            purse = self.purse(config)
            with self._write("ended"):
                self._db.execute(
                    "update paid_call set cost = ? where channel = ? and call = ?", (str(cost), named, call)
                )
                self._db.execute(
                    "update paying set spent = ? where channel = ?", (str(purse.spent - price + cost), named)
                )
        return self.purse(config)

    def catch_up(self, config: ChannelConfig, amount: int, signature: bytes) -> Purse:
        """Take over a voucher that this payer has signed and forgotten, as the receiver shows it (`Account.authorised`,
        `Account.signature`): for one who has lost its file and called `funded` on a new one. All of it counts as spent.

        Raises:
            PaymentRefused: `unknown_channel`; `forged_voucher`: it is not ours.
        """
        named, purse = channel_id(config, self.place), self.purse(config)
        if signature != self.identity.sign(
            voucher_digest(named, check(amount), self.place)
        ):  # signing is deterministic
            raise PaymentRefused("that voucher is not one of ours", hint="pay anew", code="forged_voucher")
        with self._write("catch up"):
            self._db.execute(
                "update paying set spent = ?, signed = ? where channel = ?",
                (str(max(purse.spent, amount)), str(max(purse.signed, amount)), named),
            )
        return self.purse(config)

    def purse(self, config: ChannelConfig) -> Purse:
        """A channel's money. `PaymentRefused` (`unknown_channel`) before `funded`."""
        query = "select deposited, spent, signed from paying where channel = ?"
        found = self._db.execute(query, (channel_id(config, self.place),)).fetchone()
        if found is None:
            raise PaymentRefused(
                "this channel is not known to the payer", hint="deposit, then call funded", code="unknown_channel"
            )
        return Purse(config, *map(int, found))

    def purses(self) -> list[Purse]:
        """All channels."""
        return purses(self._db)

    # ---- below

    def _amount(self, purse: Purse, price: int) -> int:
        """The voucher for one more call: the highest before it, where that suffices."""
        if price > self.most_a_call:
            raise PaymentRefused(
                f"{price} base units for a call, {self.most_a_call} are allowed",
                hint="raise the cap if this is meant",
                code="price_cap",
            )
        amount = max(purse.signed, purse.spent + price)
        if amount > purse.deposited:
            raise PaymentRefused(
                f"the channel holds {purse.deposited} base units, {purse.spent} are spent, {price} are asked for",
                hint="deposit more",
                code="deposit_spent",
            )
        if self.most_in_all is not None:
            signed = sum(one.signed for one in self.purses()) - purse.signed + amount
            if signed > self.most_in_all:
                raise PaymentRefused(
                    f"{signed} base units would be signed away, {self.most_in_all} are allowed",
                    hint="raise the cap if this is meant",
                    code="spend_cap",
                )
        return amount

    def _call(self, channel: bytes, call: str) -> tuple[int, int, int | None] | None:
        """Its price, its voucher's amount, and what it came to; None before `ended`."""
        query = "select price, amount, cost from paid_call where channel = ? and call = ?"
        found = self._db.execute(query, (channel, call)).fetchone()
        if found is None:
            return None
        return int(found[0]), int(found[1]), None if found[2] is None else int(found[2])

    def _write(self, what: str) -> Writing:
        return Writing(self._db, f"payer {what}")


def purses(db: sqlite3.Connection) -> list[Purse]:
    """All channels that a payer's database knows, without the payer's key."""
    db.executescript(_SCHEMA)
    rows = db.execute("select config, deposited, spent, signed from paying order by channel").fetchall()
    return [Purse(ChannelConfig.from_json(json.loads(row[0])), *map(int, row[1:])) for row in rows]
