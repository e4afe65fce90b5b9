"""Random-matching bargaining: buyers and sellers meet in pairs and negotiate the price, with any negotiator."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from coase.errors import UsageError
from coase.market.crowd import Crowd
from coase.market.rule import MarketRule
from coase.market.schedule import unit
from coase.market.session import COLUMNS, Rules, Session
from coase.negotiation.draws import party_key
from coase.negotiation.session import negotiate
from coase.negotiation.skill import Negotiator
from coase.terms.domain import Domain


class Bargaining(MarketRule):
    """In each meeting of a day those who may still trade are paired at random; a pair bargains by alternating offers.

    Prices are those from `low` to `high`; utilities are linear in them and the reservation is the own limit. A trade's
    step is the number of its meeting, and what it waited is the step of the negotiation in which it was agreed.
    """

    takes: ClassVar[type[Any]] = Negotiator
    deadline: int = Field(default=20, ge=1, le=100_000, description="steps of a negotiation")
    meetings: int = Field(default=5, ge=1, le=100_000, description="random matchings a day")

    def fast(self, crowd: Crowd, rules: Rules, seed: int) -> Session:
        """A run."""
        if crowd.world.arrivals or crowd.world.entry or crowd.world.exit or crowd.world.latency:
            raise UsageError(
                "bargaining knows no arrivals, entry, exit or latency",
                hint="shocks and redraw it does",
                code="bad_world",
            )
        domain = Domain(price=range(rules.low, rules.high + 1))
        limits = crowd.limits(seed, rules.days)
        trades: list[tuple[int, ...]] = []
        counts = np.zeros((rules.days, 3), np.int64)
        failed: dict[int, str] = {}
        for day in range(rules.days):
            worth = limits[min(day, len(limits) - 1)].tolist()
            left = np.full(crowd.n, rules.units)
            cash = [rules.budget] * crowd.n
            left[list(failed)] = 0
            for meeting in range(1, self.meetings + 1):
                number = day * self.meetings + meeting
                for buyer, seller in _pairs(crowd, left, seed, number):
                    talks = party_key(party_key(seed, number), int(buyer))
                    top = worth[buyer] if rules.budget < 0 else min(worth[buyer], cash[buyer])
                    price, step, sentence = self._talk(crowd, domain, (buyer, seller), (top, worth[seller]), talks)
                    counts[day] += 1, 0, step
                    for who, what in sentence.items():
                        failed.setdefault(who, what)
                        left[who] = 0
                    if price is not None:
                        left[[buyer, seller]] -= 1
                        cash[buyer] -= price
                        trades.append((day, meeting, buyer, seller, price, price, 1, 0, step))
        table = np.array(trades, np.int64).reshape(-1, len(COLUMNS))
        turns, refused, steps = counts.T.copy()
        return Session(table, limits, turns, refused, steps, tuple(failed.items()))

    def _talk(
        self, crowd: Crowd, domain: Domain, pair: tuple[int, int], worth: tuple[int, int], seed: int
    ) -> tuple[int | None, int, dict[int, str]]:
        """(the price agreed on, the step in which it ended, who failed and how)."""
        prices = domain.issues["price"]
        low, span = int(prices[0]), max(1, len(prices) - 1)
        skills: list[Any] = [crowd.traders[crowd.kind_of[who]] for who in pair]
        reservation = (low + span - worth[0]) / span, (worth[1] - low) / span
        result = negotiate(skills[0], skills[1], domain, deadline=self.deadline, reservation=reservation, seed=seed)
        if result.agreement is not None:
            return int(result.agreement["price"]), result.step, {}
        if result.reason.startswith("failed") and result.left in ("buyer", "seller"):
            return None, result.step, {pair[0 if result.left == "buyer" else 1]: result.reason}
        return None, result.step, {}


def _pairs(crowd: Crowd, left: Any, seed: int, number: int) -> list[tuple[int, int]]:
    """Those who may still trade, in random pairs of a buyer and a seller."""
    draws = unit(party_key(seed, 5), number, crowd.n)
    order = np.argsort(draws, kind="stable")
    order = order[left[order] > 0]
    buyers, sellers = order[crowd.sides[order] > 0].tolist(), order[crowd.sides[order] < 0].tolist()
    return list(zip(buyers, sellers, strict=False))
