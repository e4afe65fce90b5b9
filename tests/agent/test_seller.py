"""The seller's side: cheating and clumsy buyers, work that fails, and crashes at every point."""

from __future__ import annotations

from typing import Any

import pytest

import coase
from coase.agent import party as party_module
from coase.agent.messages import (
    Accepted,
    AcceptOffer,
    Closed,
    Delivered,
    Fetch,
    Funded,
    OpenQuotes,
    Progress,
    Propose,
    Ready,
    Refuse,
    Request,
    Reveal,
    Revealed,
    SealedQuote,
    Sign,
    Signed,
    WalkAway,
)
from coase.agent.seller import LEAST_RULING, MAX_PER_PEER, MOST_SECONDS
from coase.money import DOLLAR

HOUR = 3600
DAY = 86_400


async def _refused(town: Any, stranger: Any, code: str) -> None:
    """The stranger was told why, and the shop is as it was."""
    refusal = await stranger.next(Refuse)
    assert (refusal.code, bool(refusal.reason)) == (code, True)
    await town.rest()
    seller = town.parties["seller"]
    assert not seller._inboxes
    assert not town.failures
    assert not seller.journal.deals()


# ---- the shop


async def test_a_shop_that_opens_again_keeps_its_listing(town: Any) -> None:
    """After a restart the same listing is published; after a month it is renewed, under the next sequence."""
    listing = (await town.seller()).listing
    await town.bury("seller")
    assert (await town.revive("seller")).listing == listing
    await town.bury("seller")
    await town.chain.backend.wait(31 * DAY)
    again = (await town.revive("seller")).listing
    assert again.sequence == listing.sequence + 1
    assert (again.price, again.content, again.title) == (listing.price, listing.content, listing.title)
    assert town.world.registry.search("kind=dataset") == [again]


# ---- buyers that ask for what is not for sale


@pytest.mark.parametrize(
    "changes",
    [
        {"listing": "ab" * 32},
        {"kind": "model"},
        {"unit": "kilogram"},
        {"content": "ab" * 32},
        {"unit_price": 1},
        {"deal": "deal-2"},
    ],
)
async def test_orders_for_something_else(town: Any, changes: dict[str, Any]) -> None:
    """The order must be for the listing, in this deal, without a price."""
    seller, mallory = await town.seller(), await town.stranger()
    order = mallory.order(seller.listing).model_copy(update=changes)
    await mallory.say(seller.address, Request(deal="deal-1", order=order, deadline=5))
    await _refused(town, mallory, "order_mismatch")


async def test_a_deadline_beyond_the_sellers(town: Any) -> None:
    """Nobody makes the seller sit through more than it is willing to."""
    seller, mallory = await town.seller(), await town.stranger()
    request = Request(deal="deal-1", order=mallory.order(seller.listing), deadline=21)
    await mallory.say(seller.address, request)
    await _refused(town, mallory, "deadline_too_long")


async def test_what_the_author_refuses(town: Any, agents: Any) -> None:
    """The author's word reaches the buyer, code and sentence."""

    class Picky(agents.Shop):  # type: ignore[misc]  # a class from a fixture
        def refuse(self, order: coase.Order) -> coase.Refusal | None:
            return coase.Refusal("too_many", "one at a time") if order.quantity > 1 else None

    seller = await town.seller("seller", Picky(list_price="4.00", floor_price="2.00"))
    mallory = await town.stranger()
    request = Request(deal="deal-1", order=mallory.order(seller.listing, quantity=2), deadline=5)
    await mallory.say(seller.address, request)
    await _refused(town, mallory, "too_many")


@pytest.mark.parametrize("price", [4_000_001, 3_999_999, 0])
async def test_prices_off_the_grid(town: Any, price: int) -> None:
    """Only prices of the listing's grid are on the table."""
    seller, mallory = await town.seller(), await town.stranger()
    await mallory.asks(seller.listing)
    await mallory.say(seller.address, Propose(deal="deal-1", step=1, outcome={"price": price}))
    await _refused(town, mallory, "unknown_outcome")


