"""Who trades: traders by kind, on alternating sides, with limits from schedules, and what happens around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from coase import loading
from coase.errors import UsageError
from coase.market.compiling import parameters
from coase.market.schedule import Schedule, check_cross, check_schedule, dealt, own, unit
from coase.market.session import Ints, Rules
from coase.market.trader import BUY, SELL, Trader
from coase.negotiation.draws import party_key
from coase.negotiation.draws_arrays import mix_many

MOST_TRADERS = 10_000_000


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
        split: how many buy, the first of them; None: traders alternate sides, the first buys.
    """

    names: tuple[str, ...]
    traders: tuple[Trader, ...]
    counts: tuple[int, ...]
    demand: Schedule
    supply: Schedule
    world: World = CALM
    split: int | None = None

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
        """1 buyer, -1 seller."""
        sides = np.full(self.n, SELL, np.int64)
        sides[self._places[0]] = BUY
        return sides

    @property
    def buyers(self) -> int:
        """How many buy."""
        return (self.n + 1) // 2 if self.split is None else self.split

    @property
    def _places(self) -> tuple[slice, slice]:
        """Where buyers and where sellers are."""
        if self.split is None:
            return slice(0, None, 2), slice(1, None, 2)
        return slice(0, self.split), slice(self.split, None)

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
        keys: Ints = (mix_many(base + np.arange(1, self.n + 1, dtype=np.uint64)) >> np.uint64(1)).astype(np.int64)
        return keys

    def world_key(self, seed: int) -> int:
        """The key of the draws that decide whose turn it is: 63 bits."""
        return party_key(seed, 1) >> 1

    def limits(self, seed: int, days: int, demand_seed: int | None = None) -> Ints:
        """Limits of a run: a row a day, or one row if no day differs. Never below 0.

        Listed limits go to the traders of a side in order where they are of one kind, and are dealt at random where
        there are more kinds.

        Args:
            seed: of the run.
            days: of the run.
            demand_seed: of the buyers' draws, where it is another.
        """
        fixed = not self.world.redraw and not self.world.shocks
        rows = np.empty((1 if fixed else days, self.n), np.int64)
        seeds = seed if demand_seed is None else demand_seed, seed
        keys = party_key(seeds[0], 2), party_key(seeds[1], 3)
        sides = tuple(zip(self._places, (self.demand, self.supply), keys, self._several, strict=True))
        for day in range(len(rows)):
            drawn = day if self.world.redraw else 0
            for place, schedule, key, several in sides:
                row = rows[day, place]
                row[:] = dealt(schedule, key, drawn, len(row), several or self.world.redraw)
            for since, moved in self.world.shocks.items():
                if day >= since:
                    rows[day, self._places[0]] += moved[0]
                    rows[day, self._places[1]] += moved[1]
        return np.maximum(rows, 0)

    @property
    def _several(self) -> tuple[bool, bool]:
        """Whether buyers, and whether sellers, are of several kinds."""
        if self.split is None:
            return len(self.names) > 1, len(self.names) > 1
        buying = int(np.searchsorted(self.first[:-1], self.split))
        return buying > 1, len(self.names) - buying > 1

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
    names, minds, counts = kinds(traders, takes)
    total = sum(counts)
    if not 2 <= total <= MOST_TRADERS:
        raise UsageError(f"{total} traders", hint=f"2 to {MOST_TRADERS:,}", code="bad_traders")
    for label, schedule, size in (("demand", demand, (total + 1) // 2), ("supply", supply, total // 2)):
        check_schedule(label, schedule, size)
    found = Crowd(names, minds, counts, own(demand), own(supply), world or CALM)
    check_cross(found.demand, found.supply)
    check_world(found.world, found.names)
    return found


def kinds(
    traders: Traders, takes: type[Any] = Trader, of: str = ""
) -> tuple[tuple[str, ...], tuple[Any, ...], tuple[int, ...]]:
    """(names, skills, counts) of the kinds of traders, one each.

    Args:
        traders: as for `crowd`.
        takes: the class of skill that the market is for.
        of: put before each name.

    Raises:
        UnknownName: no skill of this name.
        UsageError: not traders, or no counts.
    """
    held: Any = traders.items() if isinstance(traders, Mapping) else traders
    wanted = list(held) if isinstance(held, Iterable) else []
    if not wanted or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in wanted):
        raise UsageError(
            "no traders", hint='from skills to how many: {"zip": 22} or [(my_trader, 22)]', code="bad_traders"
        )
    names: list[str] = []
    minds: list[Any] = []
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
        name = of + name
        names.append(name if name not in names else f"{name}_{len(names) + 1}")
        minds.append(trader)
    return tuple(names), tuple(minds), tuple(count for _, count in wanted)


def _sort(what: Any) -> str:
    return next(kind.__name__ for kind in type(what).__mro__[1:])


def check_world(world: World, names: tuple[str, ...]) -> None:
    """Refuse what cannot happen around kinds of these names."""
    named = {*world.entry, *world.exit, *world.latency} - {*names}
    if named:
        raise UsageError(
            f"no traders '{sorted(named)[0]}' here", hint=f"there are {', '.join(names)}", code="bad_world"
        )
    if any(v < 0 for v in (*world.entry.values(), *world.exit.values(), *world.latency.values(), *world.shocks)):
        raise UsageError("a day or a delay below 0", hint="days count from 0", code="bad_world")
