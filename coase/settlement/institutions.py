"""Puts what stands behind a market on its chain: registry, validators, reputation, assets."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from coase.errors import MissingExtra
from coase.identity import checksum
from coase.settlement.artifacts import artifact
from coase.settlement.bound import Bound
from coase.settlement.defaults import PoolTerms
from coase.settlement.deploy import Contracts
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call

try:
    from eth_abi.abi import encode
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error


@dataclass(frozen=True)
class Institutions:
    """Where they are."""

    registry: str
    validators: str
    reputation: str
    assets: str
    hours: str


async def deploy_institutions(outbox: Outbox, market: Contracts, terms: PoolTerms | None = None) -> Institutions:
    """Deploy registry, pool, reputation, assets and computing time, through the outbox of the deployer of the market.

    The pool becomes the registry's slasher if the deployer owns the market's rules; otherwise their owner calls
    `setSlasher`, and until then nobody can stake. Asked again, it finds them.

    Raises:
        TransactionReverted: `Pool_BadTerms()`, and whatever `Outbox.send` raises.
    """
    registry = await _create(
        outbox, "AgentRegistry", encode(["address"] * 3, [market.rules, market.escrow, market.token])
    )
    row = (market.token, *astuple(terms or PoolTerms()))
    kinds = ["address", "address", "address", f"(address,{','.join(['uint256'] * 7)})"]
    pool = await _create(outbox, "ValidatorPool", encode(kinds, [market.rules, market.escrow, registry, row]))
    rules = Bound(outbox.node.w3, outbox, "MarketRules", market.rules)
    if checksum(await rules.read("owner")) == outbox.identity.account:
        await Bound(outbox.node.w3, outbox, "AgentRegistry", registry).send("deploy/slasher", "setSlasher", pool)
    reputation = await _create(outbox, "Reputation", encode(["address"] * 2, [market.escrow, registry]))
    assets = await _create(outbox, "Assets", encode(["address"], [market.rules]))
    return Institutions(registry, pool, reputation, assets, await _create(outbox, "ComputeHours", b""))


async def _create(outbox: Outbox, name: str, arguments: bytes) -> str:
    receipt = await outbox.send(f"deploy/{name}", Call(None, artifact(name).bytecode + arguments))
    assert receipt.contract is not None
    return receipt.contract
