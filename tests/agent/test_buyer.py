"""Choosing, quoting, signing: what a buyer does before there is money in the escrow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import coase
from coase.agent.messages import (
    AcceptOffer,
    Closed,
    Fetch,
    OpenQuotes,
    Propose,
    Quote,
    Ready,
    Refuse,
    Request,
    SealedQuote,
    Sign,
    Signed,
    WalkAway,
    commitment,
)
from coase.errors import ConfigurationError, DealError, RegistryRefused
from coase.money import DOLLAR

SALT = "ab" * 32


def _buys(buyer: Any, **fields: Any) -> Any:
    return buyer.spawn(buyer.buy(coase.Want(**{"kind": "dataset", **fields})))


async def _ended(town: Any, deal: coase.Deal, status: str, code: str) -> None:
    assert (deal.status, deal.code) == (status, code)
    assert deal.reason
    assert not await town.gained()
    assert not town.failures


async def test_nobody_sells_it(town: Any) -> None:
    """Nothing found says what was looked for; a malformed query or duration is refused before anything begins."""
    buyer = await town.buyer()
    with pytest.raises(DealError, match="nobody offers model") as caught:
        await buyer.buy(coase.Want(kind="model"))
    assert caught.value.code == "nothing_found"
    with pytest.raises(RegistryRefused):
        await buyer.buy(coase.Want(kind="model", query="price>>>1"))
    with pytest.raises(ConfigurationError):
        await buyer.buy(coase.Want(kind="model"), by="soon")
    assert not buyer.journal.deals()


async def test_the_best_quote_is_taken_and_the_others_are_told(town: Any) -> None:
    """Two sellers quote under seal; the cheaper one sells, the other hears that it was outbid."""
    await town.seller(list_price="4.00")
    await town.seller("seller-2", list_price="3.00")
    buyer = await town.buyer()
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    states = {record.body["title"]: record.state for record in buyer.journal.deals()}
    assert deal.settled
    assert deal.seller == town.address("seller-2")
    assert sorted(record.state for record in buyer.journal.deals()) == ["settled", "walked"]
    assert {record.body.get("code") for record in buyer.journal.deals()} == {"as_ordered", "outbid"}
    assert states


async def test_a_silent_seller_does_not_keep_the_others(town: Any) -> None:
    """Whoever says nothing is left out; everybody else quotes, and one sells."""
    silent = await town.stranger("seller-3")
    silent.lists(price=DOLLAR)
    await town.seller()
    await town.seller("seller-2", list_price="3.00")
    buyer = await town.buyer()
    town.world.patience = 1.0
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    assert deal.settled
    assert silent.had(Request)
    assert {record.body.get("code") for record in buyer.journal.deals()} == {"as_ordered", "outbid", "timeout"}


@pytest.mark.parametrize(
    ("sealed", "opened"),
    [(3 * DOLLAR, 2 * DOLLAR), (5 * DOLLAR, 5 * DOLLAR), (0, 0)],
    ids=["changed", "above its list price", "nothing"],
)
async def test_quotes_that_do_not_count(town: Any, sealed: int, opened: int) -> None:
    """A quote that was changed after the others were opened, or that is beyond the listing, is out."""
    cheat = await town.stranger("seller-3")
    cheat.lists(price=4 * DOLLAR)
    await town.seller()
    buyer = await town.buyer()
    buying = _buys(buyer)
    request = await cheat.next(Request)
    assert request.sealed
    await cheat.say(buyer.address, SealedQuote(deal=request.deal, commitment=commitment(request.deal, sealed, SALT)))
    await cheat.next(OpenQuotes)
    await cheat.say(buyer.address, Quote(deal=request.deal, unit_price=opened, salt=SALT))
    deal = await buying
    assert deal.settled
    assert deal.seller == town.address("seller")
    record = buyer.journal.need(request.deal)
    assert (record.state, record.body["code"]) == ("refused", "quote_changed")
    assert not cheat.had(Propose)


async def test_all_quotes_fail(town: Any) -> None:
    """When nobody is left, the deal says why, and nothing was spent."""
    for name in ("seller", "seller-2"):
        (await town.stranger(name)).lists()
    buyer = await town.buyer()
    town.world.patience = 0.1
    await _ended(town, await buyer.buy(coase.Want(kind="dataset")), "refused", "timeout")
    assert all(record.ended for record in buyer.journal.deals())


async def test_after_a_seller_that_fails_comes_the_next(town: Any) -> None:
    """The cheapest refuses after its quote; the second cheapest sells."""
    cheat = await town.stranger("seller-3")
    cheat.lists(price=2 * DOLLAR)
    await town.seller()
    buyer = await town.buyer()
    buying = _buys(buyer)
    request = await cheat.next(Request)
    quote = {"deal": request.deal, "unit_price": 2 * DOLLAR, "salt": SALT}
    await cheat.say(
        buyer.address, SealedQuote(deal=request.deal, commitment=commitment(request.deal, 2 * DOLLAR, SALT))
    )
    await cheat.next(OpenQuotes)
    await cheat.say(buyer.address, Quote(**quote))
    await cheat.next(Propose)
    await cheat.say(buyer.address, Refuse(deal=request.deal, code="changed_my_mind", reason="no"))
    deal = await buying
    await town.rest()
    assert deal.settled
    assert buyer.journal.need(request.deal).body["code"] == "changed_my_mind"


async def test_a_quote_stands_while_a_cheaper_one_is_tried(town: Any) -> None:
    """The cheapest quotes and then says nothing for the buyer's whole patience; the second cheapest is still there."""
    cheat = await town.stranger("seller-3")
    cheat.lists(price=2 * DOLLAR)
    await town.seller()
    buyer = await town.buyer()
    town.world.patience = 0.5
    buying = _buys(buyer)
    request = await cheat.next(Request)
    promise = commitment(request.deal, 2 * DOLLAR, SALT)
    await cheat.say(buyer.address, SealedQuote(deal=request.deal, commitment=promise))
    await cheat.next(OpenQuotes)
    await cheat.say(buyer.address, Quote(deal=request.deal, unit_price=2 * DOLLAR, salt=SALT))
    deal = await buying
    await town.rest()
    assert deal.settled
    assert deal.seller == town.address("seller")
    assert buyer.journal.need(request.deal).body["code"] == "timeout"


