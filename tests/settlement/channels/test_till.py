"""The paid side: coase/settlement/channels/till.py. Each attack has a refusal of its own."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coase.identity import _ORDER
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.config import Place, voucher_digest
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.payment import Payment


def sign(shop: Any, amount: int, call: str, by: Any = None, place: Place | None = None, **changes: Any) -> Payment:
    """A payment made by hand; `signed` is the amount that is really signed."""
    place = place or shop.place
    config = changes.pop("config", shop.config)
    payment = Payment(place, config, amount, b"", call)
    digest = voucher_digest(payment.channel, changes.pop("signed", amount), changes.pop("signed_place", place))
    return replace(payment, signature=(by or shop.alice).sign(digest), **changes)


def test_a_thousand_calls_count_up(shop: Any) -> None:
    """Each is charged its price once, and the last voucher is for all of them."""
    for i in range(1_000):
        paid = shop.payer.pay(shop.config, f"call-{i}", 7)
        assert shop.till.charge(paid.to_json(), 7).charged == 7 * (i + 1)
    account = shop.till.accounts()[0]
    assert (account.charged, account.authorised, account.unclaimed) == (7_000, 7_000, 7_000)
    again = shop.again()
    assert again.till.accounts() == shop.till.accounts()
    assert again.payer.purses() == shop.payer.purses()


def test_a_call_is_charged_once(shop: Any, refused: Any) -> None:
    """Asked again it is the same charge, also after a restart; with another price it is refused."""
    paid = shop.payer.pay(shop.config, "a", 100)
    assert not shop.till.charge(paid, 100).again
    for till in (shop.till, shop.again().till):
        assert till.charge(paid, 100) == (paid.channel, "a", 100, 100, True)
        assert refused(lambda till=till: till.charge(paid, 50)) == "call_reused"


def test_a_known_call_is_nobody_elses(shop: Any, refused: Any) -> None:
    """Whoever knows a channel and the name of a paid call gets neither its answer nor a word about it."""
    shop.till.charge(shop.payer.pay(shop.config, "a", 100), 100)
    for price in (100, 50):
        stranger = sign(shop, 100, "a", by=shop.carol)
        assert refused(lambda stranger=stranger, price=price: shop.till.charge(stranger, price)) == "forged_voucher"


def test_the_authorizer_signs_and_not_the_payer(shop: Any, refused: Any) -> None:
    """A channel may name another key for its vouchers; then the payer's own is worth nothing."""
    config = replace(shop.config, payer_authorizer=shop.carol.account)
    shop.till.admit(config, replace(shop.till.accounts()[0].state))
    assert refused(lambda: shop.till.charge(sign(shop, 100, "a", config=config), 100)) == "forged_voucher"
    assert shop.till.charge(sign(shop, 100, "a", config=config, by=shop.carol), 100).charged == 100
    assert refused(lambda: shop.payer.funded(config, 100)) == "not_our_channel"


def test_a_stranger_must_deposit_to_be_remembered(shop: Any, refused: Any) -> None:
    """Configs cost nothing to make up: one with too little in it leaves no row; one that is known stays."""
    shop.till.terms = replace(shop.till.terms, least_deposit=50)
    state = replace(shop.till.accounts()[0].state, balance=149, claimed=100)
    made_up = replace(shop.config, salt="0x" + "09" * 32)
    assert refused(lambda: shop.till.admit(made_up, state)) == "too_little_deposited"
    assert len(shop.till.accounts()) == 1
    assert shop.till.admit(made_up, replace(state, balance=150)).unclaimed == 0
    assert shop.till.admit(made_up, replace(state, balance=100)).state.balance == 100


