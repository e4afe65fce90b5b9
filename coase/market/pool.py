"""Constant-product pool: traders trade with a stock of goods and money whose product never falls (as Uniswap v2 does).

To take q of x units, a trader pays the least whole y' with (x - q)(y + y') >= x y; to bring q it gets the most that
keeps the product. A fee stays in the pool. A quote is a limit: units trade one by one, each at the pool's price, while
that is within the limit; nothing rests. The pool is filled anew each day. It is the house in fills, numbered -1: what
it gains or loses, its change of stock at the equilibrium price included, is the auctioneer's.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from coase.market.rule import HOUSE, Fill, MarketOrder, MarketRule

MOST_UNITS = 10_000  # that one order trades; what is beyond it is dropped
SHARES = 10_000  # a fee is in hundredths of a percent


class Reserves(NamedTuple):
    """What is in the pool."""

    goods: int
    money: int


class Pool(MarketRule):
    """The price follows from the reserves: money over goods, and moves with each unit."""

    goods: int = Field(default=100, ge=1, le=1_000_000, description="units in the pool at the start of a day")
    price: int | None = Field(
        default=None, ge=1, lt=2**40, description="of a unit at the start; None: the middle of the range"
    )
    fee: int = Field(default=30, ge=0, lt=SHARES, description="that stays in the pool, in hundredths of a percent")

    def init(self, low: int, high: int) -> Reserves:
        """Filled at the first price."""
        price = max((low + high) // 2, 1) if self.price is None else self.price
        return Reserves(self.goods, self.goods * price)

    def submit(self, state: Reserves, order: MarketOrder) -> tuple[Reserves, list[Fill]]:
        """Unit by unit, while the pool's price is within the limit."""
        fills: list[Fill] = []
        for _ in range(min(order.quantity, MOST_UNITS)):
            bid, ask = self.best(state)
            price = ask if order.side > 0 else bid
            if price < 0 or order.side * (order.price - price) < 0:
                break
            state = Reserves(state.goods - order.side, state.money + order.side * price)
            buyer, seller = (order.trader, HOUSE) if order.side > 0 else (HOUSE, order.trader)
            fills.append(Fill(buyer, seller, price, price, 1))
        return state, fills

    def best(self, state: Reserves) -> tuple[int, int]:
        """What the pool pays for one more unit, and what it asks for one; -1 for the last unit, which never goes."""
        goods, money = state
        kept = SHARES - self.fee
        got = money // (goods + 1) * kept // SHARES
        if goods == 1:
            return got, -1
        due = -(-money // (goods - 1))  # money / (goods - 1), rounded up
        return got, -(-due * SHARES // kept)