async def test_nothing_is_sold_below_the_floor(town: Any) -> None:
    """However long a buyer insists, the floor holds."""
    seller, mallory = await town.seller(negotiator="conceder"), await town.stranger()
    await mallory.asks(seller.listing)
    for step in range(1, 6):
        await mallory.say(seller.address, Propose(deal="deal-1", step=step, outcome={"price": seller.listing.lowest}))
    await town.rest()
    assert not mallory.had(AcceptOffer)
    assert all(offer.outcome["price"] >= 2 * DOLLAR for offer in mallory.had(Propose))
    assert not seller.journal.deals()


# ---- buyers that sign something else


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("agreement_price", {"price": 1}),
        ("agreement_price", {"price": 4_000_001}),
        ("agreement_order", {"terms_hash": "ab" * 32}),
        ("agreement_parties", {"seller": "0x" + "12" * 20}),
        ("agreement_parties", {"buyer": "0x" + "12" * 20}),
        ("agreement_currency", {"token": "0x" + "12" * 20}),
        ("agreement_arbiter", {"arbiter": "0x" + "12" * 20}),
        ("agreement_arbiter", {"arbiter": "the buyer"}),
        ("agreement_arbiter", {"arbiter": "the seller"}),
        ("agreement_deadlines", {"deliver_by": 0}),
        ("agreement_deadlines", {"deliver_by": 2**40 - 1}),
        ("agreement_deadlines", {"review_seconds": 0}),
        ("agreement_deadlines", {"review_seconds": MOST_SECONDS + 1}),
        ("agreement_deadlines", {"ruling_seconds": LEAST_RULING - 1}),
        ("agreement_deadlines", {"ruling_seconds": MOST_SECONDS + 1}),
    ],
)
async def test_other_terms_than_were_agreed(town: Any, code: str, changes: dict[str, Any]) -> None:
    """Price, order, parties, currency, arbiter and windows are checked before the seller signs."""
    seller, mallory = await town.seller(), await town.stranger()
    accounts = {"the buyer": mallory.account, "the seller": seller.identity.account}
    changes = {name: accounts.get(value, value) for name, value in changes.items()}
    order = await mallory.offers(seller.listing)
    await mallory.signs(order, **changes)
    await _refused(town, mallory, code)
    assert not mallory.had(Signed)


async def test_an_order_that_changes_between_request_and_signature(town: Any) -> None:
    """What is signed is what was talked about."""
    seller, mallory = await town.seller(), await town.stranger()
    order = await mallory.offers(seller.listing)
    other = order.model_copy(update={"details": {"and": "a pony"}})
    await mallory.signs(other)
    await _refused(town, mallory, "agreement_order")


async def test_a_signature_by_nobody(town: Any) -> None:
    """A signature that does not verify is refused, and is nobody's failure but the buyer's."""
    seller, mallory = await town.seller(), await town.stranger()
    order = await mallory.offers(seller.listing)
    agreement = await mallory.agreement(order)
    sign = Sign(deal="deal-1", order=order, agreement=agreement, signature="11" * 65)
    await mallory.say(seller.address, sign)
    await _refused(town, mallory, "bad_signature")


async def test_an_arbiter_that_lists_validations_is_trusted(town: Any) -> None:
    """The operator, and whoever offers validations."""
    seller, mallory, judge = await town.seller(), await town.stranger(), await town.arbiter()
    order = await mallory.offers(seller.listing)
    await mallory.signs(order, arbiter=judge.identity.account)
    await mallory.next(Signed)


# ---- buyers that sign and do not keep it


