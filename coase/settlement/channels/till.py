"""The paid side: whether a voucher pays for a call, told without a chain call, and on disk before anything is served.

What is known of a channel's money comes from the contract's events (`following`), or from `ChannelsClient.state`, read
now and then; between two looks the payer can at most start a withdrawal, which matures later than the next look. The
refusals are in `accepting`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from coase.errors import PaymentRefused
from coase.money import check
from coase.settlement.channels import accepting
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.config import ChannelConfig, Place, channel_id
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payment import Payment, check_call, read_payment
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till_table import Account, TillTable

MOST_CHANNELS = 100_000
AT_ONCE = 500  # channels whose state is asked for together


class Charge(NamedTuple):
    """A call that is paid for.

    Attributes:
        channel: the channel's id.
        call: the payer's name for it.
        price: base units charged for it.
        charged: base units charged over all calls of the channel.
        again: it had been charged before, and was not charged twice. Give the answer that was given then: who works
            anew works for nothing.
    """

    channel: bytes
    call: str
    price: int
    charged: int
    again: bool


class Till:
    """Takes vouchers for one receiver.

    Args:
        place: chain and contract.
        terms: which channels are accepted.
        db: where it remembers, in autocommit (``isolation_level=None``).
        clock: seconds.
    """

    def __init__(self, place: Place, terms: Terms, db: sqlite3.Connection, clock: Callable[[], int]) -> None:
        self.place, self.terms, self.clock = place, terms, clock
        self.table = TillTable(db)
        self._accounts = {account.channel: account for account in self.table.all()}
        self._in_step = -1  # when all channels were known to be as they are on the chain, by our clock
        self.unconfirmed: set[bytes] = set()  # read from the chain itself, and not told by its events since then

    # ---- what the chain says

    def admit(self, config: ChannelConfig, state: ChannelState) -> Account:
        """Note what the chain says of a channel; the first time, accept it.

        Raises:
            PaymentRefused: `not_our_channel`, `too_little_deposited`, `unknown_channel` (there are too many).
        """
        accepting.check_config(config, self.terms)
        named = channel_id(config, self.place)
        known = self._accounts.get(named)
        if known is None:
            accepting.check_deposit(state, self.terms)
            if len(self._accounts) >= MOST_CHANNELS:
                raise PaymentRefused(f"{MOST_CHANNELS:,} channels are the most", code="unknown_channel")
            known = Account(named, config, state, 0, state.claimed, 0, b"", None)
        self.unconfirmed.add(named)
        return self._see(known, state)

    async def look(self, client: ChannelsClient, config: ChannelConfig) -> Account:
        """Read a channel's state from the chain and `admit` it."""
        accepting.check_config(config, self.terms)
        return self.admit(config, await client.state(config))

    async def look_at_all(self, client: ChannelsClient) -> None:
        """Read every channel's state again: after a start, and at least every `Terms.looks_every` seconds where no
        `Follower` does it.

        Raises:
            SettlementError: the node does not answer. What it said before counts until it is too old.
        """
        configs = [account.config for account in self._accounts.values()]
        for low in range(0, len(configs), AT_ONCE):
            part = configs[low : low + AT_ONCE]
            for config, state in zip(part, await client.states(part), strict=True):
                self.admit(config, state)

    def follow(self, states: Mapping[bytes, ChannelState], *, at: int) -> None:
        """Note what the chain's events say of known channels, by id; the others are as they were. See `following`.

        Args:
            at: when the chain was asked, in seconds by our clock.

        Raises:
            SettlementError: `not_written`. What was written before counts.
        """
        for named, state in states.items():
            self._see(self.account(named), state)
            self.unconfirmed.discard(named)
        self._in_step = at

    # ---- charging

    def charge(self, payment: object, price: int) -> Charge:
        """Take a call's price from a channel; after this returns, serve.

        Args:
            payment: a `Payment`, or its JSON as anyone sends it.
            price: base units. The voucher may be for more, as for a metered call: only the price is charged.

        Raises:
            PaymentRefused: see above. Nothing is charged.
            SettlementError: `not_written`; nothing is charged.
        """
        (found,) = self.charge_many([(payment, price)])
        if isinstance(found, PaymentRefused):
            raise found
        return found

    def charge_many(self, calls: Sequence[tuple[object, int]]) -> list[Charge | PaymentRefused]:
        """Take the prices of several calls with one write to the disk, which is what a charge costs most.

        Args:
            calls: payments and prices, as for `charge`, in the order in which they came.

        Returns:
            For each call its charge, or why it was refused; a refused one does not touch the others.

        Raises:
            SettlementError: `not_written`; nothing is charged.
        """
        ahead: dict[bytes, Account] = {}
        priced: dict[tuple[bytes, str], int] = {}
        found: list[Charge | PaymentRefused] = []
        for payment, price in calls:
            try:
                found.append(self._take(payment, check(price, what="the price"), ahead, priced))
            except PaymentRefused as error:
                found.append(error)
        if priced:
            self.table.charge(ahead.values(), priced)
            self._accounts |= ahead
        return found

    def give_back(self, channel: bytes, call: str) -> Account:
        """Take back the charge of a call that could not be served; its voucher pays for later calls.

        Raises:
            PaymentRefused: `unknown_call`; `claimed`: too much of the channel is claimed already.
        """
        account, price = self.account(channel), self.table.price_of(channel, call)
        if price is None:
            raise PaymentRefused(f"no call {call} was charged", code="unknown_call")
        after = replace(account, charged=account.charged - price)
        if after.charged < account.state.claimed or self.table.claiming(channel):
            raise PaymentRefused("too much is claimed already", hint="refund through the contract", code="claimed")
        self.table.give_back(after, call)
        self._accounts[channel] = after
        return after

    def account(self, channel: bytes) -> Account:
        """A channel by its id. `PaymentRefused` (`unknown_channel`) when it was never admitted."""
        found = self._accounts.get(channel)
        if found is None:
            raise accepting.unknown_channel()
        return found

    def accounts(self) -> list[Account]:
        """All channels, by id."""
        return [self._accounts[name] for name in sorted(self._accounts)]

    def remember(self, accounts: Iterable[Account]) -> None:
        """Take over rows that were written elsewhere."""
        found = {one.channel: one for one in accounts}
        self._accounts |= found
        self.unconfirmed |= found.keys()

    # ---- below

    def _see(self, known: Account, state: ChannelState) -> Account:
        trouble = known.trouble if state == known.state else ""
        charged = max(known.charged, state.claimed)
        since = known.since
        if since is None and charged > state.claimed:  # a claim of ours was undone
            since = self.clock()
        account = replace(known, state=state, looked_at=self.clock(), charged=charged, since=since, trouble=trouble)
        self.table.put(account)
        self._accounts[account.channel] = account
        return account

    def _take(
        self, payment: object, price: int, ahead: dict[bytes, Account], priced: dict[tuple[bytes, str], int]
    ) -> Charge:
        """One call, on top of what comes before it and is not written yet."""
        given = payment if isinstance(payment, Payment) else read_payment(payment)
        accepting.check_place(given, self.place)
        name, call = given.channel, check_call(given.call)
        account = ahead.get(name) or self._accounts.get(name)
        if account is None:
            accepting.check_config(given.config, self.terms)
            raise accepting.unknown_channel()
        accepting.check_signature(given, account, self.place)
        before = priced[name, call] if (name, call) in priced else self.table.price_of(name, call)
        if before is not None:
            if before != price:
                raise PaymentRefused(
                    f"the call {call} cost {before} base units, not {price}",
                    hint="give each call a name of its own",
                    code="call_reused",
                )
            return Charge(name, call, price, account.charged, again=True)
        looked_at = max(account.looked_at, self._in_step)
        accepting.check_state(account, self.terms, looked_at=looked_at, now=self.clock())
        accepting.check_amount(given, account, price)
        ahead[name], priced[name, call] = self._after(account, given, price), price
        return Charge(name, call, price, account.charged + price, again=False)

    def _after(self, account: Account, payment: Payment, price: int) -> Account:
        signed = (account.authorised, account.signature)
        if payment.amount > account.authorised:
            signed = (payment.amount, payment.signature)
        since = account.since if account.since is not None else self.clock()
        return replace(account, charged=account.charged + price, authorised=signed[0], signature=signed[1], since=since)
