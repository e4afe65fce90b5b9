"""What a learning trader sees and does: bounded numbers made of its view, and a share of the price range as a quote.

Environments give these numbers to whoever learns; a skill that has learned computes the same from its own view, so a
policy acts in a market as it did in training. All functions keep to numbers and run compiled.

A *gain* is what a unit would bring at a price, side x (limit - price), as a share of the range of prices: positive is
good on either side. What is not there is 0, and a flag says whether it is there.
"""

from __future__ import annotations

from coase.market.trader import NO_QUOTE, Quote, View

FEATURES = (
    "side",  # 1 buyer, -1 seller
    "room",  # the gain at the end of the range of prices: the most there could be
    "gain_now",  # at the best quote of the other side
    "can_trade",  # whether there is one
    "gain_rival",  # at the best quote of my side
    "has_rival",  # whether there is one
    "gain_last",  # at the price of the last trade of the run
    "gain_recent",  # at the mean price of the last trades that are remembered
    "has_traded",  # whether there was a trade
    "gain_cheapest",  # at the lowest price of yesterday
    "gain_dearest",  # at the highest price of yesterday
    "has_yesterday",  # whether there was a trade yesterday
    "time_left",  # share of the day's turns
    "left",  # units that I may still trade, over ten
)
TRADES, EVENTS = 5, 40  # of which the mean is taken; how far back they are looked for


def features(side: int, view: View) -> tuple[float, ...]:
    """What a trader sees, as one number in [-1, 1] for each of `FEATURES`.

    Args:
        side: 1 buyer, -1 seller.
        view: as in `Trader.quote`.
    """
    theirs, mine = (view.best_ask, view.best_bid) if side > 0 else (view.best_bid, view.best_ask)
    far = view.low if side > 0 else view.high
    return (
        float(side),
        gain(side, view, float(far)),
        gain(side, view, float(theirs)) if theirs >= 0 else 0.0,
        1.0 if theirs >= 0 else 0.0,
        gain(side, view, float(mine)) if mine >= 0 else 0.0,
        1.0 if mine >= 0 else 0.0,
        gain(side, view, float(view.last_price)) if view.last_price >= 0 else 0.0,
        gain(side, view, recent_price(view)) if view.last_price >= 0 else 0.0,
        1.0 if view.last_price >= 0 else 0.0,
        gain(side, view, float(view.yesterday_low)) if view.yesterday_low >= 0 else 0.0,
        gain(side, view, float(view.yesterday_high)) if view.yesterday_low >= 0 else 0.0,
        1.0 if view.yesterday_low >= 0 else 0.0,
        (view.steps - view.step) / view.steps,
        min(view.left, 10) / 10.0,
    )


def gain(side: int, view: View, price: float) -> float:
    """What a unit would bring me at a price, as a share of the range of prices, from -1 to 1."""
    return min(max(side * (view.limit - price) / max(view.high - view.low, 1), -1.0), 1.0)


def recent_price(view: View) -> float:
    """The mean price of the last trades on the tape; of the last trade where the tape has forgotten them."""
    total, trades = 0, 0
    at, first = view.end, max(view.first, view.end - EVENTS)
    while at > first and trades < TRADES:
        at -= 1
        if view.tape[at, 2]:
            total += view.tape[at, 1]
            trades += 1
    return total / trades if trades > 0 else float(view.last_price)


def shaded(side: int, view: View, shade: float) -> Quote:
    """A quote for one unit that gains at least this share of the range of prices, to the nearest tick.

    It stays within the range and never beyond the limit; where the range lies beyond the limit it is no quote. A quote
    that crosses trades at the better price of the order that was there, so a shade of 0 takes any gain on offer.

    Args:
        side: 1 buyer, -1 seller.
        view: as in `Trader.quote`.
        shade: from 0, quote my limit, to 1.
    """
    price = view.limit - side * int(shade * max(view.high - view.low, 1) + 0.5)
    price = min(max(price, view.low), view.high)
    if side * (view.limit - price) < 0:
        return NO_QUOTE
    return Quote(price, 1)
