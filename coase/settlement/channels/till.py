"""The paid side: whether a voucher pays for a call, told without a chain call, and on disk before anything is served.

What is known of a channel's money comes from `ChannelsClient.state`, read now and then; between two looks the payer can
at most start a withdrawal, which matures later than the next look. Refusals, by code:

=======================  ==============================================================================
`malformed_payment`      not of the form; too long
`wrong_chain`            made for another chain
`wrong_contract`         made for another contract
`wrong_channel`          its channel id is not that of its config
`not_our_channel`        it pays someone else, in another token, or leaves us too little time to claim
`unknown_channel`        not admitted yet, or too many are
`too_little_deposited`   the channel holds less than we ask for
`state_is_old`           nobody has looked at the chain for too long
`withdrawal_pending`     the payer is taking its money back
`call_reused`            this call was paid for with another price
`voucher_spent`          the same voucher was used up by earlier calls (a replay)
`stale_voucher`          a higher one was used before
`underpaid`              it does not reach what was charged before and this call's price
`overdrawn`              it is for more than the channel holds
`bad_signature`          not a canonical signature
`forged_voucher`         not signed by the channel's signer over this amount, channel, contract and chain
=======================  ==============================================================================
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from coase import identity
from coase.errors import ConfigurationError, PaymentRefused, SignatureError
from coase.identity import checksum
from coase.money import check
from coase.settlement.channels.config import ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payment import Payment, check_call, read_payment
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till_table import Account, TillTable

MOST_CHANNELS = 100_000
AT_ONCE = 500  # channels whose state is asked for together


@dataclass(frozen=True)
class Terms:
    """Which channels are accepted.

    Args:
        receiver: our account.
        token: the ERC-20 contract of all amounts.
        shortest_delay: seconds that a withdrawal must wait at least.
        looks_every: seconds by our clock until the chain must be looked at again, at most half of `shortest_delay`.
        least_deposit: base units that a stranger must put in before we remember its channel.

    Raises:
        ConfigurationError: `bad_terms`.
    """

    receiver: str
    token: str
    shortest_delay: int = 3600
    looks_every: int = 900
    least_deposit: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "receiver", checksum(self.receiver))
        object.__setattr__(self, "token", checksum(self.token))
        if not 0 < self.looks_every <= self.shortest_delay // 2:
            raise ConfigurationError("looks_every is 1 to half of shortest_delay, in seconds", code="bad_terms")
        if check(self.least_deposit, what="the least deposit") < 1:
            raise ConfigurationError("the least deposit is 1 base unit or more", code="bad_terms")


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

    # ---- what the chain says

    def admit(self, config: ChannelConfig, state: ChannelState) -> Account:
        """Note what the chain says of a channel; the first time, accept it.

        Raises:
            PaymentRefused: `not_our_channel`, `too_little_deposited`, `unknown_channel` (there are too many).
        """
        self._check_config(config)
        named = channel_id(config, self.place)
        known = self._accounts.get(named)
        if known is None:
            if state.balance - state.claimed < self.terms.least_deposit:
                raise PaymentRefused(
                    f"the channel holds {state.balance - state.claimed} base units",
                    hint=f"deposit {self.terms.least_deposit} or more, and wait until the deposit is final",
                    code="too_little_deposited",
                )
            if len(self._accounts) >= MOST_CHANNELS:
                raise PaymentRefused(f"{MOST_CHANNELS:,} channels are the most", code="unknown_channel")
            known = Account(named, config, state, 0, state.claimed, 0, b"", None)
        trouble = known.trouble if state == known.state else ""
        charged = max(known.charged, state.claimed)
        account = replace(known, state=state, looked_at=self.clock(), charged=charged, trouble=trouble)
        self.table.put(account)
        self._accounts[named] = account
        return account

    async def look(self, client: ChannelsClient, config: ChannelConfig) -> Account:
        """Read a channel's state from the chain and `admit` it."""
        self._check_config(config)
        return self.admit(config, await client.state(config))

    async def look_at_all(self, client: ChannelsClient) -> None:
        """Read every channel's state again; what to do at least every `Terms.looks_every` seconds.

        Raises:
            SettlementError: the node does not answer. What it said before counts until it is too old.
        """
        configs = [account.config for account in self._accounts.values()]
        for low in range(0, len(configs), AT_ONCE):
            part = configs[low : low + AT_ONCE]
            for config, state in zip(part, await client.states(part), strict=True):
                self.admit(config, state)

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
        given = payment if isinstance(payment, Payment) else read_payment(payment)
        check(price, what="the price")
        account = self._account(given)
        call = check_call(given.call)
        self.verify(given, account)
        before = self.table.price_of(account.channel, call)
        if before is not None:
            if before != price:
                raise PaymentRefused(
                    f"the call {call} cost {before} base units, not {price}",
                    hint="give each call a name of its own",
                    code="call_reused",
                )
            return Charge(account.channel, call, price, account.charged, again=True)
        self._check_state(account)
        self._check_amount(account, given, price)
        charged = account.charged + price
        signed = (account.authorised, account.signature)
        if given.amount > account.authorised:
            signed = (given.amount, given.signature)
        since = account.since if account.since is not None else self.clock()
        after = replace(account, charged=charged, authorised=signed[0], signature=signed[1], since=since)
        self.table.charge(after, call, price)
        self._accounts[account.channel] = after
        return Charge(account.channel, call, price, charged, again=False)

    def verify(self, payment: Payment, account: Account) -> None:
        """Check a voucher's signature.

        Raises:
            PaymentRefused: `bad_signature`, `forged_voucher`.
        """
        if payment.amount == account.authorised and payment.signature == account.signature:
            return  # verified before
        try:
            key = identity.recover(voucher_digest(account.channel, payment.amount, self.place), payment.signature)
        except SignatureError as error:
            raise PaymentRefused(f"the voucher's signature: {error.message}", code="bad_signature") from error
        signer = identity.account_of(key)
        if signer != account.config.signer:
            raise PaymentRefused(
                f"the voucher is not signed by {account.config.signer} for this amount, channel, contract and chain",
                code="forged_voucher",
            )

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
            raise _unknown()
        return found

    def accounts(self) -> list[Account]:
        """All channels, by id."""
        return [self._accounts[name] for name in sorted(self._accounts)]

    def remember(self, accounts: Iterable[Account]) -> None:
        """Take over rows that were written elsewhere."""
        self._accounts |= {one.channel: one for one in accounts}

    # ---- below

    def _account(self, payment: Payment) -> Account:
        if payment.place.chain_id != self.place.chain_id:
            raise PaymentRefused(f"the voucher is for {payment.place.network}", code="wrong_chain")
        if payment.place.contract != self.place.contract:
            raise PaymentRefused(f"the voucher is for {payment.place.contract}", code="wrong_contract")
        found = self._accounts.get(payment.channel)
        if found is None:
            self._check_config(payment.config)
            raise _unknown()
        return found

    def _check_config(self, config: ChannelConfig) -> None:
        terms = self.terms
        wrong = (
            f"it pays {config.receiver}" if config.receiver != terms.receiver else
            f"it is in {config.token}" if config.token != terms.token else
            f"its withdrawals wait {config.withdraw_delay} seconds" if config.withdraw_delay < terms.shortest_delay else
            ""
        )  # fmt: skip
        if wrong:
            raise PaymentRefused(
                f"not a channel for us: {wrong}",
                hint=f"pay {terms.receiver} in {terms.token}, with a delay of {terms.shortest_delay} seconds or more",
                code="not_our_channel",
            )

    def _check_state(self, account: Account) -> None:
        age = self.clock() - account.looked_at
        if age > self.terms.looks_every:
            raise PaymentRefused(
                f"what is known of the channel is {age} seconds old", hint="look at the chain", code="state_is_old"
            )
        if account.state.pending(account.config):
            raise PaymentRefused(
                "the payer is taking its money back", hint="cancel the withdrawal", code="withdrawal_pending"
            )

    def _check_amount(self, account: Account, payment: Payment, price: int) -> None:
        needed, amount = account.charged + price, payment.amount
        if amount > account.state.balance:
            raise PaymentRefused(
                f"the voucher is for {amount} base units, the channel holds {account.state.balance}",
                hint="deposit more, or wait until the deposit is seen",
                code="overdrawn",
            )
        if amount >= needed:
            return
        code, why = (
            ("stale_voucher", f"one for {account.authorised} was used before") if amount < account.authorised else
            ("voucher_spent", "earlier calls have used it up") if amount == account.authorised else
            ("underpaid", f"{account.charged} base units were charged before")
        )  # fmt: skip
        raise PaymentRefused(
            f"the voucher is for {amount} base units, {needed} are needed: {why}",
            hint=f"sign one for {needed} or more",
            code=code,
        )


def _unknown() -> PaymentRefused:
    return PaymentRefused(
        "the channel is not known here yet", hint="look at the chain, then again", code="unknown_channel"
    )