async def test_a_want_that_makes_no_order(town: Any) -> None:
    """Details that have no canonical form are refused with a reason before anything begins."""
    await town.seller()
    buyer = await town.buyer()
    with pytest.raises(DealError, match="makes no order") as caught:
        await buyer.buy(coase.Want(kind="dataset", details={"price": 0.5}))
    assert caught.value.code == "bad_want"
    assert not buyer.journal.deals()


# ---- sellers that sign something else


@pytest.fixture
async def signing(town: Any) -> Any:
    """A stranger that has agreed on a price, and what the buyer signed."""
    town.mallory = await town.stranger("seller")
    town.mallory.lists()
    town.shopper = await town.buyer()
    town.buying = _buys(town.shopper)
    return await town.mallory.agrees()


async def _signed(town: Any, sign: Sign, signature: str) -> coase.Deal:
    await town.mallory.say(town.shopper.address, Signed(deal=sign.deal, signature=signature))
    deal: coase.Deal = await town.buying
    return deal


@pytest.mark.parametrize(
    "changes", [{"price": 9}, {"arbiter": "0x" + "12" * 20}, {"deliver_by": 2**39}, {"salt": SALT}]
)
async def test_a_signature_on_another_agreement(town: Any, signing: Sign, changes: dict[str, Any]) -> None:
    """The seller's signature must be on what the buyer signed, or nothing is paid."""
    other = signing.agreement.model_copy(update=changes)
    await _ended(town, await _signed(town, signing, town.mallory.signature(other)), "refused", "bad_signature")
    assert town.mallory.had(WalkAway)[0].code == "bad_signature"