def test_attacks(shop: Any, refused: Any) -> None:
    """Each is refused by its own name, and charges nothing."""
    shop.till.charge(shop.payer.pay(shop.config, "a", 100), 100)
    shop.till.charge(shop.payer.pay(shop.config, "b", 100), 100)
    elsewhere, other = Place(1, shop.place.contract), Place(shop.place.chain_id, "0x" + "c2" * 20)
    stranger = replace(shop.config, salt="0x" + "07" * 32)
    to_carol, in_gold = replace(shop.config, receiver=shop.carol.account), replace(shop.config, token="0x" + "ee" * 20)
    good = sign(shop, 300, "x")
    s = int.from_bytes(good.signature[32:64], "big")
    twin = good.signature[:32] + (_ORDER - s).to_bytes(32, "big") + bytes([55 - good.signature[64]])
    attacks: list[tuple[str, Payment]] = [
        ("wrong_chain", sign(shop, 300, "x", place=elsewhere)),
        ("wrong_contract", sign(shop, 300, "x", place=other)),
        ("forged_voucher", sign(shop, 300, "x", signed_place=elsewhere)),
        ("forged_voucher", sign(shop, 300, "x", signed_place=other)),
        ("forged_voucher", sign(shop, 300, "x", by=shop.carol)),
        ("forged_voucher", sign(shop, 300, "x", signed=200)),
        ("forged_voucher", replace(good, signature=sign(shop, 300, "x", config=stranger).signature)),
        ("bad_signature", replace(good, signature=twin)),
        ("bad_signature", replace(good, signature=bytes(65))),
        ("bad_signature", replace(good, signature=good.signature[:64] + b"\x05")),
        ("unknown_channel", sign(shop, 300, "x", config=stranger)),
        ("not_our_channel", sign(shop, 300, "x", config=to_carol)),
        ("not_our_channel", sign(shop, 300, "x", config=in_gold)),
        ("not_our_channel", sign(shop, 300, "x", config=replace(shop.config, withdraw_delay=1_800))),
        ("stale_voucher", sign(shop, 100, "x")),
        ("voucher_spent", sign(shop, 200, "x")),
        ("underpaid", sign(shop, 299, "x")),
        ("overdrawn", sign(shop, shop.deposit + 1, "x")),
        ("overdrawn", sign(shop, 2**128 - 1, "x")),
    ]
    for code, attack in attacks:
        assert refused(lambda attack=attack: shop.till.charge(attack, 100)) == code
        assert shop.till.accounts()[0].charged == 200
    assert shop.till.charge(good, 100).charged == 300


def test_the_state_of_the_chain_counts(shop: Any, refused: Any) -> None:
    """Nobody is served while the payer withdraws, nor on what was seen too long ago."""
    paid = shop.payer.pay(shop.config, "a", 100)
    shop.see(withdrawing=5, initiated_at=shop.clock())
    assert refused(lambda: shop.till.charge(paid, 100)) == "withdrawal_pending"
    shop.see(withdrawing=5, initiated_at=shop.clock() - 3600 - 86_401)  # past its window
    shop.till.charge(paid, 100)
    shop.clock.advance(901)
    assert refused(lambda: shop.till.charge(shop.payer.pay(shop.config, "b", 1), 1)) == "state_is_old"
    shop.see()
    shop.till.charge(shop.payer.pay(shop.config, "b", 1), 1)
    shop.see(balance=150)  # given back behind our back
    assert refused(lambda: shop.till.charge(shop.payer.pay(shop.config, "c", 100), 100)) == "overdrawn"


def test_a_till_from_a_backup(shop: Any, refused: Any) -> None:
    """The chain says that more was claimed than the books know of: nobody pays with that again."""
    old = shop.payer.pay(shop.config, "a", 100)
    shop.till.charge(old, 100)
    shop.see(claimed=300)
    account = shop.till.accounts()[0]
    assert (account.charged, account.unclaimed) == (300, 0)
    assert refused(lambda: shop.till.charge(sign(shop, 300, "b"), 1)) == "underpaid"
    assert shop.till.charge(sign(shop, 301, "b"), 1).charged == 301


def test_metered(shop: Any, refused: Any) -> None:
    """One voucher for the most that a call may cost; what it did not cost pays for the next."""
    first = shop.payer.pay(shop.config, "a", 1_000)
    assert shop.till.charge(first, 300).charged == 300
    assert shop.payer.ended(shop.config, "a", 300).left == shop.deposit - 300
    assert shop.payer.ended(shop.config, "a", 300) == shop.payer.purse(shop.config)
    second = shop.payer.pay(shop.config, "b", 600)
    assert second.amount == 1_000
    assert shop.till.charge(second, 600).charged == 900
    assert refused(lambda: shop.payer.ended(shop.config, "b", 601)) == "overcharged"
    assert refused(lambda: shop.payer.ended(shop.config, "z", 1)) == "unknown_call"