async def test_a_buyer_that_never_funds(town: Any) -> None:
    """The seller waits until the deadline of delivery and no longer, and has not worked for nothing."""
    seller, mallory = await town.seller(), await town.stranger()
    town.impatient()
    await mallory.signs(await mallory.offers(seller.listing))
    await mallory.next(Signed)
    await mallory.say(seller.address, Funded(deal="deal-1"))
    await town.chain.backend.wait(2 * HOUR)
    await town.rest()
    record = seller.journal.need("deal-1")
    assert (record.state, record.body["code"]) == ("expired", "not_funded")
    assert not mallory.had(Delivered)
    assert not mallory.had(Accepted)


async def test_a_buyer_that_leaves_after_signing(town: Any) -> None:
    """A buyer that says it is gone frees the seller at once; talk about the deal is answered with its end."""
    seller, mallory = await town.seller(), await town.stranger()
    await mallory.signs(await mallory.offers(seller.listing))
    await mallory.next(Signed)
    await mallory.say(seller.address, WalkAway(deal="deal-1", code="bored"))
    assert (await mallory.next(Closed)).state == "expired"
    await mallory.say(seller.address, Funded(deal="deal-1"))
    assert (await mallory.next(Closed)).state == "expired"
    assert seller.journal.need("deal-1").body["code"] == "not_funded"


async def test_a_buyer_that_never_says_thank_you(town: Any) -> None:
    """Delivered and not disputed, the money is the seller's after the review window, whatever the buyer says."""
    seller, mallory = await town.seller(), await town.stranger()
    agreement = await mallory.buys(seller.listing)
    await mallory.next(Delivered)
    town.impatient()
    await town.chain.backend.wait(HOUR + 60)
    for _ in range(3):  # chatter does not keep the seller from looking at the clock
        await mallory.say(seller.address, Funded(deal="deal-1"))
    await town.rest()
    assert seller.journal.need("deal-1").state == "settled"
    assert await town.gained() == {"seller": agreement.price, "mallory": -agreement.price}


async def test_a_buyer_that_disputes_honest_work(town: Any) -> None:
    """The arbiter looks at the goods and rules for the seller; the seller's journal says what it was paid."""
    seller, mallory, judge = await town.seller(), await town.stranger(), await town.arbiter()
    agreement = await mallory.buys(seller.listing, arbiter=judge.identity.account)
    delivered = await mallory.next(Delivered)
    await mallory.escrow.dispute("dispute", agreement, b"\0" * 32)
    await mallory.say(judge.address, _complaint(mallory, seller, agreement, delivered))
    await town.until(lambda: bool(judge.journal.deals("arbiter")) and judge.journal.deals("arbiter")[0].ended)
    town.impatient()
    await mallory.say(seller.address, Closed(deal="deal-1", state="disputed"))
    await town.rest()
    record = seller.journal.need("deal-1")
    assert record.body["to_seller"] == agreement.price
    assert await town.gained() == {"seller": agreement.price, "mallory": -agreement.price}


def _complaint(buyer: Any, seller: Any, agreement: Any, delivered: Delivered) -> Any:
    from coase.agent.messages import Complaint

    order = buyer.order(seller.listing).model_copy(update={"unit_price": agreement.price})
    return Complaint(
        deal="deal-1",
        order=order,
        agreement=agreement,
        result=dict(delivered.result),
        files=dict(delivered.files),
        seller=seller.address,
        code="ugly",
    )


async def test_nobody_rules_and_the_seller_divides(town: Any) -> None:
    """After the ruling window the seller takes its half itself, and knows how much that was."""
    seller, mallory = await town.seller(), await town.stranger()
    agreement = await mallory.buys(seller.listing)
    await mallory.next(Delivered)
    await mallory.escrow.dispute("dispute", agreement, b"\0" * 32)
    await town.chain.backend.wait(HOUR + 60)
    town.impatient()
    await mallory.say(seller.address, Closed(deal="deal-1", state="disputed"))
    await town.rest()
    record = seller.journal.need("deal-1")
    assert (record.state, record.body["to_seller"], record.body["to_buyer"]) == ("ruled", 2 * DOLLAR, 2 * DOLLAR)