async def test_a_signature_by_another_key(town: Any, signing: Sign) -> None:
    """Another key's signature is worth nothing, even on the right agreement."""
    eve = await town.stranger("eve")
    await _ended(town, await _signed(town, signing, eve.signature(signing.agreement)), "refused", "bad_signature")


async def test_a_seller_that_refuses_after_agreeing(town: Any, signing: Sign) -> None:
    """It costs nothing but the time."""
    await town.mallory.say(town.shopper.address, Refuse(deal=signing.deal, code="sorry", reason="sold out"))
    await _ended(town, await town.buying, "refused", "sorry")


async def test_a_seller_that_never_signs(town: Any) -> None:
    """The buyer's own signature binds nobody alone; when patience ends, the seller is told that it is over."""
    mallory = await town.stranger("seller")
    mallory.lists()
    buyer = await town.buyer()
    buying = _buys(buyer)
    request = await mallory.next(Request)
    town.impatient()
    await mallory.say(buyer.address, Ready(deal=request.deal))
    deal = await buying
    await _ended(town, deal, "refused", "timeout")


async def test_the_agreement_is_what_was_agreed(town: Any, signing: Sign) -> None:
    """Parties, price, currency, windows and order of what the buyer signs are those of the talk."""
    agreement = signing.agreement
    assert agreement.buyer == town.shopper.identity.account
    assert agreement.seller == town.mallory.account
    assert agreement.arbiter == town.world.operator
    assert agreement.token == town.world.token
    assert agreement.price == signing.order.price == town.mallory.had(Propose)[0].outcome["price"]
    assert agreement.terms_hash == signing.order.hash
    agreement.verify(agreement.buyer, signing.signature, town.world.chain.chain_id, town.world.escrow)
    await town.mallory.say(town.shopper.address, WalkAway(deal=signing.deal, code="enough"))
    await _ended(town, await town.buying, "refused", "enough")


# ---- the table


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Propose(deal="x", step=1, outcome={"price": 4_000_001}), "unknown_outcome"),
        (Propose(deal="x", step=3, outcome={"price": 4_000_000}), "wrong_step"),
        (AcceptOffer(deal="x", step=9), "wrong_step"),
        (WalkAway(deal="x", code="bored", reason="too cheap"), "no_agreement"),
    ],
)
async def test_moves_that_a_seller_may_not_make(town: Any, answer: Any, code: str) -> None:
    """Offers above the list price or out of turn end the talk, with the code of what was wrong."""
    mallory = await town.stranger("seller")
    mallory.lists()
    buyer = await town.buyer()
    buying = _buys(buyer)
    request = await mallory.next(Request)
    await mallory.say(buyer.address, Ready(deal=request.deal))
    await mallory.next(Propose)
    await mallory.say(buyer.address, answer.model_copy(update={"deal": request.deal}))
    await _ended(town, await buying, "walked" if code == "no_agreement" else "refused", code)


async def test_old_messages_again(town: Any) -> None:
    """Everything that was said in a deal that has ended, said again, changes nothing and is answered with the end."""
    await town.seller()
    buyer = await town.buyer()
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    before = (buyer.journal.deals(), buyer.journal.events(deal.name), await town.balances())
    seller = town.parties["seller"]
    for message in (
        Ready(deal=deal.name),
        Signed(deal=deal.name, signature=deal.receipt["seller_signature"]),
        Refuse(deal=deal.name, code="never", reason="mind"),
        Closed(deal=deal.name, state="refunded"),
    ):
        await seller.send(buyer.address, message)
    await town.world.transport.settle()
    await town.rest()
    assert (buyer.journal.deals(), buyer.journal.events(deal.name), await town.balances()) == before
    assert not town.failures


# ---- the mandate


async def test_the_mandate_stops_what_a_skill_would_pay(town: Any) -> None:
    """A want that goes beyond a ceiling is refused at the table's end, before anything is signed."""
    seller = await town.seller(floor_price="2.50", negotiator="conceder")
    buyer = await town.buyer(ceilings={"dataset": "2.00"}, negotiator="conceder")
    deal = await buyer.buy(coase.Want(kind="dataset", at_most=4 * DOLLAR))
    await town.rest()
    await _ended(town, deal, "refused", "mandate_ceilings")
    assert not seller.journal.deals()


