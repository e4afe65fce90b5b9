"""The test dollar as a plain ERC-20: moving it."""

from __future__ import annotations

from coase.identity import checksum, keccak
from coase.money import check
from coase.settlement.records import Call

_TRANSFER = keccak(b"transfer(address,uint256)")[:4]


def transfer_call(token: str, to: str, amount: int) -> Call:
    """The call that moves `amount` base units from the sender to `to`."""
    return Call(token, _TRANSFER + bytes(12) + bytes.fromhex(checksum(to)[2:]) + check(amount).to_bytes(32, "big"))
