"""A deposit that the payer signs and anybody may send (EIP-3009): for payers without ether."""

from __future__ import annotations

from dataclasses import dataclass

from coase.errors import PaymentRefused
from coase.identity import Identity, keccak, verify
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.config import ChannelConfig, Place, channel_id
from coase.settlement.escrow import TOKEN_NAME, TOKEN_VERSION
from coase.terms.eip712 import domain_separator, struct_hash, typed_digest

_TYPE = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


@dataclass(frozen=True)
class DepositAuthorization:
    """Puts exactly `amount` of the payer's money into this channel and no other, once, before a time.

    Args:
        config: the channel.
        amount: base units.
        valid_before: chain time in seconds from which it is worth nothing.
        salt: tells deposits into one channel apart.
        signature: the payer's, 65 bytes.
    """

    config: ChannelConfig
    amount: int
    valid_before: int
    salt: int
    signature: bytes

    def check(self, place: Place) -> None:
        """Check the signature, before gas is paid for it.

        Raises:
            PaymentRefused: `not_for_deposit`: the payer is a contract, whose signature only the chain can check.
            SignatureError: it is not the payer's over these values.
        """
        if len(self.signature) != 65:
            raise PaymentRefused("only a key's signature can be deposited for", code="not_for_deposit")
        verify(deposit_digest(self, place), self.signature, self.config.payer)


def authorize_deposit(
    payer: Identity,
    place: Place,
    config: ChannelConfig,
    amount: int,
    cap: PriceCap,
    *,
    valid_before: int,
    salt: int = 0,
) -> DepositAuthorization:
    """Sign a deposit, within the cap.

    Raises:
        SettlementError: `price_cap`.
        PaymentRefused: `not_our_channel`: somebody else pays there.
    """
    if config.payer != payer.account:
        raise PaymentRefused(f"{config.payer} pays into that channel", code="not_our_channel")
    cap.allows(config.token, amount)
    unsigned = DepositAuthorization(config, amount, valid_before, salt, b"")
    return DepositAuthorization(config, amount, valid_before, salt, payer.sign(deposit_digest(unsigned, place)))


def deposit_digest(authorization: DepositAuthorization, place: Place) -> bytes:
    """What the payer signs, 32 bytes: a ReceiveWithAuthorization whose nonce names the channel."""
    config = authorization.config
    domain = domain_separator(TOKEN_NAME, TOKEN_VERSION, place.chain_id, config.token)
    values = {
        "from": config.payer,
        "to": place.contract,
        "value": authorization.amount,
        "validAfter": 0,
        "validBefore": authorization.valid_before,
        "nonce": keccak(channel_id(config, place) + authorization.salt.to_bytes(32, "big")),
    }
    return typed_digest(domain, struct_hash("ReceiveWithAuthorization", _TYPE, values))
