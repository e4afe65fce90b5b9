"""A market rule, and how one of your own is plugged in.

A `MarketRule` says what becomes of orders; who quotes when is the driver's affair (`coase.market.driver`), so one and
the same crowd of traders runs under any rule. A rule is a frozen pydantic model: its fields are its parameters, given
to `coase.simulate` as keyword arguments (``coase.simulate("k_double_auction", ..., k=0.5)``). Override:

============  =====================================================================================================
`init`        the state before the first order of a day, from the lowest and the highest price allowed
`submit`      the next state and the fills that an order causes at once; the order rests where the rule keeps orders
`withdraw`    the next state without the orders of a trader (its turn has come again)
`clear`       the next state and the fills at the end of a day (a call market trades here)
`best`        the best bid and the best ask that traders may see; (-1, -1) in a sealed market
============  =====================================================================================================

`once` says that every trader has exactly one turn a day, in random order (sealed bids), instead of `turns` on average.
`fast` may run a whole run in one go, if it can for this crowd and these numbers; it must make the very trades that the
methods above make, and returns None where it cannot.

Rules that ship are in `SHIPPED`: name -> "module:Class", imported when used. To add one to the library, write a module
here and a line there. Elsewhere: an entry point of the group ``coase.market_rules``, or give the object itself to
`coase.simulate`. A market of another shape altogether (no quotes, no turns: `coase.market.bargaining`) overrides `fast`
alone and says in `takes` which skills it is for.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from coase import loading
from coase.errors import ConfigurationError, UnknownName, UsageError
from coase.market.crowd import Crowd
from coase.market.session import Rules, Session
from coase.market.trader import Trader

SHIPPED = {
    "bargaining": "coase.market.bargaining:Bargaining",
    "call_market": "coase.market.call_market:CallMarket",
    "double_auction": "coase.market.double_auction:DoubleAuction",
    "first_price": "coase.market.first_price:FirstPrice",
    "k_double_auction": "coase.market.k_double_auction:KDoubleAuction",
    "mcafee": "coase.market.mcafee:McAfee",
    "pool": "coase.market.pool:Pool",
    "posted_offer": "coase.market.posted_offer:PostedOffer",
    "second_price": "coase.market.second_price:SecondPrice",
    "vcg": "coase.market.vcg:Vcg",
}
GROUP = "coase.market_rules"
HOUSE = -1  # instead of a trader in a fill: the market's own stock


class MarketOrder(NamedTuple):
    """A trader's order: side 1 buys, -1 sells."""

    trader: int
    side: int
    price: int
    quantity: int


class Fill(NamedTuple):
    """A trade. What the buyer pays and what the seller gets for a unit differ where the auctioneer keeps something.

    One of the two may be the `HOUSE`, which trades with a stock of its own.
    """

    buyer: int
    seller: int
    price: int
    received: int
    quantity: int


class MarketRule(BaseModel):
    """A market rule: pure functions of a state of its own; see the module for what to override."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content_kind: ClassVar[str] = "market_rules"
    once: ClassVar[bool] = False
    takes: ClassVar[type[Any]] = Trader  # what its traders are

    def init(self, low: int, high: int) -> Any:
        """The state before the first order of a day."""
        raise NotImplementedError(f"{type(self).__name__} has no method `init`")

    def submit(self, state: Any, order: MarketOrder) -> tuple[Any, list[Fill]]:
        """The next state, and what trades at once."""
        raise NotImplementedError(f"{type(self).__name__} has no method `submit`")

    def withdraw(self, state: Any, trader: int) -> Any:
        """The next state, without this trader's resting orders."""
        return state

    def clear(self, state: Any) -> tuple[Any, list[Fill]]:
        """The next state, and what trades at the end of the day."""
        return state, []

    def best(self, state: Any) -> tuple[int, int]:
        """The best bid and ask to be seen, -1 where there is none."""
        return -1, -1

    def rules(self, rules: Rules) -> Rules:
        """The numbers of a run with those that the rule itself brings."""
        return rules

    def fast(self, crowd: Crowd, rules: Rules, seed: int) -> Session | None:
        """A whole run, with the trades that the other methods would make; None to let them."""
        return None


def market_rule(what: Any, /, **rules: Any) -> MarketRule:
    """A market rule by name, class or object, with these parameters.

    Raises:
        UnknownName: no rule of this name.
        ConfigurationError: wrong parameters, or an entry point that does not load.
    """
    if isinstance(what, MarketRule):
        if rules:
            raise UsageError(
                f"{type(what).__name__} has its rules already", hint="give the class instead", code="bad_market"
            )
        return what
    if isinstance(what, type) and issubclass(what, MarketRule):
        made: MarketRule = loading.make(what, rules)
        return made
    if not isinstance(what, str):
        raise UsageError(f"{what!r} is no market rule", hint="a name or a coase.MarketRule", code="bad_market")
    found: MarketRule = loading.make(_named(what), rules)
    return found


def check_quotes(rule: MarketRule) -> None:
    """Refuse a market in which traders order nothing, such as bargaining."""
    if type(rule).submit is MarketRule.submit:
        raise UsageError(
            f"nothing is ordered under {type(rule).__name__}", hint="a market of quotes", code="bad_market"
        )


def names() -> list[str]:
    """The names of all market rules, shipped or installed."""
    return sorted({*SHIPPED, *(point.name for point in _installed())})


@lru_cache(1)
def _installed() -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=GROUP))


def _named(name: str) -> type[MarketRule]:
    installed = [point for point in _installed() if point.name == name]
    if len(installed) + (name in SHIPPED) > 1:
        raise ConfigurationError(
            f"the market rule '{name}' comes from several places", hint="uninstall one", code="name_clash"
        )
    if name in SHIPPED:
        module, _, kind = SHIPPED[name].partition(":")
        found: type[MarketRule] = getattr(import_module(module), kind)
        return found
    if not installed:
        close = difflib.get_close_matches(name, names(), 2)
        raise UnknownName(
            f"no market rule '{name}'",
            hint=f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names())}",
        )
    try:
        loaded = installed[0].load()
    except Exception as error:
        raise ConfigurationError(
            f"the market rule '{name}' does not load: {type(error).__name__}: {error}", code="entry_point_does_not_load"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, MarketRule)):
        raise ConfigurationError(f"'{installed[0].value}' is no market rule", code="nothing_in_file")
    return loaded
