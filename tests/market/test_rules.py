"""Market rules on sealed orders: who trades, who pays what, and whether it pays to lie."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.market.measures import competitive
from coase.market.rule import HOUSE, Fill, MarketOrder, MarketRule, market_rule

Order = tuple[int, int, int]  # side, price, quantity
ORDERS = st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(0, 12), st.integers(1, 3)), min_size=2, max_size=9)
UNITS = st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(0, 12), st.just(1)), min_size=2, max_size=9)
ONE_PRICE = ("k_double_auction", "call_market")
SEALED = (*ONE_PRICE, "mcafee", "vcg", "first_price", "second_price", "posted_offer")


def fills(rule: MarketRule, orders: Sequence[Order], low: int = 0, high: int = 20) -> list[Fill]:
    """What trades when these are all the orders of a day, trader i's the i-th."""
    state = rule.init(low, high)
    found: list[Fill] = []
    for trader, (side, price, quantity) in enumerate(orders):
        state, some = rule.submit(state, MarketOrder(trader, side, price, quantity))
        found += some
    return found + rule.clear(state)[1]


def gain(got: Sequence[Fill], trader: int, worth: int) -> int:
    """A trader's profit, with this value or cost of each of its units."""
    return sum(
        (worth - f.price) * f.quantity if f.buyer == trader else (f.received - worth) * f.quantity
        for f in got
        if trader in (f.buyer, f.seller)
    )


def surplus(got: Sequence[Fill], orders: Sequence[Order]) -> int:
    """Of all who trade, the auctioneer included."""
    return sum((orders[f.buyer][1] - orders[f.seller][1]) * f.quantity for f in got)


def best(orders: Sequence[Order]) -> tuple[int, int]:
    """(units, surplus) of the efficient trades."""
    units: dict[int, list[int]] = {1: [], -1: []}
    for side, price, quantity in orders:
        units[side] += [price] * quantity
    return competitive(units[1], units[-1])[:2] if units[1] and units[-1] else (0, 0)


@pytest.mark.parametrize("name", SEALED)
@given(orders=ORDERS)
def test_nobody_trades_beyond_its_order(name: str, orders: list[Order]) -> None:
    """Not more than it offered, and at no worse a price; the right sides; whole positive quantities."""
    got = fills(market_rule(name), orders)
    for f in got:
        assert (orders[f.buyer][0], orders[f.seller][0]) == (1, -1)
        assert f.quantity > 0
        assert f.price <= orders[f.buyer][1]
        assert f.received >= orders[f.seller][1]
    for trader, (_, _, quantity) in enumerate(orders):
        assert sum(f.quantity for f in got if trader in (f.buyer, f.seller)) <= quantity


@pytest.mark.parametrize("name", [*ONE_PRICE, "vcg"])
@given(orders=ORDERS)
def test_these_realise_all_that_orders_allow(name: str, orders: list[Order]) -> None:
    """As many units and as much surplus as the best assignment."""
    got = fills(market_rule(name), orders)
    assert surplus(got, orders) == best(orders)[1]


@given(orders=ORDERS, k=st.integers(0, 4))
def test_one_price_between_the_marginal_limits(orders: list[Order], k: int) -> None:
    """s(m) + k (s(m + 1) - s(m)), rounded down, m units bid for."""
    limits = sorted(price for side, price, quantity in orders for _ in range(quantity))
    m = sum(quantity for side, _, quantity in orders if side > 0)
    got = fills(market_rule("k_double_auction", k=k / 4), orders)
    prices = {(f.price, f.received) for f in got}
    assert len(prices) <= 1
    for price, received in prices:
        assert price == received == limits[m - 1] + k * (limits[m] - limits[m - 1]) // 4


@given(orders=UNITS)
def test_mcafee_loses_at_most_the_least_valuable_trade_and_no_money(orders: list[Order]) -> None:
    """Every unit but the worst; what buyers pay covers what sellers get."""
    got = fills(market_rule("mcafee"), orders)
    units, most = best(orders)
    bids = sorted((p for s, p, _ in orders if s > 0), reverse=True)
    asks = sorted(p for s, p, _ in orders if s < 0)
    assert units - 1 <= len(got) <= units or not units
    assert sum((f.price - f.received) * f.quantity for f in got) >= 0
    lost = bids[units - 1] - asks[units - 1] if units else 0
    assert surplus(got, orders) in (most, most - lost)


