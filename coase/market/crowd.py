"""Who trades: traders by kind, on alternating sides, with limits from schedules, and what happens around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from coase import loading
from coase.errors import UsageError
from coase.market.compiling import parameters
from coase.market.session import Ints, Rules
from coase.market.trader import BUY, SELL, Trader
from coase.negotiation.draws import GOLDEN, SLOTS, party_key

MOST_TRADERS = 10_000_000
MOST_PRICE = 2**40
_M = (1 << 64) - 1


class Uniform(NamedTuple):
    """Limits drawn anew in each run, all whole numbers from `low` to `high` equally likely."""

    low: int
    high: int


Schedule = Sequence[int] | Uniform
Traders = Mapping[str, int] | Sequence[tuple[Any, int]]


class World(BaseModel):
    """What happens around the traders.

    Days count from 0. A shock moves the limits of all buyers and of all sellers by so many ticks from its day on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shocks: Mapping[int, tuple[int, int]] = Field(default={}, description="day -> (ticks to demand, ticks to supply)")
    redraw: bool = Field(default=False, description="draw or deal limits anew on each day")
    arrivals: bool = Field(default=False, description="traders come at random turns of the day, not all at its start")
    entry: Mapping[str, int] = Field(default={}, description="kind -> the day on which it enters")
    exit: Mapping[str, int] = Field(default={}, description="kind -> the day on which it is gone")
    latency: Mapping[str, int] = Field(default={}, description="kind -> turns by which its view of the book is late")


CALM = World()


@dataclass(frozen=True)
class Crowd:
    """The traders of a run, numbered from 0; those of one kind follow each other.

    Args:
        names: of the kinds.
        traders: one skill for each kind.
        counts: traders of each kind.
        demand: limits of the buyers, or where they are drawn from.
        supply: limits of the sellers.
        world: what happens around them.
    """

    names: tuple[str, ...]
    traders: tuple[Trader, ...]
    counts: tuple[int, ...]
    demand: Schedule
    supply: Schedule
    world: World = CALM

    @property
    def n(self) -> int:
        """Traders."""
        return sum(self.counts)

    @cached_property
    def first(self) -> Ints:
        """Where each kind begins, and the end."""
        return np.concatenate(([0], np.cumsum(self.counts))).astype(np.int64)

    @cached_property
    def kind_of(self) -> Ints:
        """The kind of each trader."""
        return np.repeat(np.arange(len(self.counts)), self.counts).astype(np.int64)

    @cached_property
    def sides(self) -> Ints:
        """1 buyer, -1 seller, in turn."""
        return np.where(np.arange(self.n) % 2 == 0, BUY, SELL).astype(np.int64)

    @property
    def buyers(self) -> int:
        """How many buy."""
        return (self.n + 1) // 2

    @property
    def latency(self) -> tuple[int, ...]:
        """Turns of delay of each kind."""
        return tuple(self.world.latency.get(name, 0) for name in self.names)

    def parameters(self, kind: int) -> Any:
        """Of a kind, as numbers."""
        return parameters(self.traders[kind])

    def keys(self, seed: int) -> Ints:
        """The keys of the traders' draws in a run."""
        base = np.uint64(party_key(seed, 0))
        keys: Ints = (mixed(base + np.arange(1, self.n + 1, dtype=np.uint64)) >> np.uint64(1)).astype(np.int64)
        return keys

    def world_key(self, seed: int) -> int:
        """The key of the draws that decide whose turn it is: 63 bits."""
        return party_key(seed, 1) >> 1

    def limits(self, seed: int, days: int) -> Ints:
        """Limits of a run: a row a day, or one row if no day differs. Never below 0.

        Listed limits go to the traders in order where there is one kind, and are dealt at random where there are more.
        """
        fixed = not self.world.redraw and not self.world.shocks
        rows = np.empty((1 if fixed else days, self.n), np.int64)
        for day in range(len(rows)):
            drawn = day if self.world.redraw else 0
            for start, schedule in ((0, self.demand), (1, self.supply)):
                rows[day, start::2] = self._dealt(schedule, party_key(seed, 2 + start), drawn, len(rows[day, start::2]))
            for since, (up, cost) in self.world.shocks.items():
                if day >= since:
                    rows[day, 0::2] += up
                    rows[day, 1::2] += cost
        return np.maximum(rows, 0)

    def windows(self, seed: int, rules: Rules) -> Ints:
        """Two rows a day: traders in the order of their arrival, then -1; and the turns in which they arrive.

        Without arrivals, entry and exit there are no rows: all are there from the first turn.
        """
        world = self.world
        if not (world.arrivals or world.entry or world.exit):
            return np.zeros((0, 0), np.int64)
        rows = np.full((2 * rules.days, self.n), -1, np.int64)
        for day in range(rules.days):
            inside = [world.entry.get(k, 0) <= day < world.exit.get(k, rules.days) for k in self.names]
            who = np.flatnonzero(np.array(inside)[self.kind_of])
            drawn = unit(party_key(seed, 4), day, self.n)[who]
            at = 1 + (drawn * rules.steps).astype(np.int64) if world.arrivals else np.ones(len(who), np.int64)
            order = np.argsort(at, kind="stable")
            rows[2 * day, : len(who)], rows[2 * day + 1, : len(who)] = who[order], at[order]
        return rows

    def _dealt(self, schedule: Schedule, key: int, day: int, count: int) -> Ints:
        draws = unit(key, day, count)
        if isinstance(schedule, Uniform):
            drawn: Ints = schedule.low + (draws * (schedule.high - schedule.low + 1)).astype(np.int64)
            return drawn
        listed = np.array(schedule, np.int64)
        return listed[np.argsort(draws, kind="stable")] if len(self.names) > 1 or self.world.redraw else listed


