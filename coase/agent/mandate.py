"""What the owner lets an agent do. It is checked outside the skill, before anything is signed.

No strategy and no language model can overspend: `Mandate.check` sees integers only, and is called by the party that
holds the key, on the agreement itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from coase import money
from coase.errors import MandateRefused

Amount = Annotated[int, Field(ge=0, le=money.MAXIMUM, strict=True)]


@dataclass(frozen=True)
class Exposure:
    """What an agent has committed so far: base units paid or in escrow, and how many deals are open."""

    committed: int = 0
    open_deals: int = 0


class Mandate(BaseModel):
    """The owner's limits. Amounts are base units.

    Args:
        budget: the sum that all deals together may cost, open ones included.
        ceilings: the most that one deal of a kind may cost; a kind without an entry is limited by the budget only.
        kinds: the kinds of deal allowed; empty: all.
        counterparties: the accounts or agent addresses that may be traded with; empty: all.
        expires: chain time in seconds after which nothing more is signed; None: never.
        deals_at_a_time: how many deals may be open at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: Amount
    ceilings: Mapping[str, Amount] = {}
    kinds: frozenset[str] = frozenset()
    counterparties: frozenset[str] = frozenset()
    expires: int | None = None
    deals_at_a_time: Annotated[int, Field(ge=1, le=10_000)] = 8

    def check(self, *, kind: str, price: int, counterparties: frozenset[str], now: int, exposure: Exposure) -> None:
        """Raise `MandateRefused` when an agreement at this price would break a line of the mandate.

        Args:
            kind: what is bought.
            price: base units, for the whole deal.
            counterparties: every name the counterparty goes by (account, agent address).
            now: chain time, seconds.
            exposure: committed so far, this deal not included.
        """
        money.check(price, what="price")
        if self.expires is not None and now > self.expires:
            raise MandateRefused(f"the mandate ended at {self.expires} and it is {now}", line="expires")
        if self.kinds and kind not in self.kinds:
            raise MandateRefused(f"the mandate does not cover {kind}", line="kinds")
        if self.counterparties and not self.counterparties & counterparties:
            raise MandateRefused("the mandate does not name this counterparty", line="counterparties")
        ceiling = self.ceilings.get(kind)
        if ceiling is not None and price > ceiling:
            raise MandateRefused(
                f"{money.show(price)} for {kind} is above the ceiling of {money.show(ceiling)}", line="ceilings"
            )
        if exposure.committed + price > self.budget:
            left = max(0, self.budget - exposure.committed)
            raise MandateRefused(
                f"{money.show(price)} for {kind} is more than the {money.show(left)} left of the budget of"
                f" {money.show(self.budget)}",
                line="budget",
            )
        if exposure.open_deals >= self.deals_at_a_time:
            raise MandateRefused(
                f"{exposure.open_deals} deals are open and the mandate allows {self.deals_at_a_time}",
                line="deals_at_a_time",
            )

    def limit(self, kind: str, exposure: Exposure) -> int:
        """The most that a deal of this kind could cost now, in base units: where bargaining must stop."""
        left = max(0, self.budget - exposure.committed)
        return min(left, self.ceilings.get(kind, left))
