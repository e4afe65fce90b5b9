"""The peer of the ZIP bench: Cliff's published algorithm as simulators in plain Python run it.

After each quote the book is published (sorted anew) and every trader object responds to it, as in the Bristol Stock
Exchange (github.com/davecliff/BristolStockExchange), which cannot be installed as a package. Written from the published
rules; of the exchange's own costs (tapes, snapshots, logs) nothing is kept, so it is faster than the exchange itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """The anonymous book after a quote, (price, quantity) by price on each side, and the price of a trade."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    side: int
    price: int
    trade: int | None


class ZipObject:
    """A trader as an object with a random generator of the process."""

    def __init__(self, side: int, limit: int) -> None:
        self.side, self.limit = side, limit
        self.rate, self.damping = 0.1 + 0.4 * random.random(), 0.1 * random.random()  # noqa: S311
        self.margin = -side * (0.05 + 0.3 * random.random())  # noqa: S311
        self.change = 0.0
        self.price = int(limit * (1 + self.margin))

    def quote(self) -> int:
        """The price of the limit and the margin."""
        self.price = round(self.limit * (1 + self.margin))
        return self.price

    def respond(self, seen: Published) -> None:
        """Raise or lower the margin."""
        heard = seen.price if seen.trade is None else seen.trade
        gain = self.side * (self.price - heard)
        if seen.trade is not None and gain >= 0:
            self._towards(heard, -self.side)
        elif (seen.trade is not None and seen.side == -self.side) or (
            seen.trade is None and seen.side == self.side and gain <= 0
        ):
            self._towards(heard, self.side)

    def _towards(self, heard: int, up: int) -> None:
        target = heard * (1 + up * 0.05 * random.random()) + up * 5 * random.random()  # noqa: S311
        self.change = self.damping * self.change + (1 - self.damping) * self.rate * (target - self.price)
        margin = (self.price + self.change) / self.limit - 1
        if margin * self.side < 0:
            self.margin = margin
            self.price = round(self.limit * (1 + margin))


def session(traders: int, quotes: int, seed: int) -> int:
    """Let the traders quote so many times; returns how many trades there were."""
    random.seed(seed)
    crowd = [ZipObject(1 if i % 2 == 0 else -1, random.randint(1, 200)) for i in range(traders)]  # noqa: S311
    books: dict[int, dict[int, int]] = {1: {}, -1: {}}  # side -> trader -> price
    trades = 0
    for _ in range(quotes):
        who = random.randrange(traders)  # noqa: S311
        trader = crowd[who]
        price, side = trader.quote(), trader.side
        other = books[-side]
        best = (min if side > 0 else max)(other.values(), default=None)
        trade = best if best is not None and side * (price - best) >= 0 else None
        if trade is not None:
            del other[next(i for i, p in other.items() if p == trade)]
            books[side].pop(who, None)
            trades += 1
        else:
            books[side][who] = price
        seen = Published(_levels(books[1], True), _levels(books[-1], False), side, price, trade)
        for one in crowd:
            one.respond(seen)
    return trades


def _levels(book: dict[int, int], falling: bool) -> list[tuple[int, int]]:
    held: dict[int, int] = {}
    for price in book.values():
        held[price] = held.get(price, 0) + 1
    return sorted(held.items(), reverse=falling)
