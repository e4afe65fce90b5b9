"""Runs any market rule with any traders, in plain Python: whose turn it is, what is seen and heard, what is refused.

On each day every trader may trade `units`. In each turn one of those present who may still trade is drawn; its earlier
quote is withdrawn, it sees the market and quotes; the rule says what trades; then everybody hears of each trade, or of
the quote. A day ends after `steps` turns, or when one side is done. Traders that raise sit out the rest of the run.

A run is also there turn by turn, for those who decide from outside (`coase.market.seats`): `turns` says whose turn it
is, `look` what that trader sees, `take` takes its quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from coase.market.crowd import Crowd
from coase.market.rule import HOUSE, Fill, MarketOrder, MarketRule
from coase.market.session import COLUMNS, Ints, Rules, Session
from coase.market.trader import BUY, TAPE, Event, Quote, Trader, View, raised, whole
from coase.market.turns import Turns


class Driver:
    """One run.

    Args:
        rule: of the market.
        crowd: who trades.
        rules: the numbers of the run.
        seed: of the run.
        limits: in place of those that the crowd would draw.
    """

    def __init__(self, rule: MarketRule, crowd: Crowd, rules: Rules, seed: int, limits: Ints | None = None) -> None:
        self.rule, self.crowd, self.rules = rule, crowd, rules
        self.limits = crowd.limits(seed, rules.days) if limits is None else limits
        self.queue = Turns(crowd, rules, seed, rule.once)
        self.sides: list[int] = crowd.sides.tolist()
        self.minds = [crowd.traders[kind] for kind in crowd.kind_of.tolist()]
        self.listening = [who for who, t in enumerate(self.minds) if type(t).observe is not Trader.observe]
        self.delays = [crowd.latency[kind] for kind in crowd.kind_of.tolist()]
        self.tape = np.zeros((TAPE, 3), np.int64)
        self.end = 0
        self.trades: list[tuple[int, ...]] = []
        self.counts = [[0, 0, 0] for _ in range(rules.days)]  # turns, refused and accepted quotes, a day
        self.delayed = any(self.delays)
        self.last = self.low = self.high = -1
        self.failed: dict[int, str] = {}
        self.states: list[Any] = [None] * crowd.n
        worth, keys = self.limits[0].tolist(), crowd.keys(seed).tolist()
        for who in range(crowd.n):
            try:
                self.states[who] = self.minds[who].start(self.sides[who], worth[who], keys[who])
            except Exception as error:  # noqa: BLE001 - a stranger's code
                self.fail(who, raised(error))

    def run(self) -> Session:
        """All days, each trader deciding for itself."""
        for who in self.turns():
            self.ask(who)
        return self.session()

    def turns(self) -> Iterator[int]:
        """Whose turn it is, over all days; a trader's turn lasts until the next is asked for."""
        for day in range(self.rules.days):
            yield from self._day(day)

    def session(self) -> Session:
        """What the run has left behind so far."""
        table = np.array(self.trades, np.int64).reshape(-1, len(COLUMNS))
        turns, refused, quotes = np.array(self.counts, np.int64).reshape(-1, 3).T.copy()
        return Session(table, self.limits, turns, refused, quotes, tuple(self.failed.items()))

    def begin(self, day: int, present: Iterable[int]) -> None:
        """Begin a day, for those who are there on it."""
        rules, n = self.rules, self.crowd.n
        self.day, self.worth = day, self.limits[min(day, len(self.limits) - 1)].tolist()
        self.yesterday, self.today = (self.low, self.high), (-1, -1)
        self.left, self.cash, self.placed = [0] * n, [rules.budget] * n, [0] * n
        self.open = {1: 0, -1: 0}
        for who in present:
            if who not in self.failed:
                self.left[who] = rules.units
                self.open[self.sides[who]] += rules.units
        self.state = self.rule.init(rules.low, rules.high)
        self._tell(day * rules.steps, 0, -1, 0, -1, -1, -1)
        self.past = [(-1, -1)]
        self.step, self.time = 0, day * rules.steps

    def finish(self, step: int) -> None:
        """End the day after so many steps: what the rule clears then is settled."""
        self.state, fills = self.rule.clear(self.state)
        for fill in fills:
            self._settle(fill, self.day * self.rules.steps + step, step, 0, -1)
        self.low, self.high = self.today

    def _day(self, day: int) -> Iterator[int]:
        rules, queue = self.rules, self.queue
        self.begin(day, queue.begin(day))
        step = 0
        for step in range(1, rules.steps + 1):
            if not self.open[1] or not self.open[-1]:
                break
            queue.enter(step, self.left)
            if self.delayed:
                self.past.append(self.rule.best(self.state))
            if not queue.active:
                continue
            if queue.over(step):
                break
            self.step, self.time = step, day * rules.steps + step
            who = queue.drawn(step)
            if who not in self.failed:
                self.withdraw(who)
                self.counts[day][0] += 1
                yield who
        self.finish(step)

    def withdraw(self, who: int) -> None:
        """Take a trader's orders out."""
        self.state = self.rule.withdraw(self.state, who)

    def look(self, who: int) -> View:
        """What the trader whose turn it is sees; its own earlier quote has been withdrawn."""
        rules, (bid, ask), (low, high) = self.rules, self.seen(who), self.yesterday
        return tuple.__new__(  # as View(...) does, without a call between
            View,
            (
                self.time, self.day, self.step, rules.steps, self.worth[who], self.left[who], bid, ask, self.last,
                rules.low, rules.high, low, high, 0, self.end, self.tape,
            ),
        )  # fmt: skip

    def seen(self, who: int) -> tuple[int, int]:
        """The best bid and ask as they reach this trader."""
        delay = self.delays[who]
        return self.past[max(self.step - delay, 1)] if delay and self.step else self.rule.best(self.state)

    def ask(self, who: int) -> None:
        """Let the trader whose turn it is quote."""
        try:
            self.states[who], quote = self.minds[who].quote(self.states[who], self.look(who))
        except Exception as error:  # noqa: BLE001 - a stranger's code
            return self.fail(who, raised(error))
        return self.take(who, quote)

    def take(self, who: int, quote: Quote | None) -> None:
        """Take the quote of the trader whose turn it is, and settle what trades."""
        rules, time, step = self.rules, self.time, self.step
        if quote is None:
            return None
        if not isinstance(quote, Quote) or type(quote[0]) is not int or type(quote[1]) is not int:
            try:
                quote = Quote(*whole(quote))
            except ValueError as error:
                return self.fail(who, str(error))
        price, quantity = quote
        if quantity == 0:
            return None
        side = self.sides[who]
        short = rules.budget >= 0 and side > 0 and price * quantity > self.cash[who]
        if not 0 < quantity <= self.left[who] or not rules.low <= price <= rules.high or short:
            self.counts[self.day][1] += 1
            return None
        if rules.improve:
            best = self.rule.best(self.state)[0 if side > 0 else 1]
            if best >= 0 and side * (price - best) <= 0:
                return None
        self.counts[self.day][2] += 1
        self.placed[who] = step
        self.state, fills = self.rule.submit(self.state, MarketOrder(who, side, price, quantity))
        if not fills:
            self._heard(time, side, price, 0, -1, -1, -1)
        for fill in fills:
            self._settle(fill, time, step, side, price)
        return None

    def _settle(self, fill: Fill, time: int, step: int, side: int, price: int) -> None:
        buyer, seller, paid, received, size = fill
        for party in (buyer, seller):
            if party == HOUSE:
                continue
            self.left[party] -= size
            self.open[self.sides[party]] -= size
            if not self.left[party]:
                self.queue.leave(party)
        if buyer != HOUSE:
            self.cash[buyer] -= paid * size
        rested = step - min(self.placed[who] for who in (buyer, seller) if who != HOUSE)
        self.trades.append((self.day, step, buyer, seller, paid, received, size, side, rested))
        self.last = paid
        low, high = self.today
        self.today = (paid if low < 0 else min(low, paid), max(high, paid))
        self._heard(time, side, paid if side == 0 else price, 1, paid, buyer, seller)

    def spend(self, buyer: int, size: int, money: int) -> None:
        """Count what a buyer has bought in another market."""
        self.left[buyer] -= size
        self.open[BUY] -= size
        self.cash[buyer] -= money

    def _heard(self, time: int, side: int, price: int, traded: int, paid: int, buyer: int, seller: int) -> None:
        if self.end == TAPE:
            self.tape[: TAPE // 2] = self.tape[TAPE // 2 :]
            self.end = TAPE // 2
        tape, end = self.tape, self.end
        tape[end, 0] = side
        tape[end, 1] = paid if traded else price
        tape[end, 2] = traded
        self.end = end + 1
        if self.listening:
            self._tell(time, side, price, traded, paid, buyer, seller)

    def _tell(self, time: int, side: int, price: int, traded: int, paid: int, buyer: int, seller: int) -> None:
        low, high, worth, left, states = self.rules.low, self.rules.high, self.worth, self.left, self.states
        for who in self.listening:
            if self.failed and who in self.failed:
                continue
            mine = 1 if who in (buyer, seller) else 0
            event = Event(time, side, price, traded, paid, mine, worth[who], left[who], low, high)
            try:
                states[who] = self.minds[who].observe(states[who], event)
            except Exception as error:  # noqa: BLE001 - a stranger's code
                self.fail(who, raised(error))

    def fail(self, who: int, sentence: str) -> None:
        """Out for the rest of the run."""
        self.failed.setdefault(who, sentence)
        if hasattr(self, "left"):
            self.open[self.sides[who]] -= self.left[who]
            self.left[who] = 0
            self.withdraw(who)
            self.queue.leave(who)


def run(rule: MarketRule, crowd: Crowd, rules: Rules, seed: int) -> Session:
    """One run of a market, in plain Python."""
    return Driver(rule, crowd, rules, seed).run()
