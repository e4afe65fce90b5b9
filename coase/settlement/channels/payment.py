"""What goes along with a paid call: the channel, a voucher that counts up, and the call's own name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from coase.errors import CoaseError, PaymentRefused
from coase.identity import checksum
from coase.settlement.channels.config import ChannelConfig, Place, channel_id
from coase.terms.reading import read_json

LONGEST = 4096  # bytes of a payment as text
_CALL = re.compile(r"[!-~]{1,100}", re.ASCII)  # printable, no spaces
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,38}", re.ASCII)
_ID = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}", re.ASCII)


@dataclass(frozen=True)
class Payment:
    """A voucher in use.

    Args:
        place: chain and contract that it is for.
        config: the channel.
        amount: base units that may be claimed of the channel in all, ever.
        signature: 65 bytes, by the channel's signer.
        call: the payer's name for what it pays; one call is charged once.
    """

    place: Place
    config: ChannelConfig
    amount: int
    signature: bytes
    call: str

    @property
    def channel(self) -> bytes:
        """The channel's id."""
        return channel_id(self.config, self.place)

    def to_json(self) -> dict[str, Any]:
        """Amounts are decimal text, as in x402: other languages' numbers end at 2^53."""
        return {
            "network": self.place.network,
            "contract": self.place.contract,
            "channel": self.config.to_json(),
            "voucher": {
                "channelId": "0x" + self.channel.hex(),
                "maxClaimableAmount": str(self.amount),
                "signature": "0x" + self.signature.hex(),
            },
            "call": self.call,
        }


def read_payment(data: object) -> Payment:
    """A payment from anyone: JSON as text, bytes or parsed.

    Raises:
        PaymentRefused: `malformed_payment`; `wrong_channel`: the id is not that of the config.
    """
    if isinstance(data, (str, bytes)):
        if len(data) > LONGEST:
            raise _malformed(f"it has {len(data)} bytes, {LONGEST} are allowed")
        try:
            data = read_json(data)
        except ValueError as error:
            raise _malformed("it is not JSON") from error
    if not isinstance(data, dict) or data.keys() != {"network", "contract", "channel", "voucher", "call"}:
        raise _malformed("it has network, contract, channel, voucher and call")
    voucher = data["voucher"]
    if not isinstance(voucher, dict) or voucher.keys() != {"channelId", "maxClaimableAmount", "signature"}:
        raise _malformed("its voucher has channelId, maxClaimableAmount and signature")
    named = _matching(_ID, voucher["channelId"], "channelId")
    amount = int(_matching(_AMOUNT, voucher["maxClaimableAmount"], "maxClaimableAmount"))
    signature = bytes.fromhex(_matching(_SIGNATURE, voucher["signature"], "signature")[2:])
    call = _matching(_CALL, data["call"], "call")
    network = _matching(re.compile(r"eip155:[1-9][0-9]{0,15}", re.ASCII), data["network"], "network")
    if amount >= 2**128:
        raise _malformed("its amount does not fit 128 bits")
    try:
        place = Place(int(network.split(":")[1]), checksum(data["contract"]))
        config = ChannelConfig.from_json(data["channel"])
    except CoaseError as error:
        raise _malformed(error.message) from error
    payment = Payment(place, config, amount, signature, call)
    if named != "0x" + payment.channel.hex():
        raise PaymentRefused("the voucher names another channel than its config makes", code="wrong_channel")
    return payment


def check_call(call: object) -> str:
    """A call's name: 1 to 100 printable characters without spaces. `PaymentRefused` otherwise."""
    return _matching(_CALL, call, "call")


def _matching(pattern: re.Pattern[str], value: object, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _malformed(f"its {name} is not of the form {pattern.pattern}")
    return value


def _malformed(why: str) -> PaymentRefused:
    return PaymentRefused(f"not a payment: {why}", hint="see docs/settlement.md", code="malformed_payment")