@given(orders=ORDERS)
def test_vcg_charges_each_what_it_costs_the_others(orders: list[Order]) -> None:
    """The payment is the others' surplus without it less their surplus with it; the auctioneer never gains."""
    got = fills(market_rule("vcg"), orders)
    _, most = best(orders)
    for trader, (_, worth, _) in enumerate(orders):
        without = [order for other, order in enumerate(orders) if other != trader]
        assert gain(got, trader, worth) == most - best(without)[1]
    assert sum((f.price - f.received) * f.quantity for f in got) <= 0


def lies(rule: MarketRule, orders: list[Order], liar: int) -> int:
    """The most that a trader gains by any other price and any smaller quantity, over what the truth earns it."""
    side, worth, quantity = orders[liar]
    honest = gain(fills(rule, orders), liar, worth)
    return max(
        gain(fills(rule, [*orders[:liar], (side, price, some), *orders[liar + 1 :]]), liar, worth) - honest
        for price in range(14)
        for some in range(1, quantity + 1)
    )


@pytest.mark.parametrize(("name", "many"), [("vcg", True), ("mcafee", False)])
def test_no_lie_pays(name: str, many: bool) -> None:
    """Every price and quantity of a trader, on either side, against every pair of rivals on a grid."""
    rule, tried = market_rule(name), 0
    size = 2 if many else 1
    for worth, side in itertools.product((3, 6, 9), (1, -1)):
        for own, rival, other in itertools.product((2, 5, 8), (4, 7, 10), (5, 6)):
            orders = [(side, worth, size), (-side, own, 1), (-side, rival, 1), (side, other, 1)]
            assert lies(rule, orders, 0) <= 0
            tried += 1
    assert tried == 108


@given(orders=ORDERS, liar=st.integers(0, 8))
def test_no_lie_pays_under_vcg(orders: list[Order], liar: int) -> None:
    """In any market at all."""
    assert lies(market_rule("vcg"), orders, liar % len(orders)) <= 0


@given(orders=UNITS, liar=st.integers(0, 8))
def test_no_lie_pays_under_mcafee(orders: list[Order], liar: int) -> None:
    """In any market of single units."""
    assert lies(market_rule("mcafee"), orders, liar % len(orders)) <= 0


@given(rivals=st.lists(st.integers(0, 12), min_size=1, max_size=5), worth=st.integers(0, 12), reverse=st.booleans())
def test_no_lie_pays_under_second_price(rivals: list[int], worth: int, reverse: bool) -> None:
    """One caller; the bidder's truth earns at least as much as any lie."""
    side = -1 if reverse else 1
    orders: list[Order] = [(-side, 9 if reverse else 3, 1), (side, worth, 1), *((side, r, 1) for r in rivals)]
    assert lies(market_rule("second_price", reverse=reverse), orders, 1) <= 0


def test_lies_pay_where_one_price_rules() -> None:
    """Demand reduction: a buyer of two units bids for one and lowers the price of it; under VCG it gains nothing."""
    orders: list[Order] = [(1, 10, 2), (1, 6, 1), (-1, 0, 1), (-1, 0, 1)]
    assert lies(market_rule("k_double_auction", k=1), orders, 0) > 0
    assert lies(market_rule("first_price"), [(1, 9, 1), (-1, 2, 1), (-1, 7, 1)], 1) > 0
    assert lies(market_rule("vcg"), orders, 0) == 0


