"""The test dollar as a plain ERC-20: moving it, and who has how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coase.errors import ConfigurationError
from coase.identity import checksum, keccak
from coase.money import check
from coase.settlement.records import Call

if TYPE_CHECKING:
    from coase.settlement.node import Node

_TRANSFER = keccak(b"transfer(address,uint256)")[:4]
_BALANCE = keccak(b"balanceOf(address)")[:4]


def transfer_call(token: str, to: str, amount: int) -> Call:
    """The call that moves `amount` base units from the sender to `to`."""
    return Call(token, _TRANSFER + word(to) + check(amount).to_bytes(32, "big"))


async def balance_of(node: Node, token: str, account: str) -> int:
    """Base units of an account. Errors as for `read_number`."""
    return await read_number(node, token, _BALANCE + word(account))


async def read_number(node: Node, contract: str, data: bytes) -> int:
    """What a contract answers to a question whose answer is one number.

    Raises:
        ConfigurationError: there is no contract at this address, or one that does not know the question.
    """
    found = await node.ask_all([("eth_call", [{"to": checksum(contract), "data": "0x" + data.hex()}, "latest"])])
    if isinstance(found[0], Exception):
        raise found[0]
    if not isinstance(found[0], str) or len(found[0]) != 66:
        raise ConfigurationError(
            f"{contract} does not answer as it should", hint="check the address and the chain", code="no_contract"
        )
    return int(found[0], 16)


def word(account: str) -> bytes:
    """An account as an argument of a call: 32 bytes."""
    return bytes(12) + bytes.fromhex(checksum(account)[2:])