def test_a_payer_that_lost_its_file(shop: Any, refused: Any, tmp_path: Any) -> None:
    """It is refused until it takes over its own last voucher from the receiver, which cannot make up a higher one."""
    shop.till.charge(shop.payer.pay(shop.config, "a", 900), 900)
    db = sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None)
    payer = Payer(shop.alice, shop.place, db, most_a_call=1_000)
    payer.funded(shop.config, shop.deposit)
    assert refused(lambda: shop.till.charge(payer.pay(shop.config, "b", 100), 100)) == "stale_voucher"
    account = shop.till.accounts()[0]
    forged = sign(shop, 5_000, "", by=shop.bob).signature
    for amount, signature in ((5_000, account.signature), (900, forged), (5_000, forged)):
        assert refused(lambda n=amount, s=signature: payer.catch_up(shop.config, n, s)) == "forged_voucher"
    assert payer.catch_up(shop.config, account.authorised, account.signature).spent == 900
    assert shop.till.charge(payer.pay(shop.config, "c", 100), 100).charged == 1_000
    db.close()


def test_a_call_that_fails_costs_nothing(shop: Any, refused: Any) -> None:
    """Its charge is taken back on both sides, and its voucher serves the next call."""
    channel = shop.till.charge(shop.payer.pay(shop.config, "a", 100), 100).channel
    assert shop.till.give_back(channel, "a").charged == 0
    shop.payer.ended(shop.config, "a", 0)
    assert shop.till.charge(shop.payer.pay(shop.config, "b", 100), 100).charged == 100
    assert refused(lambda: shop.till.give_back(channel, "a")) == "unknown_call"
    shop.see(claimed=100)
    assert refused(lambda: shop.till.give_back(channel, "b")) == "claimed"
    assert refused(lambda: shop.till.give_back(bytes(32), "b")) == "unknown_channel"


@pytest.mark.parametrize("price", [-1, 1.0, True, 2**96, None])
def test_a_price_is_an_amount_of_money(shop: Any, price: Any, refused: Any) -> None:
    """Integers in base units and nothing else, on both sides."""
    paid = shop.payer.pay(shop.config, "a", 1)
    assert refused(lambda: shop.till.charge(paid, price))
    assert refused(lambda: shop.payer.pay(shop.config, "b", price))


@pytest.mark.parametrize("terms", [{"looks_every": 0}, {"looks_every": 1_801}, {"least_deposit": 0}])
def test_terms_that_cannot_be(shop: Any, terms: dict[str, int], refused: Any) -> None:
    """Looking too seldom to claim in time; remembering whoever asks."""
    assert refused(lambda: Terms(shop.bob.account, shop.token, **terms)) == "bad_terms"


def test_a_full_disk_charges_nothing(shop: Any, refused: Any) -> None:
    """Neither side goes on in memory with what is not written."""
    paid = shop.payer.pay(shop.config, "a", 100)
    for book in (shop.till.table._db, shop.payer._db):
        book.execute("pragma query_only = on")
    assert refused(lambda: shop.till.charge(paid, 100)) == "not_written"
    assert refused(lambda: shop.payer.pay(shop.config, "b", 100)) == "not_written"
    for book in (shop.till.table._db, shop.payer._db):
        book.execute("pragma query_only = off")
    assert shop.till.charge(paid, 100).charged == 100
    assert shop.payer.pay(shop.config, "b", 100).amount == 200


moves = st.lists(
    st.tuples(st.sampled_from(["pay", "pay", "pay", "again", "fail", "restart"]), st.integers(0, 400)), max_size=40
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=moves)
def test_books_agree_with_a_model(moves: list[tuple[str, int]], new_shop: Any) -> None:
    """Whatever order of calls, repeats, failures and restarts: charged is the sum of what was served."""
    shop = new_shop()
    charged = signed = 0
    served: list[tuple[str, int]] = []
    for number, (kind, price) in enumerate(moves):
        if kind == "pay":
            signed = max(signed, charged + price)
            paid = shop.payer.pay(shop.config, f"c{number}", price)
            assert paid.amount == signed
            shop.till.charge(paid, price)
            charged += price
            served.append((f"c{number}", price))
        elif kind == "again" and served:
            call, cost = served[price % len(served)]
            assert shop.till.charge(shop.payer.pay(shop.config, call, cost), cost).again
        elif kind == "fail" and served:
            call, cost = served.pop(price % len(served))
            shop.till.give_back(shop.till.accounts()[0].channel, call)
            shop.payer.ended(shop.config, call, 0)
            charged -= cost
        elif kind == "restart":
            shop = shop.again()
        assert (shop.till.accounts()[0].charged, shop.payer.purse(shop.config).spent) == (charged, charged)
        assert shop.payer.purse(shop.config).signed == signed == shop.till.accounts()[0].authorised
