"""ZIP: zero intelligence plus. Cliff (1997).

A trader quotes p = l (1 + m), with l its limit and m its margin (positive for a seller, negative for a buyer). When a
quote shows that more could have been had, or that it must give more to trade, the margin moves towards a target price
tau = R q + A, with q the quoted price, by the Widrow-Hoff rule with momentum:
G <- g G + (1 - g) b (tau - p), and p <- p + G. R lies within 5% of 1 and A within `absolute` ticks of 0, above or below
as the price is to rise or to fall. b ~ U(0.1, 0.5), g ~ U(0, 0.1) and |m| ~ U(0.05, 0.35) are drawn once a trader.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """What changes, and what was drawn once."""

    side: int
    key: int
    margin: float
    momentum: float
    rate: float
    damping: float


def tick(side: int, limit: int, margin: float) -> int:
    """The price asked for, to the nearest tick on my side of the limit."""
    price = int(limit * (1.0 + margin) + 0.5)
    return min(price, limit) if side > 0 else max(price, limit)


class Zip(coase.Trader):
    """Raise the margin when I could have had more, lower it when I am not met."""

    absolute: float = Field(default=5.0, ge=0, allow_inf_nan=False, description="largest absolute nudge A, in ticks")
    relative: float = Field(default=0.05, ge=0, lt=1, description="largest relative nudge R - 1")

    def start(self, side: int, limit: int, key: int) -> State:
        """Draw my learning rate, my damping and my first margin."""
        margin = -side * (0.05 + 0.3 * coase.draw(key, 0, 0))
        return State(side, key, margin, 0.0, 0.1 + 0.4 * coase.draw(key, 0, 1), 0.1 * coase.draw(key, 0, 2))

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """My limit and my margin, to the nearest tick on my side of the limit, within the range of prices. Nothing,
        where that range lies beyond my limit.
        """
        price = min(max(tick(state.side, view.limit, state.margin), view.low), view.high)
        return state, coase.Quote(price, 1 if state.side * (view.limit - price) >= 0 else 0)

    def observe(self, state: State, event: coase.Event) -> State:
        """Move the margin as Cliff's rules say."""
        if event.side == 0 or event.limit == 0:
            return state
        price, mine = event.limit * (1.0 + state.margin), tick(state.side, event.limit, state.margin)
        if event.traded:
            heard = event.trade_price
            if state.side * (mine - heard) >= 0:
                up = -state.side  # towards a better price for me: down for a buyer, up for a seller
            elif event.side == -state.side and event.left > 0:
                up = state.side
            else:
                return state
        else:
            heard = event.price
            if event.side != state.side or state.side * (mine - heard) > 0 or event.left == 0:
                return state
            up = state.side
        wide = self.relative * coase.draw(state.key, event.time, 3)
        target = heard * (1.0 + up * wide) + up * self.absolute * coase.draw(state.key, event.time, 4)
        change = state.damping * state.momentum + (1.0 - state.damping) * state.rate * (target - price)
        margin = (price + change) / event.limit - 1.0
        margin = min(max(margin, -1.0), 0.0) if state.side > 0 else max(margin, 0.0)
        return State(state.side, state.key, margin, change, state.rate, state.damping)