async def test_a_ruling_that_nobody_told_of(town: Any) -> None:
    """A payout that was divided while the seller was away is a ruling in its journal, with the sums."""
    seller, mallory = await town.seller(), await town.stranger()
    agreement = await mallory.buys(seller.listing)
    await mallory.next(Delivered)
    await town.until(lambda: seller.journal.need("deal-1").state == "delivered")
    await town.bury("seller")
    await mallory.escrow.dispute("dispute", agreement, b"\0" * 32)
    await town.chain.backend.wait(HOUR + 60)
    await mallory.escrow.settle_unruled("half", agreement)
    seller = await town.revive("seller")
    await seller.resume()
    await town.rest()
    record = seller.journal.need("deal-1")
    assert (record.state, record.body["to_seller"]) == ("ruled", 2 * DOLLAR)


# ---- crowds


async def test_a_flood_of_requests(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One buyer takes its share of the sessions and no more; when all are taken, others are told to come later."""
    monkeypatch.setattr(party_module, "MAX_SESSIONS", MAX_PER_PEER + 1)
    seller, mallory, eve = await town.seller(), await town.stranger(), await town.stranger("eve")
    town.impatient()
    for number in range(MAX_PER_PEER + 3):
        order = mallory.order(seller.listing, f"deal-{number}")
        await mallory.say(seller.address, Request(deal=order.deal, order=order, deadline=5))
    for number in range(2):
        order = eve.order(seller.listing, f"eve-{number}")
        await eve.say(seller.address, Request(deal=order.deal, order=order, deadline=5))
    await town.world.transport.settle()
    await town.rest()
    assert len(mallory.had(Ready)) == MAX_PER_PEER
    assert [refusal.code for refusal in mallory.had(Refuse)] == ["busy"] * 3
    assert (len(eve.had(Ready)), [refusal.code for refusal in eve.had(Refuse)]) == (1, ["busy"])
    assert not seller._inboxes
    assert not town.failures


async def test_the_same_request_again(town: Any) -> None:
    """A request that comes twice, or from a thief of names, begins nothing new."""
    seller, mallory, eve = await town.seller(), await town.stranger(), await town.stranger("eve")
    order = await mallory.asks(seller.listing)
    request = Request(deal="deal-1", order=order, deadline=5)
    await mallory.say(seller.address, request)
    await eve.say(seller.address, request)
    await town.world.transport.settle()
    assert len(mallory.had(Ready)) == 1
    assert not eve.heard
    assert town.codes("seller") == ["deal_exists", "deal_exists"]


async def test_third_parties_are_not_heard(town: Any) -> None:
    """Whoever floods a deal of others neither moves it nor crowds out its messages."""
    seller, mallory, eve = await town.seller(), await town.stranger(), await town.stranger("eve")
    await mallory.asks(seller.listing)
    for _ in range(100):
        await eve.say(seller.address, WalkAway(deal="deal-1", code="mine_now"))
    await town.world.transport.settle()
    await mallory.say(seller.address, Propose(deal="deal-1", step=1, outcome={"price": seller.listing.price}))
    await mallory.next(AcceptOffer)


# ---- files and evidence


async def test_files_go_to_the_parties_and_evidence_to_the_arbiter(town: Any, agents: Any) -> None:
    """The buyer gets what was delivered, the arbiter also the log, and a stranger nothing."""
    judge = await town.stranger("arbiter")
    judge.lists("validation")
    agent = agents.Workshop(list_price="4.00", floor_price="2.00")
    seller, mallory, eve = await town.seller("seller", agent), await town.stranger(), await town.stranger("eve")
    await mallory.buys(seller.listing, arbiter=judge.account)
    delivered = await mallory.next(Delivered)
    evidence = seller.journal.need("deal-1").body["evidence"]["log.txt"]
    for who, blob, allowed in (
        (mallory, delivered.files["made.bin"], True),
        (judge, delivered.files["made.bin"], True),
        (judge, evidence, True),
        (mallory, evidence, False),
        (eve, delivered.files["made.bin"], False),
        (judge, "ab" * 32, False),
    ):
        await who.say(seller.address, Fetch(deal="deal-1", blob=blob))
        answer = await who.next(Refuse, _chunk())
        assert isinstance(answer, Refuse) != allowed
    for who, shown in ((judge, {"log.txt": evidence}), (eve, {}), (mallory, {})):
        await who.say(seller.address, Reveal(deal="deal-1", names=["log.txt", "other.txt"]))
        assert (await who.next(Revealed)).evidence == shown
    await judge.say(seller.address, Reveal(deal="deal-1", names=[]))
    assert (await judge.next(Delivered)).files == delivered.files
    await judge.say(seller.address, Reveal(deal="nothing", names=["log.txt"]))
    assert (await judge.next(Revealed)).evidence == {}


def _chunk() -> Any:
    from coase.agent.messages import Chunk

    return Chunk


async def test_a_sealed_quote_is_the_same_price_later(town: Any) -> None:
    """The seller opens what it sealed, however the buyer behaves in between."""
    from coase.agent.messages import Quote, commitment

    seller, mallory = await town.seller(), await town.stranger()
    request = Request(deal="deal-1", order=mallory.order(seller.listing), deadline=5, sealed=True)
    await mallory.say(seller.address, request)
    sealed = await mallory.next(SealedQuote)
    await mallory.say(seller.address, Propose(deal="deal-1", step=1, outcome={"price": 1}))  # too early: ignored
    await mallory.say(seller.address, OpenQuotes(deal="deal-1"))
    quote = await mallory.next(Quote)
    assert commitment("deal-1", quote.unit_price, quote.salt) == sealed.commitment


# ---- work that fails


async def _gives_back(town: Any, agent: Any, code: str) -> Any:
    seller, mallory = await town.seller("seller", agent), await town.stranger()
    await mallory.buys(seller.listing)
    refusal = await mallory.next(Refuse)
    await town.rest()
    record = seller.journal.need("deal-1")
    assert (refusal.code, record.state, record.body["code"]) == (code, "refunded", code)
    assert refusal.reason
    assert not await town.gained()
    return seller


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (coase.DealError("the data are gone", code="no_data"), "no_data"),
        (coase.CoaseError("odd", code="odd"), "odd"),
        (KeyError("a bug of the author"), "work_failed"),
        (ValueError("a bug of the author"), "work_failed"),
    ],
)
async def test_work_that_fails_gives_the_money_back(town: Any, agents: Any, error: Exception, code: str) -> None:
    """Whatever an author's code raises, the buyer is refunded at once, and bugs are reported to the owner."""

    class Broken(agents.Shop):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            raise error

    seller = await _gives_back(town, Broken(list_price="4.00", floor_price="2.00"), code)
    assert seller.failures == ([error] if code == "work_failed" else [])


@pytest.mark.parametrize(
    "delivery",
    [
        coase.Delivery({"x": "y" * 60_000}, {}),
        coase.Delivery({"x": 0.5}, {}),
        coase.Delivery({}, {f"f{n}": b"" for n in range(65)}),
        coase.Delivery({}, {"No Such Name": b""}),
    ],
)
async def test_a_delivery_that_cannot_be_shown_is_not_committed_to(town: Any, agents: Any, delivery: Any) -> None:
    """Too large, not canonical, too many, badly named: found before the chain holds a hash of it."""

    class Clumsy(agents.Shop):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            return delivery  # type: ignore[no-any-return]  # parametrized

    await _gives_back(town, Clumsy(list_price="4.00", floor_price="2.00"), "bad_delivery")


async def test_a_worker_that_dies_is_tried_again(town: Any, agents: Any) -> None:
    """Two dead workers are bad luck; the third try may do it. Each is reported."""
    tries = []

    class Mortal(agents.Shop):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            tries.append(1)
            progress(1, 2)
            if len(tries) < 3:
                raise coase.errors.JobFailed("killed", code="worker_died")
            goods: coase.Delivery = tools.goods(order)
            return goods

    seller = await town.seller("seller", Mortal(list_price="4.00", floor_price="2.00"))
    mallory = await town.stranger()
    await mallory.buys(seller.listing)
    await mallory.next(Delivered)
    assert town.codes("seller") == ["worker_died", "worker_died"]
    assert mallory.had(Progress)


async def test_work_stops_when_the_money_is_gone(town: Any, agents: Any) -> None:
    """A buyer that took its money back after the deadline ends the work that is going on."""
    import asyncio

    started, cancelled = asyncio.Event(), asyncio.Event()

    class Endless(agents.Shop):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

    seller = await town.seller("seller", Endless(list_price="4.00", floor_price="2.00"))
    mallory = await town.stranger()
    agreement = await mallory.buys(seller.listing)
    await started.wait()
    await town.chain.backend.wait(2 * HOUR)
    await mallory.escrow.refund("refund", agreement)
    await mallory.say(seller.address, Closed(deal="deal-1", state="refunded"))
    await town.rest()
    assert cancelled.is_set()
    assert seller.journal.need("deal-1").state == "refunded"
    assert not town.failures


async def test_inputs_that_never_come(town: Any, agents: Any) -> None:
    """A buyer that does not hand over its inputs, or hands over rubbish, gets its money and no work."""
    agent = agents.Workshop(list_price="4.00", floor_price="2.00")
    seller, mallory = await town.seller("seller", agent), await town.stranger()
    order = await mallory.offers(seller.listing, inputs={"data": "ab" * 32})
    agreement = await mallory.signs(order)
    signed = await mallory.next(Signed)
    await mallory.escrow.open("open", agreement, signed.signature)
    town.impatient()
    await mallory.say(seller.address, Funded(deal="deal-1"))
    fetch = await mallory.next(Fetch)
    await mallory.say(seller.address, _chunk()(deal="deal-1", blob=fetch.blob, offset=0, total=9, data="AAA"))
    assert (await mallory.next(Refuse)).code in ("bad_chunk", "file_withheld")
    await town.rest()
    assert seller.journal.need("deal-1").state == "refunded"
    assert not await town.gained()


# ---- crashes


async def test_a_seller_may_die_anywhere(found_town: Any, crashes: Any, agents: Any) -> None:
    """At every journal row, transaction and message: both sides end, and whoever has the goods has paid for them."""
    async with found_town(patience=0.3) as town:
        await town.seller("seller", agents.Workshop(list_price="0.40", floor_price="0.20"))
        buyer = await town.buyer()
        at, reached, endings = 0, True, set()
        while reached:
            at += 1
            crashes.watch("seller", at)
            buying = buyer.spawn(buyer.buy(coase.Want(kind="compute", unit="step", quantity=2), patience=2.0))
            await town.until(lambda: buying.done() or len(crashes.names) >= crashes.at)  # noqa: B023  # this round
            reached = len(crashes.names) >= at
            crashes.watch("")
            await town.bury("seller")
            seller = await town.revive("seller")
            await seller.resume()
            deal = await buying
            await town.until(lambda: not seller.journal.deals(open_only=True))  # noqa: B023  # this round
            paid = sum(r.body["agreement"]["price"] for r in buyer.journal.deals() if r.state == "settled")
            assert await town.gained() == ({"buyer": -paid, "seller": paid} if paid else {}), (at, crashes.names)
            theirs = seller.journal.get(deal.name)
            if deal.status in ("settled", "refunded"):
                assert theirs.state == deal.status
            endings.add(deal.status)
        assert not town.failures
    assert at > 8
    assert "settled" in endings
