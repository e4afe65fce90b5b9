"""What makes a channel, and what a payer signs: the EIP-712 types of x402 batch settlement.

The id of a channel is the hash of its config under the contract's own domain, so the same parties have other channels
on another chain or contract, and a voucher of one is worth nothing in another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from coase.errors import TermsError
from coase.identity import checksum
from coase.terms.eip712 import domain_separator, struct_hash, typed_digest

NAME, VERSION = "x402 Batch Settlement", "1"
SHORTEST_DELAY, LONGEST_DELAY = 15 * 60, 30 * 24 * 3600  # seconds; the contract's MIN_ and MAX_WITHDRAW_DELAY
WINDOW = 24 * 3600  # seconds for which a matured withdrawal can be finalized
NOBODY = "0x" + "00" * 20
LARGEST = 2**96 - 1  # base units in a channel

_CONFIG = (
    ("payer", "address"),
    ("payerAuthorizer", "address"),
    ("receiver", "address"),
    ("receiverAuthorizer", "address"),
    ("token", "address"),
    ("withdrawDelay", "uint40"),
    ("salt", "bytes32"),
)
_VOUCHER = (("channelId", "bytes32"), ("maxClaimableAmount", "uint128"))
_WORD = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where channels live: EIP-155 chain id and the contract's account."""

    chain_id: int
    contract: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "contract", checksum(self.contract))

    @cached_property
    def separator(self) -> bytes:
        """The contract's EIP-712 domain, 32 bytes."""
        return domain_separator(NAME, VERSION, self.chain_id, self.contract)

    @property
    def network(self) -> str:
        """The chain as CAIP-2 names it."""
        return f"eip155:{self.chain_id}"


@dataclass(frozen=True)
class ChannelConfig:
    """A channel's terms, which never change.

    Args:
        payer: deposits and withdraws.
        receiver: is paid.
        token: the ERC-20 contract of all amounts.
        withdraw_delay: seconds between the start of a withdrawal and its maturity, in which the receiver can claim.
        payer_authorizer: the account whose key signs vouchers; zeros: the payer's own.
        receiver_authorizer: may claim and refund for the receiver; zeros: nobody.
        salt: 32 bytes, 0x and hexadecimal; makes channels differ that are otherwise equal.

    Raises:
        SignatureError: an account is not one.
        TermsError: `bad_channel`.
    """

    payer: str
    receiver: str
    token: str
    withdraw_delay: int = 24 * 3600
    payer_authorizer: str = NOBODY
    receiver_authorizer: str = NOBODY
    salt: str = "0x" + "00" * 32

    def __post_init__(self) -> None:
        for name in ("payer", "receiver", "token", "payer_authorizer", "receiver_authorizer"):
            object.__setattr__(self, name, checksum(getattr(self, name)))
        delay = self.withdraw_delay
        if not isinstance(delay, int) or isinstance(delay, bool) or not SHORTEST_DELAY <= delay <= LONGEST_DELAY:
            raise TermsError(
                f"a withdrawal waits {SHORTEST_DELAY:,} to {LONGEST_DELAY:,} seconds, not {str(delay)[:40]}",
                code="bad_channel",
            )
        if not isinstance(self.salt, str) or not _WORD.fullmatch(self.salt):
            raise TermsError("a channel's salt is 0x and 64 small hexadecimal digits", code="bad_channel")
        if self.receiver == NOBODY or self.payer == NOBODY:
            raise TermsError("a channel has a payer and a receiver", code="bad_channel")

    @property
    def signer(self) -> str:
        """The account whose key signs vouchers."""
        return self.payer if self.payer_authorizer == NOBODY else self.payer_authorizer

    def row(self) -> tuple[Any, ...]:
        """The fields as the contract takes them."""
        return (
            self.payer,
            self.payer_authorizer,
            self.receiver,
            self.receiver_authorizer,
            self.token,
            self.withdraw_delay,
            bytes.fromhex(self.salt[2:]),
        )

    def to_json(self) -> dict[str, Any]:
        """The config by the names of the EIP-712 type."""
        values = (*self.row()[:6], self.salt)
        return {name: value for (name, _), value in zip(_CONFIG, values, strict=True)}

    @classmethod
    def from_json(cls, data: object) -> ChannelConfig:
        """Read what `to_json` wrote, from anyone.

        Raises:
            TermsError, SignatureError: it is not a config.
        """
        names = [name for name, _ in _CONFIG]
        if not isinstance(data, dict) or data.keys() != set(names):
            raise TermsError(f"a channel has {', '.join(names)}", code="bad_channel")
        payer, authorizer, receiver, claimer, token, delay, salt = (data[name] for name in names)
        return cls(payer, receiver, token, delay, authorizer, claimer, salt)


@lru_cache(4096)
def channel_id(config: ChannelConfig, place: Place) -> bytes:
    """The channel's id at a place, 32 bytes."""
    values = dict(zip((name for name, _ in _CONFIG), config.row(), strict=True))
    return typed_digest(place.separator, struct_hash("ChannelConfig", _CONFIG, values))


def voucher_digest(channel: bytes, amount: int, place: Place) -> bytes:
    """What the payer signs: that up to `amount` base units may be claimed of the channel in all, ever."""
    values = {"channelId": channel, "maxClaimableAmount": amount}
    return typed_digest(place.separator, struct_hash("Voucher", _VOUCHER, values))
