"""A skill of one's own against a shipped one, over a price and then over a price and a delivery time.

Run it: ``python examples/first_negotiation.py [trace.png]``
"""

from __future__ import annotations

import sys
from typing import Any

import coase


class Patient(coase.Negotiator):
    """Hold firm, concede late."""

    beta: float = 0.2

    def target(self, t: Any) -> Any:
        """The share of my utility range that I still ask for at relative time t."""
        return 1 - t ** (1 / self.beta)


def main() -> None:
    """Negotiate twice and print how it went."""
    price = coase.Domain(price=range(100))
    result = coase.negotiate(Patient(), coase.skill("conceder"), price, deadline=100, reservation=(0.1, 0.1), seed=1)
    print(f"price only: {result.agreement} in step {result.step}, worth {result.utilities[0]:.2f} to the buyer")

    terms = coase.Domain(price=range(0, 101, 10), days=[1, 3, 7])

    def buyer(outcome: dict[str, Any]) -> Any:
        return 0.6 * (1 - outcome["price"] / 100) + 0.4 * (7 - outcome["days"]) / 6

    def seller(outcome: dict[str, Any]) -> Any:
        return 0.8 * outcome["price"] / 100 + 0.2 * (outcome["days"] - 1) / 6

    both = coase.negotiate(Patient(), coase.skill("tit_for_tat"), terms, utilities=(buyer, seller))
    print(f"price and days: {both.agreement} in step {both.step} ({both.reason})")
    for turn in both.trace.turns[-3:]:
        print(f"  step {turn.step}: {turn.party} {turn.move}")
    if len(sys.argv) > 1:
        print("picture:", both.plot(sys.argv[1]))


if __name__ == "__main__":
    main()