async def test_the_limit_is_where_bargaining_stops(town: Any) -> None:
    """Without a price in the want, the buyer does not go beyond what the mandate has left."""
    await town.seller(floor_price="3.90")
    deal = await (await town.buyer(budget="3.00")).buy(coase.Want(kind="dataset"))
    await town.rest()
    await _ended(town, deal, "walked", "no_agreement")


async def test_deals_at_the_same_time_share_one_budget(town: Any) -> None:
    """Two purchases that are signed at the same moment are counted against each other."""
    await town.seller(floor_price="2.60", negotiator="conceder")
    await town.seller("seller-2", floor_price="2.60", negotiator="conceder")
    buyer = await town.buyer(budget="5.00", negotiator="conceder")
    want = coase.Want(kind="dataset", at_most=4 * DOLLAR)
    listings = town.world.registry.search("kind=dataset")
    deals = await asyncio.gather(*(buyer.buy(want, sellers=[listing]) for listing in listings))
    await town.rest()
    assert sorted(deal.code for deal in deals) == ["as_ordered", "mandate_budget"]
    assert (await town.gained())["buyer"] >= -5 * DOLLAR


async def test_many_deals_never_exceed_the_mandate(town: Any) -> None:
    """Deal after deal until the budget says no."""
    await town.seller(floor_price="3.00")
    buyer = await town.buyer(budget="10.00")
    codes = [(await buyer.buy(coase.Want(kind="dataset"))).code for _ in range(5)]
    await town.rest()
    assert codes[:2] == ["as_ordered", "as_ordered"]
    assert codes[-1] in ("no_agreement", "mandate_budget")
    assert (await town.gained())["buyer"] >= -10 * DOLLAR
    assert buyer.exposure().committed <= 10 * DOLLAR


async def test_counterparties_may_be_named(town: Any) -> None:
    """A mandate that names somebody allows nobody else, by account or by address."""
    await town.seller()
    stranger = await town.buyer(counterparties=[town.address("arbiter")])
    assert (await stranger.buy(coase.Want(kind="dataset"))).code == "mandate_counterparties"
    friend = await town.buyer("buyer-2", counterparties=[town.address("seller")])
    assert (await friend.buy(coase.Want(kind="dataset"))).settled


# ---- inputs


async def test_inputs_are_for_the_seller_of_a_funded_deal(town: Any, agents: Any) -> None:
    """Before the money is in escrow, and for anybody else, a buyer's files stay where they are."""
    mallory, eve = await town.stranger("seller"), await town.stranger("eve")
    mallory.lists("compute")
    buyer = await town.buyer()
    data, secret = buyer.blobs.put(b"data"), buyer.blobs.put(b"secret")
    buying = _buys(buyer, kind="compute", inputs={"data": data})
    sign = await mallory.agrees()
    for who, blob in ((mallory, data), (eve, data)):
        await who.say(buyer.address, Fetch(deal=sign.deal, blob=blob))
        assert (await who.next(Refuse)).code == "no_such_file"
    await mallory.say(buyer.address, Signed(deal=sign.deal, signature=mallory.signature(sign.agreement)))
    await town.until(lambda: buyer.journal.need(sign.deal).state == "funded")
    await mallory.say(buyer.address, Fetch(deal=sign.deal, blob=data))
    await mallory.next(_chunk())
    for who, blob in ((mallory, secret), (eve, data)):
        await who.say(buyer.address, Fetch(deal=sign.deal, blob=blob))
        assert (await who.next(Refuse)).code == "no_such_file"
    await mallory.escrow.refund("refund", sign.agreement)
    await mallory.say(buyer.address, Closed(deal=sign.deal, state="refunded"))
    assert (await buying).status == "refunded"


def _chunk() -> Any:
    from coase.agent.messages import Chunk

    return Chunk
