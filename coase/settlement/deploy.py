"""Puts the contracts on a chain, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coase.errors import MissingExtra
from coase.identity import checksum
from coase.money import check
from coase.settlement.artifacts import artifact
from coase.settlement.defaults import Rules
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
    rules: str = ""
    channels: str = ""


async def deploy(outbox: Outbox, holders: Mapping[str, int], rules: Rules | None = None) -> Contracts:
    """Deploy the test dollar, the market's rules, the escrow and the channels through the deployer's outbox.

    Asked again, it finds them.

    Args:
        outbox: of the deployer, who needs ether.
        holders: account -> base units. All there will ever be; ignored when the token is there already.
        rules: how the market begins.
    """
    accounts = sorted(checksum(account) for account in holders)
    given = {checksum(account): check(amount) for account, amount in holders.items()}
    arguments = encode(["address[]", "uint256[]"], [accounts, [given[account] for account in accounts]])
    token = await outbox.send("deploy/TestDollar", Call(None, artifact("TestDollar").bytecode + arguments))
    assert token.contract is not None
    begin, deployer = rules or Rules(), outbox.identity.account
    arguments = encode(
        ["address", "address", "address", "uint256", "uint256", "address"],
        [
            checksum(begin.owner or deployer),
            checksum(begin.guardian or "0x" + "00" * 20),
            checksum(begin.recipient or deployer),
            begin.fee_basis_points,
            begin.audit_basis_points,
            token.contract,
        ],
    )
    ruling = await outbox.send("deploy/MarketRules", Call(None, artifact("MarketRules").bytecode + arguments))
    assert ruling.contract is not None
    code = artifact("ServiceEscrow").bytecode + encode(["address"], [ruling.contract])
    escrow = await outbox.send("deploy/ServiceEscrow", Call(None, code))
    assert escrow.contract is not None
    code = artifact("PaymentChannels").bytecode + encode(["address"], [ruling.contract])
    channels = await outbox.send("deploy/PaymentChannels", Call(None, code))
    assert channels.contract is not None
    return Contracts(token.contract, escrow.contract, ruling.contract, channels.contract)