def crowd(
    traders: Traders, demand: Schedule, supply: Schedule, world: World | None = None, takes: type[Any] = Trader
) -> Crowd:
    """Check who is to trade and at which limits.

    Args:
        traders: from names or paths of skills to how many; or pairs of such a name or a trader, and how many.
        demand: integer limits, one a buyer, or `Uniform`.
        supply: the same for sellers.
        world: what happens around them.
        takes: the class of skill that the market is for.

    Raises:
        UnknownName: no skill of this name.
        UsageError: not traders, not limits, counts that do not fit, or schedules that do not cross.
    """
    wanted = list(traders.items() if isinstance(traders, Mapping) else traders)
    if not wanted or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in wanted):
        raise UsageError(
            "no traders", hint='from skills to how many: {"zip": 22} or [(my_trader, 22)]', code="bad_traders"
        )
    names: list[str] = []
    kinds: list[Any] = []
    for what, count in wanted:
        trader = what if isinstance(what, BaseModel) else loading.skill(what)
        name = type(what).__name__ if isinstance(what, BaseModel) else str(getattr(what, "__name__", what))
        if not isinstance(trader, takes):
            raise UsageError(
                f"'{name}' is a {_sort(trader)}, and this market is for a {takes.__name__}",
                hint="negotiators meet in the market 'bargaining', traders in the others",
                code="not_a_trader",
            )
        if type(count) is not int or not 1 <= count <= MOST_TRADERS:
            raise UsageError(f"{count!r} traders of '{name}'", hint="a positive whole number", code="bad_traders")
        names.append(name if name not in names else f"{name}_{len(names) + 1}")
        kinds.append(trader)
    counts = tuple(count for _, count in wanted)
    total = sum(counts)
    if not 2 <= total <= MOST_TRADERS:
        raise UsageError(f"{total} traders", hint=f"2 to {MOST_TRADERS:,}", code="bad_traders")
    for label, schedule, size in (("demand", demand, (total + 1) // 2), ("supply", supply, total // 2)):
        check_schedule(label, schedule, size)
    found = Crowd(tuple(names), tuple(kinds), counts, _own(demand), _own(supply), world or CALM)
    check_cross(found.demand, found.supply)
    _check_world(found.world, found.names)
    return found


def check_schedule(what: str, schedule: Any, wanted: int) -> None:
    """Refuse what is no schedule for so many traders."""
    values = list(schedule) if isinstance(schedule, (Sequence, np.ndarray)) and not isinstance(schedule, str) else None
    if values is None or not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values):
        raise UsageError(
            f"{what} is {str(schedule)[:60]!r}",
            hint="a list of whole numbers, one a trader, or coase.Uniform(low, high)",
            code="bad_schedule",
        )
    if any(not 0 <= v <= MOST_PRICE for v in values):
        raise UsageError(f"{what} has limits outside 0 to {MOST_PRICE}", hint="prices are ticks", code="bad_schedule")
    if isinstance(schedule, Uniform):
        if schedule.low > schedule.high:
            raise UsageError(
                f"{what} is drawn from {schedule.low} to {schedule.high}", hint="low, high", code="bad_schedule"
            )
    elif len(values) != wanted:
        raise UsageError(
            f"{what} has {len(values)} limits for {wanted} traders",
            hint="half of the traders buy, the others sell: one limit each",
            code="bad_schedule",
        )


def check_cross(demand: Schedule, supply: Schedule) -> None:
    """Refuse schedules of which no trade can come."""
    if max(demand) < min(supply):
        raise UsageError(
            f"the highest demand, {max(demand)}, is below the lowest supply, {min(supply)}: nobody can gain by a trade",
            hint="demand is what buyers would pay, supply what sellers must get",
            code="no_gains",
        )


def mixed(words: Any) -> Any:
    """`draws.mix` of an array of 64-bit words."""
    with np.errstate(over="ignore"):
        words = words + np.uint64(GOLDEN)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return words ^ (words >> np.uint64(31))


def unit(key: int, step: int, count: int) -> Any:
    """So many numbers in [0, 1), the draws of one step."""
    start = np.uint64((mix_key(key, step)) & _M)
    with np.errstate(over="ignore"):
        return (mixed(start + np.arange(count, dtype=np.uint64)) >> np.uint64(11)) * 2.0**-53


def mix_key(key: int, step: int) -> int:
    """A key for one step, so that steps with many draws do not overlap."""
    return party_key((key + step * SLOTS) & _M, step)


def _sort(what: Any) -> str:
    return next(kind.__name__ for kind in type(what).__mro__[1:])


def _own(schedule: Any) -> Schedule:
    return schedule if isinstance(schedule, Uniform) else tuple(int(v) for v in schedule)


def _check_world(world: World, names: tuple[str, ...]) -> None:
    named = {*world.entry, *world.exit, *world.latency} - {*names}
    if named:
        raise UsageError(
            f"no traders '{sorted(named)[0]}' here", hint=f"there are {', '.join(names)}", code="bad_world"
        )
    if any(v < 0 for v in (*world.entry.values(), *world.exit.values(), *world.latency.values(), *world.shocks)):
        raise UsageError("a day or a delay below 0", hint="days count from 0", code="bad_world")
