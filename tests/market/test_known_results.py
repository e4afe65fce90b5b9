"""Results of the literature that are proven, each within three standard errors of what the simulator gives."""

from __future__ import annotations

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
    assert run.efficiency == pytest.approx(0.84375, abs=0.03)


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


def test_mcafee_is_nearly_efficient_in_large_markets() -> None:
    """What is lost falls like 1 / n^2 (McAfee 1992): five times the traders, a small part of the loss."""
    lost = {}
    for n, runs in ((10, 400), (50, 100)):
        run = coase.simulate(
            "mcafee", traders={"truthful": 2 * n}, demand=UNIFORM, supply=UNIFORM, high=TICKS, runs=runs, seed=5
        )
        lost[n] = 1 - run.efficiency
        assert run.revenue >= 0
        assert all(row >= 0 for row in run.held["kept"][:, 0])
    assert lost[50] < lost[10] / 10
    assert lost[10] < 0.03


def test_vcg_is_efficient_and_costs_the_auctioneer() -> None:
    """One buyer and one seller: with truth all gains are realised, and the auctioneer pays as much again (1/6)."""
    run = pair("vcg", coase.skill("truthful"))
    assert run.efficiency == 1
    assert close(run.held["kept"][:, 0] / TICKS, -1 / 6)
