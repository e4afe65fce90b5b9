"""AA: adaptive aggressiveness. Vytelingum (2006); Vytelingum, Cliff and Jennings (2008).

The equilibrium p* is estimated by a moving average of trades. Aggressiveness r in [-1, 1] sets a target price: p* at 0,
the limit at 1, the far end of the range at -1, along (e^(r theta) - 1) / (e^theta - 1). After a quote or a trade, r
moves by `short` towards what would have been just enough; theta moves by `long` towards a curve that is flatter, the
more prices fluctuate (Smith's alpha). The quote closes 1 / eta of the gap between the best quote, its own earlier one
included, and the target. A seller reckons in the mirror of the range: a price p counts as high - p.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pydantic import Field

import coase


class State(NamedTuple):
    """What is believed and how aggressive I am."""

    side: int
    star: float  # estimated equilibrium price; -1 before any trade
    spread: float  # moving mean of squared distances of trades from it
    calm: float  # smallest alpha seen
    wild: float  # largest alpha seen
    r: float
    theta: float
    mine: int  # my last quote of the day, as a buyer's; -1 before any


def share(r: float, theta: float) -> float:
    """(e^(r theta) - 1) / (e^theta - 1), from 0 at r = 0 to 1 at r = 1."""
    if abs(theta) < 1e-6:
        return r
    return (math.exp(r * theta) - 1.0) / (math.exp(theta) - 1.0)


def inverse(part: float, theta: float) -> float:
    """The r at which `share` is this part."""
    part = min(max(part, 0.0), 1.0)
    if abs(theta) < 1e-6:
        return part
    return math.log(part * (math.exp(theta) - 1.0) + 1.0) / theta


def target(limit: float, star: float, r: float, theta: float) -> float:
    """A buyer's target price."""
    if r < 0:
        return min(limit, star) * (1.0 - share(-r, theta))
    return star + (limit - star) * share(r, theta) if limit > star else limit


def needed(price: float, limit: float, star: float, theta: float) -> float:
    """The aggressiveness with which a buyer's target is this price."""
    top = min(limit, star)
    if price <= top:
        return -inverse(1.0 - price / top, theta) if top > 0 else 0.0
    return inverse((price - star) / (limit - star), theta) if limit > star else 0.0


class Aa(coase.Trader):
    """Be as aggressive as the market asks for."""

    eta: float = Field(default=3.0, ge=1, allow_inf_nan=False, description="1 / eta of the gap is closed by a quote")
    short: float = Field(default=0.5, gt=0, le=1, description="rate at which aggressiveness is learnt")
    long: float = Field(default=0.5, gt=0, le=1, description="rate at which the curve is learnt")
    decay: float = Field(default=0.9, gt=0, lt=1, description="weight of the past in the moving average of trades")
    relative: float = Field(default=0.05, ge=0, le=1, description="by which r goes beyond what is needed, relative")
    absolute: float = Field(default=0.01, ge=0, le=1, description="the same, absolute")

    def start(self, side: int, limit: int, key: int) -> State:
        """Neutral; the curve nearly straight."""
        return State(side, -1.0, 0.0, 1.0, 0.0, 0.0, -0.5, -1)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        """Take the other side's quote if it meets my target, else close part of the gap to it."""
        side, top = state.side, view.high
        limit = view.limit if side > 0 else top - view.limit
        mine = view.best_bid if side > 0 else (top - view.best_ask if view.best_ask >= 0 else -1)
        theirs = view.best_ask if side > 0 else (top - view.best_bid if view.best_bid >= 0 else -1)
        best = max(mine, state.mine, 0)
        if limit <= max(mine, 0):
            return state, coase.NO_QUOTE
        offer = min(theirs, top) if theirs >= 0 else top
        if state.star < 0:
            bid = best + (min(limit, offer) - best) / self.eta
        else:
            star = state.star if side > 0 else top - state.star
            goal = target(float(limit), star, state.r, state.theta)
            bid = float(offer) if theirs >= 0 and offer <= goal else best + (goal - best) / self.eta
        price = min(math.ceil(bid), limit)
        tick = price if side > 0 else top - price
        if tick < view.low or tick > view.high:
            return state, coase.NO_QUOTE
        quoted = State(
            side, state.star, state.spread, state.calm, state.wild, state.r, state.theta, max(price, state.mine)
        )
        return quoted, coase.Quote(tick, 1)

    def observe(self, state: State, event: coase.Event) -> State:
        """Learn the equilibrium, the aggressiveness and the curve."""
        side = state.side
        if event.side == 0:
            return State(side, state.star, state.spread, state.calm, state.wild, state.r, state.theta, -1)
        top, star, spread = event.high, state.star, state.spread
        calm, wild, theta = state.calm, state.wild, state.theta
        if event.traded:
            star = self.decay * star + (1.0 - self.decay) * event.trade_price if star >= 0 else float(event.trade_price)
            gap = event.trade_price - star
            spread = self.decay * spread + (1.0 - self.decay) * gap * gap
            alpha = math.sqrt(spread) / star if star > 0 else 0.0
            calm, wild = min(calm, alpha), max(wild, alpha)
            part = (alpha - calm) / (wild - calm) if wild > calm else 0.5
            theta = theta + self.long * (-8.0 + 10.0 * (1.0 - part) * math.exp(2.0 * (part - 1.0)) - theta)
        if star < 0:
            return state
        limit = float(event.limit if side > 0 else top - event.limit)
        middle = star if side > 0 else top - star
        heard = event.trade_price if event.traded else event.price
        price = float(heard if side > 0 else top - heard)
        goal = target(limit, middle, state.r, theta)
        r = state.r
        up = 0.0
        if event.traded:
            up = -1.0 if goal >= price else 1.0
        elif event.side == side and goal <= price:
            up = 1.0
        if up != 0.0:
            want = needed(price, limit, middle, theta)
            want = want + up * (self.relative * abs(want) + self.absolute)
            r = min(max(r + self.short * (want - r), -1.0), 1.0)
        return State(side, star, spread, calm, wild, r, theta, -1 if event.mine else state.mine)
