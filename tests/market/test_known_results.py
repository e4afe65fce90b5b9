"""Results of the literature that are proven, each within three standard errors of what the simulator gives."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

import coase

TICKS = 12_000  # a price of 1 in these markets
UNIFORM = coase.Uniform(0, TICKS)
RUNS = 4000


class State(NamedTuple):
    """The side."""

    side: int


class Shades(coase.Trader):
    """Bids a straight line of its limit: the equilibria of these auctions are such lines.

    A buyer bids `slope` times its value and `add`; a seller the mirror image of it.
    """

    slope: float = 1.0
    add: float = 0.0

    def start(self, side: int, limit: int, key: int) -> State:
        return State(side)

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        mirrored = view.limit if state.side > 0 else view.high - view.limit
        price = int(self.slope * mirrored + self.add * view.high)
        return state, coase.Quote(price if state.side > 0 else view.high - price, 1)


def pair(market: str, trader: coase.Trader, **rules: Any) -> coase.Run:
    """One buyer and one seller, values and costs from U[0, 1], many times."""
    return coase.simulate(
        market, traders=[(trader, 2)], demand=UNIFORM, supply=UNIFORM, high=TICKS, runs=RUNS, seed=11,
        keep_trades=False, **rules,
    )  # fmt: skip


def close(values: Any, expected: float) -> bool:
    """Whether a mean is within three standard errors."""
    found = np.asarray(values, float)
    return bool(abs(found.mean() - expected) <= 3 * found.std(ddof=1) / np.sqrt(len(found)))


def test_chatterjee_and_samuelson() -> None:
    """Bids 2v/3 + 1/12 and 2c/3 + 1/4: gains of 9/64, trade with probability 9/32, 84.375% of the first best."""
    run = pair("k_double_auction", Shades(slope=2 / 3, add=1 / 12), k=0.5)
    gained = run.held["gained"][:, 0] / TICKS
    assert close(gained, 9 / 64)
    assert close(gained > 0, 9 / 32)
    possible = run.held["possible"][:, 0] / TICKS
    assert close(possible, 1 / 6)
    assert close(gained - 0.84375 * possible, 0)
    error = (gained - 0.84375 * possible).std(ddof=1) / np.sqrt(RUNS) / possible.mean()
    assert abs(run.efficiency - 0.84375) <= 3 * error < 0.03


def test_truth_would_realise_everything() -> None:
    """Truth would realise 1/6 if traders told it; no equilibrium reaches it (Myerson and Satterthwaite 1983)."""
    run = pair("k_double_auction", coase.skill("truthful"))
    assert run.efficiency == 1


@pytest.mark.parametrize("market", ["posted_offer", "k_double_auction"])
def test_a_price_of_one_half_and_the_buyers_bid_realise_three_quarters(market: str) -> None:
    """A posted price of 1/2, and k = 1 with a buyer that bids v/2 and a seller that asks its cost: 75% each."""
    if market == "posted_offer":
        run = pair(market, coase.skill("truthful"), price=TICKS // 2)
    else:
        made: dict[str, Any] = {"demand": UNIFORM, "supply": UNIFORM, "high": TICKS, "runs": RUNS, "seed": 3}
        run = coase.simulate(market, traders=[(Half(), 2)], k=1, keep_trades=False, **made)
    gained, possible = run.held["gained"][:, 0], run.held["possible"][:, 0]
    assert close(gained - 0.75 * possible, 0)
    assert close(gained / TICKS, 1 / 8)


class Half(Shades):
    """The buyer bids half its value, the seller asks its cost."""

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        return state, coase.Quote(view.limit // 2 if state.side > 0 else view.limit, 1)


@pytest.mark.parametrize("n", [2, 5])
def test_first_and_second_price_earn_the_same(n: int) -> None:
    """n bidders from U[0, 1]: the price is (n - 1) / (n + 1) in both, with truth and with bids of (n - 1) v / n."""
    others = [TICKS + 1] * (n - 1)  # sellers whose reserve nobody meets; the one with cost 0 calls the auction
    prices = {}
    for market, trader in (("second_price", Shades()), ("first_price", Shades(slope=(n - 1) / n))):
        run = coase.simulate(
            market, traders=[(Caller(slope=trader.slope), 2 * n)], demand=UNIFORM, supply=[0, *others], high=TICKS + 1,
            runs=RUNS // 2, seed=7, reverse=False,
        )  # fmt: skip
        prices[market] = np.array([session.trades[0, 4] for session in run.sessions]) / TICKS
        assert close(prices[market], (n - 1) / (n + 1))
        assert run.efficiency == 1
    assert prices["second_price"].std() > prices["first_price"].std()


class Caller(Shades):
    """A bidder that shades, or a seller that asks its cost."""

    def quote(self, state: State, view: coase.View) -> tuple[State, coase.Quote]:
        price = int(self.slope * view.limit) if state.side > 0 else view.limit
        return state, coase.Quote(price, 1)


def mcafee_loss(n: int) -> Fraction:
    """The share of the possible gains that McAfee's rule loses, expected: n a side, from U[0, 1]."""
    return (Fraction(2 * (n - 1), n + 1) + Fraction(1, 4 ** (n - 1))) / n**2


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_loss_of_mcafees_rule_from_first_principles(n: int) -> None:
    """In fractions, by all ways in which values and costs lie around the competitive interval.

    That is the gap g between the n-th and the (n + 1)-th of the 2n limits; gaps are as independent exponential ones of
    mean 1, over 2n + 1. Below it, next to a cost, the next value is j gaps away (X); above it, the next one m (Y).
    """

    def chance(costs: int, values: int) -> Fraction:  # that so many limits are what they are
        rest = 2 * n - costs - values
        return Fraction(math.comb(rest, n - costs), math.comb(2 * n, n)) if max(costs, values) <= n else Fraction(0)

    def inside(j: int, m: int) -> Fraction:  # E[g; X > Y + g]
        return sum(
            (
                Fraction(r + 1, 2 ** (r + 2)) * Fraction(math.comb(m + i - r - 1, i - r), 2 ** (m + i - r))
                for i in range(j)
                for r in range(i + 1)
            ),
            Fraction(0),
        )

    lost = chance(n, n)  # no next pair: the only gap is lost
    for j in range(1, n + 1):
        beyond = 1 - Fraction(1, 2**j), sum(Fraction(r + 1, 2 ** (r + 2)) for r in range(j))  # P(X > g), E[g; X > g]
        for m in range(1, n + 1):
            lost += chance(j + 1, m + 1) * (inside(j, m) + inside(m, j))  # a cost below, a value above
            lost += 2 * chance(j + m, 2) * (beyond[1] + m * beyond[0])  # costs on both sides, or values
    possible = Fraction(n * n, 2)  # times 1 / (2n + 1), too
    assert lost / possible == mcafee_loss(n)


def test_mcafee_is_nearly_efficient_in_large_markets() -> None:
    """What is lost falls like 1 / n^2 (McAfee 1992), as is expected for values and costs from U[0, 1]."""
    for n, runs in ((2, 800), (10, 400), (50, 100)):
        run = coase.simulate(
            "mcafee", traders={"truthful": 2 * n}, demand=UNIFORM, supply=UNIFORM, high=TICKS, runs=runs, seed=5
        )
        expected = float(mcafee_loss(n))
        possible = run.held["possible"][:, 0]
        assert close(possible - run.held["gained"][:, 0] - expected * possible, 0)
        assert run.revenue >= 0
        assert all(row >= 0 for row in run.held["kept"][:, 0])


def test_vcg_is_efficient_and_costs_the_auctioneer() -> None:
    """One buyer and one seller: with truth all gains are realised, and the auctioneer pays as much again (1/6)."""
    run = pair("vcg", coase.skill("truthful"))
    assert run.efficiency == 1
    assert close(run.held["kept"][:, 0] / TICKS, -1 / 6)
