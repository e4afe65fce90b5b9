"""Several calls with one write: coase/settlement/channels/till.py, `charge_many`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coase.errors import AmountError, PaymentRefused, SettlementError
from coase.settlement.channels.config import voucher_digest
from coase.settlement.channels.payment import Payment

calls = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 900), st.sampled_from([0, 100, 250]), st.booleans()), max_size=12
)


def made(shop: Any, call: int, amount: int, forged: bool) -> Payment:
    """A voucher for any amount, by the payer or by somebody else."""
    payment = Payment(shop.place, shop.config, amount, b"", f"call-{call}")
    signer = shop.carol if forged else shop.alice
    return replace(payment, signature=signer.sign(voucher_digest(payment.channel, amount, shop.place)))


def outcome(found: Any) -> Any:
    """A charge, or the code of a refusal."""
    return found.code if isinstance(found, PaymentRefused) else found


def one_by_one(shop: Any, given: list[tuple[Payment, int]]) -> list[Any]:
    """What `charge` says to each."""
    found = []
    for payment, price in given:
        try:
            found.append(shop.till.charge(payment, price))
        except PaymentRefused as error:
            found.append(error.code)
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=calls, parts=st.integers(1, 4))
def test_the_same_as_one_by_one(calls: list[tuple[int, int, int, bool]], parts: int, new_shop: Any) -> None:
    """Good and bad, repeated and forged, however they are divided: equal answers, and equal books after a restart."""
    single, many = new_shop(), new_shop()
    given = [(made(single, call, amount, forged), price) for call, amount, price, forged in calls]
    found = [
        outcome(one) for low in range(0, len(given), parts) for one in many.till.charge_many(given[low : low + parts])
    ]
    assert found == one_by_one(single, given)
    assert many.again().till.accounts() == single.again().till.accounts()


def test_all_or_nothing_on_a_full_disk(shop: Any) -> None:
    """What is not written is not charged, none of it; a price that is no money stops everything before."""
    given = [(shop.payer.pay(shop.config, f"c{n}", 10), 10) for n in range(3)]
    with pytest.raises(AmountError):
        shop.till.charge_many([*given, (given[0][0], -1)])
    shop.till.table._db.execute("pragma query_only = on")
    with pytest.raises(SettlementError, match="could not be written"):
        shop.till.charge_many(given)
    shop.till.table._db.execute("pragma query_only = off")
    assert [one.charged for one in shop.till.charge_many(given)] == [10, 20, 30]
    assert shop.till.charge_many([]) == []


def test_a_clock_that_was_set_back(shop: Any, refused: Any) -> None:
    """It could make an old look young for ever: look again."""
    shop.see()
    shop.clock.advance(5)
    shop.see()
    shop.till.clock = lambda: shop.clock() - 1
    assert refused(lambda: shop.till.charge(shop.payer.pay(shop.config, "a", 1), 1)) == "state_is_old"
