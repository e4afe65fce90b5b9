"""The buyer's side of signed deals."""

from __future__ import annotations

from typing import Any

import coase


async def test_an_honest_deal_settles(town: Any) -> None:
    """Goods change hands, money too, and both journals say what the chain says."""
    seller, buyer = await town.seller(), await town.buyer()
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    assert (deal.status, deal.code) == ("settled", "as_ordered")
    assert seller.journal.need(deal.name).state == "settled"
    assert await town.gained() == {"seller": deal.price, "buyer": -deal.price}
    assert not town.failures
