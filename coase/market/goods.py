"""Several goods at once: what each is worth to the same buyers, and who sells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from coase import loading
from coase.errors import UsageError
from coase.market.crowd import CALM, MOST_TRADERS, Crowd, Traders, World, check_world, kinds
from coase.market.measures import Ideal
from coase.market.schedule import Uniform, check_schedule, own
from coase.market.session import Ints, Rules
from coase.market.substitutes import optimum
from coase.market.trader import Trader
from coase.negotiation.draws import GOLDEN, MASK

MOST_GOODS = 64


class Good(BaseModel):
    """One of several goods that the same buyers may choose between: a class of GPU, a data set, a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    demand: Any = Field(description="what a unit is worth to each buyer, in the buyers' order; or coase.Uniform")
    supply: Any = Field(description="what a unit costs each of its sellers; or coase.Uniform")
    sellers: Any = Field(description='from skills to how many sell it, {"zip": 10}; or pairs')
    low: int = Field(default=0, description="the lowest price allowed")
    high: int | None = Field(default=None, description="the highest; None for twice the highest limit")
    shocks: Mapping[int, tuple[int, int]] = Field(
        default={}, description="day -> (ticks to demand, ticks to supply) of this good, beside those of the world"
    )
    rules: Mapping[str, Any] = Field(default={}, description="parameters of the market rule for this good")


@dataclass(frozen=True)
class Goods:
    """Who trades what. Each good has a market of its own, in which all buyers are, then its sellers.

    Args:
        names: of the goods.
        markets: the crowd of each.
        everyone: all buyers, then the sellers of one good after the other; it has no limits.
        ranked: whether one draw a buyer places it among the values of every good.
    """

    names: tuple[str, ...]
    markets: tuple[Crowd, ...]
    everyone: Crowd
    ranked: bool

    @property
    def buyers(self) -> int:
        """How many."""
        return self.everyone.buyers

    def limits(self, seed: int, days: int) -> list[Ints]:
        """For each good, the limits of its market in a run.

        Listed values stay together: who gets the third of one good gets the third of every other.
        """
        found = []
        for number, market in enumerate(self.markets):
            together = self.ranked or not isinstance(market.demand, Uniform)
            found.append(market.limits(seed_of(seed, number), days, seed if together else None))
        return found

    def ideals(self, rules: Rules, limits: list[Ints]) -> list[list[Ideal]]:
        """For each good and day, what those could achieve who are there, if each buyer took the best good for it."""
        world = self.everyone.world
        inside = self.everyone.windows(0, rules) if world.entry or world.exit else np.zeros((0, 0), np.int64)
        found: list[list[Ideal]] = [[] for _ in self.names]
        last = max(len(rows) for rows in limits)
        for day in range(rules.days):
            if day >= last and not len(inside):
                for some in found:
                    some.append(some[-1])
                continue
            here = np.ones(self.everyone.n, np.bool_)
            if len(inside):
                here = np.isin(np.arange(self.everyone.n), inside[2 * day])
            worth = [rows[min(day, len(rows) - 1)] for rows in limits]
            buying, start = here[: self.buyers], self.buyers
            values = np.column_stack([row[: self.buyers][buying] for row in worth])
            costs = []
            for row in worth:
                selling = here[start : start + len(row) - self.buyers]
                start += len(selling)
                costs.append(row[self.buyers :][selling])
            best = optimum(values, costs)
            for some, units, gains, low, high, cost in zip(found, *best, costs, strict=True):
                some.append(Ideal(units, gains, low, high, len(cost)))
        return found


def seed_of(seed: int, number: int) -> int:
    """The seed of what is drawn for one good alone; that of the first is the run's own."""
    return (seed + number * GOLDEN) & MASK


def goods_of(
    wanted: Mapping[str, Good | Mapping[str, Any]], buyers: Traders, world: World | None, ranked: bool
) -> tuple[tuple[Good, ...], Goods]:
    """Check goods, and who is to buy and to sell them. Sellers' kinds are named after their good: ``"h100/zip"``.

    Raises:
        UnknownName: no skill of this name.
        ConfigurationError: a good that is none.
        UsageError: not goods, traders or limits, counts that do not fit, or no good that anybody could gain by.
    """
    if not isinstance(wanted, Mapping) or not 1 <= len(wanted) <= MOST_GOODS:
        raise UsageError(
            f"goods={str(wanted)[:60]}", hint=f"a mapping from 1 to {MOST_GOODS} names to coase.Good", code="bad_goods"
        )
    if type(ranked) is not bool:
        raise UsageError(f"ranked={ranked!r}", hint="True or False", code="bad_goods")
    around = world or CALM
    names, minds, counts = kinds(buyers)
    n, markets, chosen = sum(counts), [], []
    all_names, all_minds, all_counts = names, minds, counts
    for name, what in wanted.items():
        good = _good(name, what)
        sorts, sellers, many = kinds(good.sellers, Trader, f"{name}/")
        check_schedule(f"demand for {name}", good.demand, n)
        check_schedule(f"supply of {name}", good.supply, sum(many))
        merged = {
            day: (up + more[0], cost + more[1])
            for day in sorted({*around.shocks, *good.shocks})
            for (up, cost), more in [(around.shocks.get(day, (0, 0)), good.shocks.get(day, (0, 0)))]
        }
        here = around.model_copy(update={"shocks": merged})
        demand, supply = own(good.demand), own(good.supply)
        markets.append(Crowd(names + sorts, minds + sellers, counts + many, demand, supply, here, n))
        all_names, all_minds, all_counts = all_names + sorts, all_minds + sellers, all_counts + many
        chosen.append(good)
    everyone = Crowd(all_names, all_minds, all_counts, (), (), around, n)
    if everyone.n > MOST_TRADERS:
        raise UsageError(f"{everyone.n} traders", hint=f"at most {MOST_TRADERS:,}", code="bad_traders")
    if all(max(market.demand) < min(market.supply) for market in markets):
        raise UsageError(
            "of every good the highest demand is below the lowest supply: nobody can gain by a trade",
            hint="demand is what buyers would pay, supply what sellers must get",
            code="no_gains",
        )
    check_world(around, all_names)
    if any(day < 0 for market in markets for day in market.world.shocks):
        raise UsageError("a shock on a day below 0", hint="days count from 0", code="bad_world")
    return tuple(chosen), Goods(tuple(wanted), tuple(markets), everyone, ranked)


def _good(name: Any, what: Any) -> Good:
    if not isinstance(name, str) or not name or "/" in name:
        raise UsageError(f"a good named {name!r}", hint="a text without a slash", code="bad_goods")
    if isinstance(what, Good):
        return what
    if not isinstance(what, Mapping) or not all(isinstance(key, str) for key in what):
        raise UsageError(f"{name} is {str(what)[:60]}", hint="a coase.Good", code="bad_goods")
    made: Good = loading.make(Good, dict(what))
    return made