@pytest.mark.parametrize(
    ("name", "rules", "expected"),
    [
        ("first_price", {}, [(0, 2, 4, 4, 1)]),
        ("second_price", {}, [(0, 2, 6, 6, 1)]),
        ("first_price", {"reverse": False}, [(0, 1, 9, 9, 1)]),
        ("second_price", {"reverse": False}, [(0, 1, 8, 8, 1)]),
        ("posted_offer", {}, [(0, 2, 4, 4, 1)]),
        ("posted_offer", {"price": 7}, [(0, 1, 7, 7, 1)]),
        ("k_double_auction", {"k": 0}, [(0, 2, 4, 4, 1)]),
        ("mcafee", {}, [(0, 2, 4, 4, 1)]),
        ("vcg", {}, [(0, 2, 4, 6, 1)]),
    ],
    ids=str,
)
def test_by_hand(name: str, rules: dict[str, Any], expected: list[tuple[int, ...]]) -> None:
    """A buyer with 9 and one with 3; sellers that ask 6, 4 and 8."""
    if rules.get("reverse") is False:  # the sellers call, the first with a reserve of 6
        orders: list[Order] = [(1, 9, 1), (-1, 6, 1), (1, 8, 1)]
    else:
        orders = [(1, 9, 1), (-1, 6, 1), (-1, 4, 1), (-1, 8, 1), (1, 3, 1)]
    assert [tuple(f) for f in fills(market_rule(name, **rules), orders)] == expected


@given(
    orders=st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(0, 40), st.integers(1, 5)), max_size=40),
    fee=st.integers(0, 500),
    goods=st.integers(1, 30),
)
def test_the_product_of_a_pool_never_falls(orders: list[Order], fee: int, goods: int) -> None:
    """Nor does it run out; each unit trades within its limit; the spread is never negative."""
    rule = market_rule("pool", goods=goods, fee=fee)
    state = rule.init(0, 40)
    for trader, (side, price, quantity) in enumerate(orders):
        before = state.goods * state.money
        state, got = rule.submit(state, MarketOrder(trader, side, price, quantity))
        assert state.goods * state.money >= before
        assert state.goods >= 1
        assert state.money >= 0
        bid, ask = rule.best(state)
        assert bid <= ask or ask < 0
        assert sum(f.quantity for f in got) <= quantity
        for f in got:
            assert (f.buyer, f.seller) == ((trader, HOUSE) if side > 0 else (HOUSE, trader))
            assert side * (price - f.price) >= 0


def test_a_pool_by_hand() -> None:
    """100 units and 1,000 of money: the first costs 1000 / 99, rounded up; it goes back for a little less."""
    rule = market_rule("pool", price=10, fee=0)
    state = rule.init(0, 100)
    assert rule.best(state) == (9, 11)
    state, got = rule.submit(state, MarketOrder(0, 1, 11, 1))
    assert (tuple(state), got[0].price) == ((99, 1011), 11)
    state, got = rule.submit(state, MarketOrder(1, -1, 0, 1))
    assert (tuple(state), got[0].price) == ((100, 1001), 10)
    assert rule.submit(state, MarketOrder(0, 1, 10, 5))[1] == []


@pytest.mark.parametrize("name", [*SEALED, "pool"])
def test_any_rule_takes_any_crowd(name: str) -> None:
    """All traders that ship, over days, with several units, budgets and a world: within limits, and adding up."""
    world = coase.World(redraw=True, shocks={2: (3, 1)}, latency={"zip": 5}, entry={"gd": 1})
    crowd = dict.fromkeys(("zi_c", "zip", "gd", "mgd", "aa", "kaplan", "truthful", "shaver"), 4)
    limits = coase.Uniform(20, 180)
    run = coase.simulate(
        name, traders=crowd, demand=limits, supply=limits, days=3, runs=2, units=2, turns=8, budget=300, world=world
    )
    assert not run.failed
    assert 0.1 < run.efficiency <= 1
    assert sum(len(session.trades) for session in run.sessions) >= 10
    total = sum(row["profit"] * 4 * 3 for row in run.profits()) + run.held["kept"].sum()
    assert total == pytest.approx(run.held["gained"].sum())
    for session in run.sessions:
        for day, _, buyer, seller, paid, got, *_ in session.trades.tolist():
            assert buyer == HOUSE or paid <= session.limits[day, buyer]
            assert seller == HOUSE or got >= session.limits[day, seller]


def test_orders_for_many_units_cost_nothing_extra() -> None:
    """2**40 units are counted, not listed."""
    orders: list[Order] = [(1, 9, 2**40), (-1, 3, 2**40 - 1), (1, 5, 7)]
    for name in SEALED:
        got = fills(market_rule(name), orders)
        assert sum(f.quantity for f in got) >= 2**40 - 2
