"""What the contracts are deployed with unless told otherwise. Needs no chain, so that studies can use it."""

from __future__ import annotations

from dataclasses import dataclass

from coase.money import DOLLAR

MAX_FEE_BASIS_POINTS = 500  # `MarketRules.MAX_FEE`: no owner can set more


@dataclass(frozen=True)
class Rules:
    """How a market begins: see `IMarketRules`. Later changes are the owner's.

    Args:
        owner: may change the rules; None for the deployer.
        guardian: may stop new deposits; None for nobody.
        recipient: is paid the fees; None for the deployer.
        fee_basis_points: of what sellers are paid.
        audit_basis_points: the share of deliveries that buyers are asked to have audited.
    """

    owner: str | None = None
    guardian: str | None = None
    recipient: str | None = None
    fee_basis_points: int = 0
    audit_basis_points: int = 1_000


@dataclass(frozen=True)
class PoolTerms:
    """How a pool of validators works, for good; see `IValidatorPool`. Amounts are in base units.

    Args:
        seat_price: what a seat costs.
        penalty: what a silent or incoherent seat loses a case.
        fee: what a seat earns a case, if all agree.
        jury: seats a case, odd, 3 to 15.
        quorum: how many of them must reveal, more than half.
        commit_seconds, reveal_seconds: how long votes are taken, and can be shown after.
    """

    seat_price: int = 100 * DOLLAR
    penalty: int = 20 * DOLLAR
    fee: int = DOLLAR
    jury: int = 5
    quorum: int = 3
    commit_seconds: int = 3_600
    reveal_seconds: int = 3_600
