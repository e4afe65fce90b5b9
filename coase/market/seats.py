"""Seats for those who decide from outside in a market of shipped traders: what both environments are built on.

The market is that of `coase.simulate`, with the same driver, draws and limits: run i of a seed is the run that
`simulate` makes with a trader in the seat that decides alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coase.errors import UsageError
from coase.market.crowd import Traders, World
from coase.market.driver import Driver
from coase.market.observation import features, shaded
from coase.market.rule import check_quotes
from coase.market.schedule import Schedule
from coase.market.session import Session
from coase.market.simulate import prepared
from coase.market.trader import BUY, SELL, Quote, Trader, View
from coase.negotiation.draws import session_seed


class Learner(Trader):
    """Whoever sits here decides from outside; in a `coase.World` it is the kind ``"Learner"``."""

    def start(self, side: int, limit: int, key: int) -> None:
        """Nothing is remembered here."""
        return

    def quote(self, state: Any, view: View) -> tuple[Any, Quote | None]:
        """Never asked."""
        raise NotImplementedError("a learner's quote comes from outside")


class Seats:
    """One run at a time, from one learner's turn to the next.

    Args:
        market: name of a market rule, or a `coase.MarketRule`; one to which traders quote.
        traders: the others, as in `coase.simulate`.
        demand: limits, learners' included, as in `coase.simulate`.
        supply: the same for sellers.
        learners: seats.
        first: 1 if the first of them buys, -1 if it sells; they alternate.
        world: what happens around the traders.
        **rest: further arguments of `coase.simulate`: days, units, turns, low, high, budget, parameters of the rule.

    Raises:
        UsageError: as for `coase.simulate`, or a market of another sort.
    """

    def __init__(
        self,
        market: Any,
        traders: Traders,
        demand: Schedule,
        supply: Schedule,
        *,
        learners: int = 1,
        first: int = BUY,
        world: World | None = None,
        **rest: Any,
    ) -> None:
        others = list(traders.items() if isinstance(traders, Mapping) else traders)
        at, before = _seated(others, first)
        crowded = [*others[:at], (Learner(), learners), *others[at:]]
        self._rule, self._crowd, self._rules = prepared(market, crowded, demand, supply, world, **rest)
        check_quotes(self._rule)
        self._who = range(before, before + learners)
        self.scale = max(self._rules.high - self._rules.low, 1)

    def start(self, seed: int, run: int) -> None:
        """Begin run number `run` of a seed."""
        self._driver = Driver(self._rule, self._crowd, self._rules, session_seed(seed, run))
        self._turns: Iterator[int] = self._driver.turns()
        self._counted = 0
        self._gained = [0] * len(self._who)

    def turn(self) -> int | None:
        """Let the others trade until it is a learner's turn: its seat, from 0; None when the run has ended.

        A run ends here as soon as no learner has anything left to trade on the last day.
        """
        driver = self._driver
        for who in self._turns:
            if who in self._who:
                return who - self._who.start
            driver.ask(who)
            if driver.day == self._rules.days - 1 and not any(driver.left[who] for who in self._who):
                break
        self._turns = iter(())
        return None

    def side(self, seat: int) -> int:
        """1 buyer, -1 seller."""
        return BUY if self._who[seat] % 2 == 0 else SELL

    def view(self, seat: int) -> View:
        """What a learner sees now."""
        return self._driver.look(self._who[seat])

    def features(self, seat: int) -> tuple[float, ...]:
        """The same as bounded numbers."""
        return features(self.side(seat), self.view(seat))

    def quote(self, seat: int, shade: float) -> None:
        """Quote in the learner's turn; the shade as in `coase.market.observation.shaded`."""
        self._driver.take(self._who[seat], shaded(self.side(seat), self.view(seat), shade))

    def gained(self) -> list[int]:
        """What each learner has gained in this run so far, in ticks."""
        rows = self._driver.trades[self._counted :]
        self._counted += len(rows)
        for day, _, buyer, seller, paid, received, size, *_ in rows:
            limits = self._driver.limits[min(day, len(self._driver.limits) - 1)]
            if buyer in self._who:
                self._gained[buyer - self._who.start] += (int(limits[buyer]) - paid) * size
            if seller in self._who:
                self._gained[seller - self._who.start] += (received - int(limits[seller])) * size
        return [*self._gained]

    def line(self, seat: int) -> str:
        """The market as a learner sees it, in words."""
        view = self.view(seat)
        bid, ask, last = ("none" if v < 0 else str(v) for v in (view.best_bid, view.best_ask, view.last_price))
        goal = f"buys below {view.limit}" if self.side(seat) == BUY else f"sells above {view.limit}"
        return f"day {view.day} turn {view.step}: bid {bid}, ask {ask}, last {last}; {goal}, {view.left} left"

    def session(self) -> Session:
        """The run so far: its trades, limits and counts."""
        return self._driver.session()


def _seated(others: list[Any], first: int) -> tuple[int, int]:
    """Before which kind learners sit so that the first of them is on its side, and how many traders are before them."""
    before = 0
    for at in range(len(others) + 1):
        if (before % 2 == 0) == (first == BUY):
            return at, before
        if at < len(others) and isinstance(others[at], tuple) and len(others[at]) == 2:
            before += others[at][1] if type(others[at][1]) is int else 0
    raise UsageError(
        "no seat for a seller: sides alternate, and there is an even number of traders of each kind",
        hint="an odd number of traders of one kind",
        code="bad_traders",
    )
