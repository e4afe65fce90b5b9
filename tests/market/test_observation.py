"""What a learning trader sees: bounded, the same on either side, the same compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase.market.observation import FEATURES, features, shaded
from coase.market.trader import TAPE

PRICES = st.integers(-1, 400)


def view(**given: Any) -> coase.View:
    """A view of a quiet market."""
    made = {
        "time": 1, "day": 0, "step": 1, "steps": 10, "limit": 120, "left": 1, "best_bid": -1, "best_ask": -1,
        "last_price": -1, "low": 0, "high": 200, "yesterday_low": -1, "yesterday_high": -1, "first": 0, "end": 0,
        "tape": np.zeros((TAPE, 3), np.int64),
    }  # fmt: skip
    return coase.View(**{**made, **given})


def named(side: int, seen: coase.View) -> dict[str, float]:
    """Features by name."""
    return dict(zip(FEATURES, features(side, seen), strict=True))


def test_features_say_what_they_are_called() -> None:
    """A buyer with a limit of 120 and prices from 0 to 200."""
    tape = np.zeros((TAPE, 3), np.int64)
    tape[:3] = [[1, 90, 1], [-1, 150, 0], [1, 100, 1]]
    found = named(1, view(best_ask=110, last_price=100, end=3, tape=tape, step=4, left=3))
    assert found == pytest.approx(
        {**dict.fromkeys(FEATURES, 0.0), "side": 1, "room": 0.6, "gain_now": 0.05, "can_trade": 1, "gain_last": 0.1,
         "gain_recent": 0.125, "has_traded": 1, "time_left": 0.6, "left": 0.3}
    )  # fmt: skip
    seller = named(-1, view(limit=80, best_bid=90, best_ask=70, yesterday_low=60, yesterday_high=100))
    assert (seller["side"], seller["room"], seller["gain_now"], seller["gain_rival"]) == pytest.approx(
        (-1, 0.6, 0.05, -0.05)
    )
    assert (seller["gain_cheapest"], seller["gain_dearest"], seller["has_yesterday"]) == pytest.approx((-0.1, 0.1, 1))


@given(st.sampled_from([1, -1]), st.integers(0, 400), PRICES, PRICES, PRICES, st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=100)
def test_features_and_quotes_keep_their_bounds(
    side: int, limit: int, bid: int, ask: int, last: int, low: int, span: int
) -> None:
    """Features lie in [-1, 1]; a quote lies within the prices and the limit, and a larger shade never asks for less."""
    seen = view(limit=limit, best_bid=bid, best_ask=ask, last_price=last, low=low, high=low + span, left=10**6)
    assert all(-1 <= value <= 1 for value in features(side, seen))
    quotes = [shaded(side, seen, shade) for shade in (0.0, 0.1, 0.5, 1.0)]
    for quote in quotes:
        assert quote.quantity == 0 or (low <= quote.price <= low + span and side * (limit - quote.price) >= 0)
    if quotes[0].quantity:
        gains = [side * (limit - quote.price) for quote in quotes]
        assert gains == sorted(gains)


def test_a_shade_is_a_share_of_the_range() -> None:
    """To the nearest tick; nothing where every price is a loss."""
    assert shaded(1, view(), 0.1) == coase.Quote(100, 1)
    assert shaded(-1, view(), 0.1) == coase.Quote(140, 1)
    assert shaded(1, view(), 1.0) == coase.Quote(0, 1)
    assert shaded(1, view(limit=10, low=20), 0.0).quantity == 0


def test_features_are_the_same_compiled(need: Any) -> None:
    """Bit for bit, since what a policy decides hangs on them."""
    from coase.market.compiling import _function

    need("numba")
    compiled = _function(features)
    rng = np.random.default_rng(1)
    for _ in range(50):
        tape = np.column_stack((rng.choice([1, -1], TAPE), rng.integers(0, 200, TAPE), rng.integers(0, 2, TAPE)))
        bid, ask, last, low = (int(v) for v in rng.integers(-1, 200, 4))
        limit, end, step = int(rng.integers(200)), int(rng.integers(TAPE)), int(rng.integers(1, 10))
        seen = view(
            limit=limit, best_bid=bid, best_ask=ask, last_price=last, yesterday_low=low, yesterday_high=low, end=end,
            step=step, tape=tape,
        )  # fmt: skip
        for side in (1, -1):
            assert compiled(side, seen) == features(side, seen)
