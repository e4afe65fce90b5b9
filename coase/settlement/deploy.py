"""Puts the contracts on a chain, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coase.errors import MissingExtra
from coase.identity import checksum
from coase.money import check
from coase.settlement.artifacts import artifact
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call

try:
    from eth_abi.abi import encode
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error


@dataclass(frozen=True)
class Contracts:
    """Where the contracts are."""

    token: str
    escrow: str


async def deploy(outbox: Outbox, holders: Mapping[str, int]) -> Contracts:
    """Deploy the test dollar and the escrow through the deployer's outbox; asked again, it finds them.

    Args:
        outbox: of the deployer, who needs ether and gets no rights.
        holders: account -> base units. All there will ever be; ignored when the token is there already.
    """
    accounts = sorted(checksum(account) for account in holders)
    given = {checksum(account): check(amount) for account, amount in holders.items()}
    arguments = encode(["address[]", "uint256[]"], [accounts, [given[account] for account in accounts]])
    token = await outbox.send("deploy/TestDollar", Call(None, artifact("TestDollar").bytecode + arguments))
    escrow = await outbox.send("deploy/ServiceEscrow", Call(None, artifact("ServiceEscrow").bytecode))
    assert token.contract is not None
    assert escrow.contract is not None
    return Contracts(token.contract, escrow.contract)
