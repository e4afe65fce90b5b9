"""What the till keeps of a channel, and when it claims it: coase/settlement/channels/till.py, collector.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coase.settlement.channels.collector import ClaimPolicy


def test_the_highest_voucher_is_kept(shop: Any) -> None:
    """A lower one that still suffices is taken, as when calls overtake each other, and does not replace it."""
    low, high = shop.payer.pay(shop.config, "low", 500), shop.payer.pay(shop.config, "high", 500)
    shop.till.charge(high, 300)
    account = shop.till.charge(low, 100) and shop.till.accounts()[0]
    assert (account.charged, account.authorised, account.signature) == (400, 1_000, high.signature)


def test_money_is_as_old_as_its_oldest_charge(shop: Any) -> None:
    """Busy channels are claimed by age, too."""
    start = shop.clock()
    for number in range(3):
        shop.till.charge(shop.payer.pay(shop.config, str(number), 1), 1)
        shop.clock.advance(100)
    account = shop.till.accounts()[0]
    assert account.since == start
    policy = ClaimPolicy(worth=1_000, after=300)
    assert policy.due(account, start + 300)
    assert not policy.due(account, start + 299)
    assert not policy.due(replace(account, trouble="refused"), start + 300)
    assert ClaimPolicy(worth=3).due(account, start)
    assert not ClaimPolicy(worth=4).due(account, start)


def test_nothing_is_given_back_while_it_is_claimed(shop: Any, refused: Any) -> None:
    """The claim that is under way counts on it."""
    channel = shop.till.charge(shop.payer.pay(shop.config, "a", 100), 100).channel
    batch = shop.till.table.begin({channel: 100})
    assert refused(lambda: shop.till.give_back(channel, "a")) == "claimed"
    shop.till.table.end(batch, [])
    assert shop.till.give_back(channel, "a").charged == 0
