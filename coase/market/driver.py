"""Runs any market rule with any traders, in plain Python: whose turn it is, what is seen and heard, what is refused.

On each day every trader may trade `units`. In each turn one of those present who may still trade is drawn; its earlier
quote is withdrawn, it sees the market and quotes; the rule says what trades; then everybody hears of each trade, or of
the quote. A day ends after `steps` turns, or when one side is done. Traders that raise sit out the rest of the run.

A run is also there turn by turn, for those who decide from outside (`coase.market.seats`): `turns` says whose turn it
is, `look` what that trader sees, `take` takes its quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from coase.market.crowd import Crowd
from coase.market.rule import HOUSE, Fill, MarketOrder, MarketRule
from coase.market.session import COLUMNS, Rules, Session
from coase.market.trader import TAPE, Event, Quote, Trader, View
from coase.negotiation.draws import MASK, SLOTS, mix


class Driver:
    """One run."""

    def __init__(self, rule: MarketRule, crowd: Crowd, rules: Rules, seed: int) -> None:
        self.rule, self.crowd, self.rules = rule, crowd, rules
        self.limits = crowd.limits(seed, rules.days)
        self.windows = crowd.windows(seed, rules)
        self.world = crowd.world_key(seed)
        self.sides: list[int] = crowd.sides.tolist()
        self.minds = [crowd.traders[kind] for kind in crowd.kind_of.tolist()]
        self.listening = [who for who, t in enumerate(self.minds) if type(t).observe is not Trader.observe]
        self.delays = [crowd.latency[kind] for kind in crowd.kind_of.tolist()]
        self.tape = np.zeros((TAPE, 3), np.int64)
        self.end = 0
        self.trades: list[tuple[int, ...]] = []
        self.counts = np.zeros((rules.days, 3), np.int64)
        self.failed: dict[int, str] = {}
        self.states: list[Any] = [None] * crowd.n
        worth, keys = self.limits[0].tolist(), crowd.keys(seed).tolist()
        for who in range(crowd.n):
            try:
                self.states[who] = self.minds[who].start(self.sides[who], worth[who], keys[who])
            except Exception as error:  # noqa: BLE001 - a stranger's code
                self._fail(who, f"raised {type(error).__name__}: {error}")

    def run(self) -> Session:
        """All days, each trader deciding for itself."""
        for who in self.turns():
            self.ask(who)
        return self.session()

    def turns(self) -> Iterator[int]:
        """Whose turn it is, over all days; a trader's turn lasts until the next is asked for."""
        self.last = self.low = self.high = -1
        for day in range(self.rules.days):
            yield from self._day(day)

    def session(self) -> Session:
        """What the run has left behind so far."""
        table = np.array(self.trades, np.int64).reshape(-1, len(COLUMNS))
        turns, refused, quotes = self.counts.T.copy()
        return Session(table, self.limits, turns, refused, quotes, tuple(self.failed.items()))

    def _day(self, day: int) -> Iterator[int]:
        rules, n = self.rules, self.crowd.n
        self.day, self.worth = day, self.limits[min(day, len(self.limits) - 1)].tolist()
        self.yesterday, self.today = (self.low, self.high), (-1, -1)
        coming = [(who, 1) for who in range(n)]
        if len(self.windows):
            who, at = self.windows[2 * day : 2 * day + 2].tolist()
            coming = [(w, 1 if self.rule.once else a) for w, a in zip(who, at, strict=True) if w >= 0]
        self.left = [0] * n
        for who, _ in coming:
            if who not in self.failed:
                self.left[who] = rules.units
        self.cash = [rules.budget] * n
        self.open = {side: sum(self.left[(1 - side) // 2 :: 2]) for side in (1, -1)}
        self.active: list[int] = []
        self.place = [0] * n
        self.placed = [0] * n
        self.state = self.rule.init(rules.low, rules.high)
        self._tell(day * rules.steps, 0, -1, 0, -1, -1, -1)
        self.past = past = [(-1, -1)]
        self.step, self.time = 0, day * rules.steps
        at = step = 0
        for step in range(1, rules.steps + 1):
            if not self.open[1] or not self.open[-1]:
                break
            while at < len(coming) and coming[at][1] <= step:
                self._enter(coming[at][0])
                at += 1
            past.append(self.rule.best(self.state))
            if not self.active:
                continue
            self.step, self.time = step, day * rules.steps + step
            if self.rule.once:
                if step > len(self.active):
                    break
                who = self._drawn_once(step)
            else:
                bits = mix((self.world + self.time * SLOTS) & MASK)
                who = self.active[((bits >> 32) * len(self.active)) >> 32]
            if who not in self.failed:
                self.state = self.rule.withdraw(self.state, who)
                self.counts[day, 0] += 1
                yield who
        self.state, fills = self.rule.clear(self.state)
        for fill in fills:
            self._settle(fill, day * rules.steps + step, step, 0, -1)
        self.low, self.high = self.today

    def _enter(self, who: int) -> None:
        if self.left[who]:
            self.place[who] = len(self.active)
            self.active.append(who)

    def _leave(self, who: int) -> None:
        if self.rule.once:
            return  # every trader keeps its one turn
        if self.place[who] < len(self.active) and self.active[self.place[who]] == who:
            moved = self.active.pop()
            if moved != who:
                self.active[self.place[who]] = moved
                self.place[moved] = self.place[who]

    def _drawn_once(self, step: int) -> int:
        """A random order, a trader a turn: Fisher and Yates, one exchange a turn."""
        done = step - 1
        bits = mix((self.world + (self.day * self.rules.steps + step) * SLOTS) & MASK)
        other = done + (((bits >> 32) * (len(self.active) - done)) >> 32)
        self.active[done], self.active[other] = self.active[other], self.active[done]
        return self.active[done]

    def look(self, who: int) -> View:
        """What the trader whose turn it is sees; its own earlier quote has been withdrawn."""
        rules, step, delay = self.rules, self.step, self.delays[who]
        bid, ask = self.past[max(step - delay, 1)] if delay and step else self.rule.best(self.state)
        return View(
            self.time, self.day, step, rules.steps, self.worth[who], self.left[who], bid, ask, self.last, rules.low,
            rules.high, *self.yesterday, 0, self.end, self.tape,
        )  # fmt: skip

    def ask(self, who: int) -> None:
        """Let the trader whose turn it is quote."""
        try:
            self.states[who], quote = self.minds[who].quote(self.states[who], self.look(who))
        except Exception as error:  # noqa: BLE001 - a stranger's code
            return self._fail(who, f"raised {type(error).__name__}: {error}")
        return self.take(who, quote)

    def take(self, who: int, quote: Quote | None) -> None:
        """Take the quote of the trader whose turn it is, and settle what trades."""
        rules, time, step = self.rules, self.time, self.step
        if quote is None:
            return None
        if not isinstance(quote, Quote) or not all(type(v) is int or isinstance(v, np.integer) for v in quote):
            return self._fail(who, f"quoted {str(quote)[:80]}, which is no price and quantity in whole numbers")
        price, quantity = int(quote.price), int(quote.quantity)
        if quantity == 0:
            return None
        side = self.sides[who]
        short = rules.budget >= 0 and side > 0 and price * quantity > self.cash[who]
        if not 0 < quantity <= self.left[who] or not rules.low <= price <= rules.high or short:
            self.counts[self.day, 1] += 1
            return None
        best = self.rule.best(self.state)[0 if side > 0 else 1]
        if rules.improve and best >= 0 and side * (price - best) <= 0:
            return None
        self.counts[self.day, 2] += 1
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
                self._leave(party)
        if buyer != HOUSE:
            self.cash[buyer] -= paid * size
        rested = step - min(self.placed[who] for who in (buyer, seller) if who != HOUSE)
        self.trades.append((self.day, step, buyer, seller, paid, received, size, side, rested))
        self.last = paid
        low, high = self.today
        self.today = (paid if low < 0 else min(low, paid), max(high, paid))
        self._heard(time, side, paid if side == 0 else price, 1, paid, buyer, seller)

    def _heard(self, time: int, side: int, price: int, traded: int, paid: int, buyer: int, seller: int) -> None:
        if self.end == TAPE:
            self.tape[: TAPE // 2] = self.tape[TAPE // 2 :]
            self.end = TAPE // 2
        self.tape[self.end] = side, paid if traded else price, traded
        self.end += 1
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
                self._fail(who, f"raised {type(error).__name__}: {error}")

    def _fail(self, who: int, sentence: str) -> None:
        """Out for the rest of the run."""
        self.failed.setdefault(who, sentence)
        if hasattr(self, "left"):
            self.open[self.sides[who]] -= self.left[who]
            self.left[who] = 0
            self.state = self.rule.withdraw(self.state, who)
            self._leave(who)


def run(rule: MarketRule, crowd: Crowd, rules: Rules, seed: int) -> Session:
    """One run of a market, in plain Python."""
    return Driver(rule, crowd, rules, seed).run()
