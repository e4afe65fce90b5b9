"""What speaks against a payment. Each fault has a code of its own:

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

from dataclasses import dataclass

from coase import identity
from coase.errors import ConfigurationError, PaymentRefused, SignatureError
from coase.identity import checksum
from coase.money import check
from coase.settlement.channels.config import ChannelConfig, Place, voucher_digest
from coase.settlement.channels.payment import Payment
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till_table import Account


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


def check_place(payment: Payment, place: Place) -> None:
    """`wrong_chain`, `wrong_contract`."""
    if payment.place.chain_id != place.chain_id:
        raise PaymentRefused(f"the voucher is for {payment.place.network}", code="wrong_chain")
    if payment.place.contract != place.contract:
        raise PaymentRefused(f"the voucher is for {payment.place.contract}", code="wrong_contract")


def check_config(config: ChannelConfig, terms: Terms) -> None:
    """`not_our_channel`."""
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


def check_deposit(state: ChannelState, terms: Terms) -> None:
    """`too_little_deposited`."""
    left = state.balance - state.claimed
    if left < terms.least_deposit:
        raise PaymentRefused(
            f"the channel holds {left} base units",
            hint=f"deposit {terms.least_deposit} or more, and wait until the deposit is final",
            code="too_little_deposited",
        )


def check_signature(payment: Payment, account: Account, place: Place) -> None:
    """`bad_signature`, `forged_voucher`."""
    if payment.amount == account.authorised and payment.signature == account.signature:
        return  # checked before
    try:
        key = identity.recover(voucher_digest(account.channel, payment.amount, place), payment.signature)
    except SignatureError as error:
        raise PaymentRefused(f"the voucher's signature: {error.message}", code="bad_signature") from error
    if identity.account_of(key) != account.config.signer:
        raise PaymentRefused(
            f"the voucher is not signed by {account.config.signer} for this amount, channel, contract and chain",
            code="forged_voucher",
        )


def check_state(account: Account, terms: Terms, *, looked_at: int, now: int) -> None:
    """`state_is_old`, `withdrawal_pending`."""
    age = now - looked_at
    if not 0 <= age <= terms.looks_every:  # below 0, the clock was set back
        raise PaymentRefused(
            f"what is known of the channel is {age} seconds old", hint="look at the chain", code="state_is_old"
        )
    if account.state.pending(account.config):
        raise PaymentRefused(
            "the payer is taking its money back", hint="cancel the withdrawal", code="withdrawal_pending"
        )


def check_amount(payment: Payment, account: Account, price: int) -> None:
    """`overdrawn`, `stale_voucher`, `voucher_spent`, `underpaid`."""
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


def unknown_channel() -> PaymentRefused:
    """The refusal of a channel that was never admitted."""
    return PaymentRefused(
        "the channel is not known here yet", hint="look at the chain, then again", code="unknown_channel"
    )
