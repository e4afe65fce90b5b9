"""The paying side: coase/settlement/channels/payer.py. What it may sign away, whatever the receiver says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coase.errors import PaymentRefused
from coase.settlement.channels.payer import Payer

DEPOSIT, A_CALL, IN_ALL = 1_000, 400, 1_500


@pytest.fixture
def payer(shop: Any) -> Iterator[Payer]:
    """Two channels of 1,000; 400 a call, 1,500 in all."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    made = Payer(shop.alice, shop.place, db, most_a_call=A_CALL, most_in_all=IN_ALL)
    for config in two(shop):
        made.funded(config, DEPOSIT)
    yield made
    db.close()


def two(shop: Any) -> tuple[Any, Any]:
    """Two channels."""
    return shop.config, replace(shop.config, salt="0x" + "02" * 32)


def test_caps_hold_to_the_unit(shop: Any, payer: Payer, refused: Any) -> None:
    """A call, a deposit, and all channels together; a refused call leaves nothing behind."""
    first, second = two(shop)
    assert refused(lambda: payer.pay(first, "a", A_CALL + 1)) == "price_cap"
    assert [payer.pay(first, name, A_CALL).amount for name in "ab"] == [400, 800]
    assert refused(lambda: payer.pay(first, "c", 201)) == "deposit_spent"
    assert payer.pay(first, "c", 200).amount == DEPOSIT
    assert payer.pay(second, "a", A_CALL).amount == 400
    assert refused(lambda: payer.pay(second, "b", 101)) == "spend_cap"
    assert payer.pay(second, "b", 100).amount == 500
    assert refused(lambda: payer.pay(second, "c", 1)) == "spend_cap"
    assert sum(purse.signed for purse in payer.purses()) == IN_ALL
    assert payer.pay(second, "b", 100).amount == 500  # asked again, it is the same
    assert refused(lambda: payer.pay(second, "b", 99)) == "call_reused"


def test_a_channel_that_is_not_ours_or_not_funded(shop: Any, payer: Payer, refused: Any) -> None:
    """Nothing is signed there."""
    other = replace(shop.config, salt="0x" + "03" * 32)
    assert refused(lambda: payer.pay(other, "a", 1)) == "unknown_channel"
    assert refused(lambda: payer.purse(other)) == "unknown_channel"
    assert refused(lambda: payer.funded(replace(shop.config, payer=shop.bob.account), 1)) == "not_our_channel"
    assert refused(lambda: payer.pay(shop.config, "a b", 1)) == "malformed_payment"


def test_a_call_that_came_to_nothing_is_over(shop: Any, payer: Payer, refused: Any) -> None:
    """Served under its old name, it would be on the receiver's books and not on ours; a free one may be asked again."""
    payer.pay(shop.config, "a", 100)
    payer.ended(shop.config, "a", 0)
    assert refused(lambda: payer.pay(shop.config, "a", 100)) == "call_ended"
    assert payer.pay(shop.config, "b", 100).amount == 100
    payer.ended(shop.config, "b", 40)
    assert payer.ended(shop.config, "b", 60).spent == 40  # said once
    assert payer.pay(shop.config, "b", 100).amount == 100
    payer.pay(shop.config, "free", 0)
    payer.ended(shop.config, "free", 0)
    assert payer.pay(shop.config, "free", 0).amount == 100


def test_money_that_was_taken_back_cannot_be_spent(shop: Any, payer: Payer, refused: Any) -> None:
    """After a withdrawal the channel holds less than was signed: nothing more is, until there is a deposit."""
    payer.pay(shop.config, "a", A_CALL)
    payer.funded(shop.config, 300)
    assert refused(lambda: payer.pay(shop.config, "b", 1)) == "deposit_spent"
    payer.funded(shop.config, 500)
    assert payer.pay(shop.config, "b", 100).amount == 500


moves = st.lists(
    st.tuples(st.sampled_from(["pay", "pay", "ended"]), st.integers(0, 1), st.integers(0, 450), st.integers(0, 9)),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=moves)
def test_never_beyond_a_cap(moves: list[tuple[str, int, int, int]], shop: Any) -> None:
    """Whatever is asked in whatever order: caps hold, a call keeps its voucher, vouchers never count down."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    payer = Payer(shop.alice, shop.place, db, most_a_call=A_CALL, most_in_all=IN_ALL)
    channels = two(shop)
    for config in channels:
        payer.funded(config, DEPOSIT)
    vouchers: dict[tuple[int, str], bytes] = {}
    highest = [0, 0]
    for kind, which, amount, number in moves:
        call = f"call-{number}"
        try:
            if kind == "ended":
                payer.ended(channels[which], call, amount)
                continue
            payment = payer.pay(channels[which], call, amount)
        except PaymentRefused:
            continue
        assert amount <= A_CALL
        assert vouchers.setdefault((which, call), payment.signature) == payment.signature
        highest[which] = max(highest[which], payment.amount)
        purses = [payer.purse(config) for config in channels]
        assert [purse.signed for purse in purses] == highest
        assert max(highest) <= DEPOSIT
        assert sum(highest) <= IN_ALL
        assert all(0 <= purse.spent <= purse.signed for purse in purses)
    db.close()
