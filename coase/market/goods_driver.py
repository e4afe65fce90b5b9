"""Runs the markets of several goods side by side, in plain Python: each has a driver, and they share buyers and turns.

In a seller's turn it quotes in the market of its good, as ever. A buyer has one order at a time, anywhere. In its turn
the order is withdrawn, and it goes to the market where its value is most above the price: the best ask as it sees it,
else the last price there, else the lowest allowed. What it could not pay with the rest of its budget it leaves aside
while there is anything that it can. There it sees that market, and quotes by its skill, which has a state a good. What
it buys in one market counts against units and budget in all. A day ends after `steps` turns, or when in no market both
a buyer and a seller are left.
"""

from __future__ import annotations

from collections.abc import Sequence

from coase.market.driver import Driver
from coase.market.goods import Goods, seed_of
from coase.market.rule import HOUSE, MarketRule
from coase.market.session import Rules, Session
from coase.market.trader import BUY, SELL
from coase.market.turns import Turns


class GoodsDriver:
    """One run.

    Args:
        market_rules: of the market of each good.
        goods: who trades what.
        rules: the numbers of each market; days, turns, units and budget are the same.
        seed: of the run.
    """

    def __init__(self, market_rules: Sequence[MarketRule], goods: Goods, rules: Sequence[Rules], seed: int) -> None:
        self.goods, self.rules = goods, rules[0]
        self.limits = goods.limits(seed, self.rules.days)
        self.markets = [
            Driver(rule, crowd, numbers, seed_of(seed, g), limits)
            for g, (rule, crowd, numbers, limits) in enumerate(
                zip(market_rules, goods.markets, rules, self.limits, strict=True)
            )
        ]
        self.queue = Turns(goods.everyone, self.rules, seed, market_rules[0].once)
        self.seats = [(-1, who) for who in range(goods.buyers)]  # of everyone: the good that it sells, its place there
        self.seats += [(g, who) for g, crowd in enumerate(goods.markets) for who in range(goods.buyers, crowd.n)]
        self.everyone = {seat: who for who, seat in enumerate(self.seats)}
        self.failed: set[int] = set()
        self.left = [0] * goods.everyone.n
        self._take_out()

    def run(self) -> list[Session]:
        """All days: a session a good."""
        for day in range(self.rules.days):
            self._day(day)
        return [market.session() for market in self.markets]

    def _day(self, day: int) -> None:
        present = self.queue.begin(day)
        self.left = [0] * len(self.left)
        for who in present:
            if who not in self.failed:
                self.left[who] = self.rules.units
        for g, market in enumerate(self.markets):
            market.begin(day, (self.seats[who][1] for who in present if self.seats[who][0] in (-1, g)))
        self._take_out()
        self.at = [-1] * self.goods.buyers  # the good for which a buyer has an order
        step = 0
        for step in range(1, self.rules.steps + 1):
            if not any(market.open[BUY] and market.open[SELL] for market in self.markets):
                break
            self.queue.enter(step, self.left)
            for market in self.markets:
                if market.delayed:
                    market.past.append(market.rule.best(market.state))
                market.step, market.time = step, day * self.rules.steps + step
            if not self.queue.active:
                continue
            if self.queue.over(step):
                break
            who = self.queue.drawn(step)
            if who not in self.failed:
                self._turn(who)
        for g, market in enumerate(self.markets):
            known = len(market.trades)
            market.finish(step)
            self._settle(g, known)

    def _turn(self, who: int) -> None:
        g, place = self.seats[who]
        if g < 0:
            if self.at[who] >= 0:
                self.markets[self.at[who]].withdraw(place)
            g = self.at[who] = self._best(who)
        market = self.markets[g]
        market.withdraw(place)
        market.counts[market.day][0] += 1
        known = len(market.trades)
        market.ask(place)
        self._settle(g, known)

    def _best(self, buyer: int) -> int:
        """The good whose value is most above its price; of equals, the first."""
        best, chosen = (False, 0), -1
        for g, market in enumerate(self.markets):
            if not market.open[SELL]:
                continue
            ask = market.seen(buyer)[1]
            price = ask if ask >= 0 else market.last if market.last >= 0 else market.rules.low
            can_pay = self.rules.budget < 0 or price <= market.cash[buyer]
            found = can_pay, market.worth[buyer] - price
            if chosen < 0 or found > best:
                best, chosen = found, g
        return chosen

    def _settle(self, g: int, known: int) -> None:
        """Let all markets know of the trades in one of them."""
        market = self.markets[g]
        for _, _, buyer, seller, paid, _, size, *_ in market.trades[known:]:
            if buyer != HOUSE:
                for other in self.markets:
                    if other is not market:
                        other.spend(buyer, size, paid * size)
                self._traded(buyer, size)
            if seller != HOUSE:
                self._traded(self.everyone[g, seller], size)
        self._take_out()

    def _traded(self, who: int, size: int) -> None:
        self.left[who] -= size
        if not self.left[who]:
            self.queue.leave(who)

    def _take_out(self) -> None:
        """A buyer that failed in one market is out of all."""
        if sum(len(market.failed) for market in self.markets) == len(self.failed):
            return
        for g, market in enumerate(self.markets):
            for place, sentence in [*market.failed.items()]:
                buys = place < self.goods.buyers
                who = place if buys else self.everyone[g, place]
                if who in self.failed:
                    continue
                self.failed.add(who)
                self.left[who] = 0
                self.queue.leave(who)
                for other in self.markets if buys else ():
                    if other is not market:
                        other.fail(who, sentence)
