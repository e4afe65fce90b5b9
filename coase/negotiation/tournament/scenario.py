"""What a pair of skills bargains over in a tournament."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coase.errors import TermsError, UsageError
from coase.negotiation.preferences import check_discount
from coase.negotiation.problem import check_deadline
from coase.negotiation.utility import Floats, Ranking, allowed, tabulate
from coase.terms.domain import Domain


@dataclass(frozen=True, eq=False)
class Scenario:
    """A domain with both parties' utilities and limits.

    Args:
        name: for the report.
        domain: what is bargained over.
        utilities: of the buyer and the seller, each a number per outcome, from 0 to 1.
        reservation: the utility of no deal, of the buyer and the seller, from 0 to 1.
        deadline: the last step.
        discount: what each step after the first leaves of the buyer's and the seller's utilities.

    Raises:
        UsageError: a utility or a reservation is not from 0 to 1, so that scores could not be compared.
    """

    name: str
    domain: Domain
    utilities: tuple[Floats, Floats]
    reservation: tuple[float, float] = (0.0, 0.0)
    deadline: int = 100
    discount: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        check_deadline(self.deadline)
        for factor in self.discount:
            check_discount(factor)
        tables = (tabulate(self.domain, table)[allowed(self.domain)] for table in self.utilities)
        for values in (*tables, np.array(self.reservation)):
            if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
                raise UsageError(
                    f"scenario '{self.name}': utilities and reservations of a tournament are from 0 to 1",
                    hint="divide by the largest",
                    code="bad_scenario",
                )

    @cached_property
    def rankings(self) -> tuple[Ranking, Ranking]:
        """Of the buyer and the seller."""
        first, second = (tabulate(self.domain, table) for table in self.utilities)
        return Ranking(self.domain, first), Ranking(self.domain, second)

    @cached_property
    def nash_point(self) -> tuple[float, float] | None:
        """Utilities at the Nash bargaining solution; None where no outcome gains both."""
        first, second = (ranking.given for ranking in self.rankings)
        gains = first - self.reservation[0], second - self.reservation[1]
        product = np.where((gains[0] > 0) & (gains[1] > 0), gains[0] * gains[1], 0.0)
        at = int(product.argmax())
        return (float(first[at]), float(second[at])) if product[at] > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The scenario as JSON."""
        return {
            "name": self.name,
            "domain": self.domain.to_json(),
            "utilities": [np.maximum(ranking.given, 0.0).tolist() for ranking in self.rankings],
            "reservation": list(self.reservation),
            "deadline": self.deadline,
            "discount": list(self.discount),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scenario:
        """Read what `to_json` wrote; `TermsError` where it is something else."""
        try:
            first, second = (np.array(table, np.float64) for table in data["utilities"])
            low, high = (float(value) for value in data["reservation"])
            patience = (float(data["discount"][0]), float(data["discount"][1]))
            domain = Domain.from_json(data["domain"])
            return cls(data["name"], domain, (first, second), (low, high), data["deadline"], patience)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise TermsError(f"not a scenario: {error}", code="bad_scenario") from error
