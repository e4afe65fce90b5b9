"""The buyer's side of signed deals: honest ones over good and bad wires, cheating sellers, crashes at every point."""

from __future__ import annotations

from typing import Any

import pytest

import coase
from coase.agent.deal import ENDED
from coase.agent.messages import (
    Accepted,
    Chunk,
    Closed,
    Complaint,
    Delivered,
    Fetch,
    Funded,
    Progress,
    Refuse,
    delivery_hash,
)
from coase.money import DOLLAR
from coase.terms.canonical import digest
from coase.testing.transport import MemoryTransport

FILE = b"seven digits"
HOUR = 3600


# ---- honest deals


async def test_an_honest_deal_settles(town: Any) -> None:
    """Goods change hands, money too, and both journals say what the chain says."""
    seller, buyer = await town.seller(), await town.buyer()
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    assert (deal.status, deal.code) == ("settled", "as_ordered")
    assert seller.journal.need(deal.name).state == "settled"
    assert await town.gained() == {"seller": deal.price, "buyer": -deal.price}
    assert buyer.blobs.need(deal.files["data.txt"]) == FILE
    assert not town.failures


async def test_a_receipt_proves_the_deal(town: Any) -> None:
    """Order, agreement and both signatures fit together, for anyone who knows the escrow's address."""
    await town.seller()
    deal = await (await town.buyer()).buy(coase.Want(kind="dataset"))
    receipt = deal.receipt
    agreement, order = coase.Agreement(**receipt["agreement"]), coase.Order(**receipt["order"])
    assert order.hash == agreement.terms_hash
    for who in ("buyer", "seller"):
        account = getattr(agreement, who)
        agreement.verify(account, receipt[f"{who}_signature"], town.world.chain.chain_id, town.world.escrow)


async def test_inputs_cross_and_work_comes_back(town: Any, workshop: Any) -> None:
    """A job's inputs go to the seller once it is paid for, and what it made comes back."""
    await town.seller("seller", workshop)
    buyer = await town.buyer()
    data = buyer.blobs.put(b"data" * 100_000)
    deal = await buyer.buy(coase.Want(kind="compute", unit="step", quantity=5, inputs={"data": data}))
    await town.rest()
    assert deal.settled
    assert deal.result == {"steps": 5}
    assert any(event.what == "progress" for event in town.events)


async def test_an_audited_deal_settles_and_pays_the_validator(town: Any, workshop: Any) -> None:
    """With `audit`, nothing is paid for before a validator has looked at it."""
    await town.seller("seller", workshop)
    await town.arbiter()
    buyer = await town.buyer()
    deal = await buyer.buy(coase.Want(kind="compute", unit="step", quantity=5, audit=True))
    await town.rest()
    kinds = [(record.body["order"]["kind"], record.state) for record in buyer.journal.deals()]
    assert kinds == [("compute", "settled"), ("validation", "settled")]
    assert (deal.status, deal.code) == ("settled", "validated")
    gained = await town.gained()
    assert gained["arbiter"] > 0
    assert sum(gained.values()) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_on_a_bad_wire_every_deal_ends(found_town: Any, seed: int, workshop: Any) -> None:
    """Messages are lost, doubled and overtaken: deals still end, money is conserved, nothing is paid twice."""
    wire = MemoryTransport(seed, drop=0.12, duplicate=0.25, reorder=0.25)
    async with found_town(wire, patience=0.4) as town:
        sellers = [await town.seller(), await town.seller("seller-2", workshop)]
        await town.arbiter()
        buyer = await town.buyer()
        deals = [
            await buyer.buy(coase.Want(kind=kind, unit=unit), patience=0.3)
            for kind, unit in (("dataset", "item"), ("compute", "step"), ("dataset", "item"))
        ]
        assert all(deal.status in ENDED for deal in deals)
        await town.chain.backend.wait(HOUR * 3)  # what a seller still hopes for has a deadline
        await town.rest()
        assert not town.failures
        for party in (*sellers, town.parties["arbiter"]):
            assert not party.journal.deals(open_only=True)
        gained = await town.gained()
        assert sum(gained.values()) == 0
        assert "escrow" not in gained
        for deal in deals:
            await _agrees_with_the_chain(town, buyer, deal)
        assert wire.lost + wire.doubled


async def _agrees_with_the_chain(town: Any, buyer: Any, deal: coase.Deal) -> None:
    record = buyer.journal.need(deal.name)
    chain = (await buyer.on_chain(record)).status if "agreement" in record.body else "none"
    wanted = {"settled": ("settled",), "refunded": ("refunded",), "ruled": ("settled", "refunded")}
    assert chain in wanted.get(record.state, ("none",))
    seller = next(party for party in town.parties.values() if party.address == deal.seller)
    theirs = seller.journal.get(deal.name)
    if chain != "none":
        assert theirs is not None
        assert theirs.state in (record.state, chain)


# ---- sellers that cheat: each ends without loss and with a code


@pytest.fixture
async def cheat(town: Any) -> Any:
    """A stranger that lists a data set for 4.00, a buyer that wants it, and an arbiter."""
    town.mallory = await town.stranger("seller")
    town.listing = town.mallory.lists(content=digest({"data.txt": _name(FILE)}))
    await town.arbiter()
    town.shopper = await town.buyer()
    return town.mallory


def _name(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()


def _buys(town: Any) -> Any:
    return town.shopper.spawn(town.shopper.buy(coase.Want(kind="dataset"), by="10m"))


async def _unharmed(town: Any, deal: coase.Deal, status: str, code: str) -> None:
    await town.rest()
    assert (deal.status, deal.code) == (status, code)
    assert deal.reason
    assert "buyer" not in await town.gained()
    assert "escrow" not in await town.gained()
    assert not town.failures


async def test_a_seller_that_accepts_and_vanishes(town: Any, cheat: Any) -> None:
    """The money comes back after the deadline."""
    buying = _buys(town)
    sign = await cheat.sells()
    town.impatient()
    await cheat.say(town.shopper.address, Accepted(deal=sign.deal))
    await _unharmed(town, await buying, "refunded", "not_delivered")


async def test_a_seller_that_only_shows_progress(town: Any, cheat: Any) -> None:
    """Signs of life do not hold the money beyond the deadline, however many come."""
    buying = _buys(town)
    sign = await cheat.sells()
    await cheat.say(town.shopper.address, Accepted(deal=sign.deal))
    await town.chain.backend.wait(601)
    for done in range(5):
        await cheat.say(town.shopper.address, Progress(deal=sign.deal, done=done, of=100_000))
    await _unharmed(town, await buying, "refunded", "not_delivered")


@pytest.mark.parametrize("word", [Closed, Refuse])
async def test_a_seller_that_says_it_is_out_and_keeps_the_money(town: Any, cheat: Any, word: type) -> None:
    """A refusal without a refund is waited out, once, without a war of messages."""
    buying = _buys(town)
    sign = await cheat.sells()
    fields = {"state": "refunded"} if word is Closed else {"code": "sorry", "reason": "no time"}
    await cheat.say(town.shopper.address, word(deal=sign.deal, **fields))
    await _unharmed(town, await buying, "refunded", "sorry" if word is Refuse else "not_delivered")
    assert len(cheat.had(Funded)) == 1


async def test_a_seller_that_gives_the_money_back(town: Any, cheat: Any) -> None:
    """An honest refusal ends the deal at once, with the seller's code."""
    buying = _buys(town)
    sign = await cheat.sells()
    await cheat.escrow.refund("refund", sign.agreement)
    before = await town.world.chain.now()
    await cheat.say(town.shopper.address, Refuse(deal=sign.deal, code="broken", reason="the machine is"))
    await _unharmed(town, await buying, "refunded", "broken")
    assert await town.world.chain.now() - before < 60


async def test_a_seller_that_commits_and_shows_nothing(town: Any, cheat: Any) -> None:
    """A hash without a delivery is disputed, and the arbiter, who is shown nothing either, gives all of it back."""
    buying = _buys(town)
    sign = await cheat.sells()
    await cheat.commits(sign.agreement, {"x": 1}, {})
    town.impatient()
    await cheat.say(town.shopper.address, Progress(deal=sign.deal, done=1, of=1))
    await _unharmed(town, await buying, "ruled", "delivery_withheld")


async def test_a_seller_that_shows_another_result(town: Any, cheat: Any) -> None:
    """What is shown must be what the chain holds; the rest is the arbiter's."""
    buying = _buys(town)
    sign = await cheat.sells()
    await cheat.commits(sign.agreement, {"x": 1}, {})
    town.impatient()
    shown = Delivered(deal=sign.deal, result={"x": 2}, files={"data.txt": _name(FILE)})
    await cheat.say(town.shopper.address, shown)
    await _unharmed(town, await buying, "ruled", "delivery_mismatch")


async def test_a_delivery_before_its_commitment_is_not_believed(town: Any, cheat: Any) -> None:
    """Words without a hash on the chain change nothing; the same words with it do."""
    buying = _buys(town)
    sign = await cheat.sells()
    delivered = Delivered(deal=sign.deal, result={}, files={"data.txt": _name(FILE)})
    await cheat.say(town.shopper.address, delivered)
    await town.until(lambda: town.shopper.journal.need(sign.deal).state == "accepted")
    await cheat.commits(sign.agreement, {}, {"data.txt": _name(FILE)})
    await cheat.say(town.shopper.address, delivered)
    fetch = await cheat.next(Fetch)
    await cheat.say(town.shopper.address, _chunk(fetch, FILE))
    deal = await buying
    assert deal.settled


def _chunk(fetch: Fetch, body: bytes, **changes: Any) -> Chunk:
    import base64

    fields = {"deal": fetch.deal, "blob": fetch.blob, "offset": fetch.offset, "total": len(body)}
    return Chunk(**{**fields, "data": base64.b64encode(body).decode(), **changes})


async def _delivers(town: Any, cheat: Any, files: dict[str, str] | None = None) -> tuple[Any, Any]:
    """The cheat commits to files and shows their names."""
    buying = _buys(town)
    sign = await cheat.sells()
    files = files or {"data.txt": _name(FILE)}
    await cheat.commits(sign.agreement, {}, files)
    town.impatient()
    await cheat.say(town.shopper.address, Delivered(deal=sign.deal, result={}, files=files))
    return buying, sign


async def test_a_seller_that_lists_one_thing_and_delivers_another(town: Any, cheat: Any) -> None:
    """Names that are not those of the listing are disputed unseen, and the arbiter agrees."""
    buying, _ = await _delivers(town, cheat, {"data.txt": _name(b"junk")})
    await _unharmed(town, await buying, "ruled", "content_mismatch")


async def test_a_seller_that_withholds_the_file(town: Any, cheat: Any) -> None:
    """Neither the buyer nor the arbiter gets it: no pay."""
    buying, _ = await _delivers(town, cheat)
    await _unharmed(town, await buying, "ruled", "file_withheld")
    assert cheat.had(Fetch)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("file_wrong", {"total": 4, "data": "AAAAAA=="}),
        ("bad_chunk", {"data": "AAA"}),
        ("bad_chunk", {"total": 2**40 - 1}),
        ("bad_chunk", {"total": 10_000_000, "data": "AAAA"}),
    ],
)
async def test_a_seller_that_sends_rubbish(town: Any, cheat: Any, code: str, changes: dict[str, Any]) -> None:
    """Wrong files, malformed base64, absurd sizes and trickles are findings, and the arbiter finds them too."""
    buying, _ = await _delivers(town, cheat)
    for _ in range(2):  # the buyer, then the arbiter
        fetch = await cheat.next(Fetch)
        await cheat.say(cheat.heard[cheat._read - 1][0], _chunk(fetch, FILE, **changes))
    await _unharmed(town, await buying, "ruled", code)


async def test_a_seller_that_shows_the_arbiter_what_it_kept_from_the_buyer(town: Any, cheat: Any) -> None:
    """The arbiter rules for the goods that it has seen, and passes them on to the buyer, who pays for them."""
    buying, sign = await _delivers(town, cheat)
    arbiter = town.address("arbiter")
    await town.until(lambda: any(sender == arbiter for sender, _ in cheat.heard))
    fetch = next(message for sender, message in cheat.heard if sender == arbiter)
    await cheat.say(arbiter, _chunk(fetch, FILE))
    deal = await buying
    await town.rest()
    assert (deal.status, deal.body["to_seller"]) == ("ruled", sign.agreement.price)
    assert town.shopper.blobs.need(_name(FILE)) == FILE
    assert (await town.gained()) == {"buyer": -sign.agreement.price, "seller": sign.agreement.price}


async def test_a_silent_arbiter_means_half_each(town: Any) -> None:
    """After the ruling window the escrow divides, and both journals know the sums."""
    cheat = await town.stranger("seller")
    cheat.lists(content="ab" * 32)
    judge = await town.stranger("arbiter")
    judge.lists("validation", price=DOLLAR)
    town.shopper = await town.buyer()
    buying, sign = await _delivers(town, cheat)
    await judge.next(Complaint)
    deal = await buying
    assert (deal.status, deal.code) == ("ruled", "content_mismatch")
    assert deal.body["to_seller"] + deal.body["to_buyer"] == sign.agreement.price
    assert abs(deal.body["to_seller"] - deal.body["to_buyer"]) <= 1
    assert "arbiter_silent" in town.codes("buyer")
    assert len(judge.had(Complaint)) == 3
    assert sum((await town.gained()).values()) == 0


async def test_an_empty_purse(town: Any) -> None:
    """A mandate above the balance ends with a reason, before anything is in escrow."""
    await town.seller()
    buyer = await town.buyer(budget="90.00")
    await town.chain.client(buyer.identity).outbox.send("spend", _spend(town, 99 * DOLLAR))
    deal = await buyer.buy(coase.Want(kind="dataset"))
    await town.rest()
    assert (deal.status, deal.code) == ("refused", "not_funded")
    assert "escrow" in deal.reason
    assert "seller" not in await town.gained()


def _spend(town: Any, amount: int) -> Any:
    from coase.settlement.token import transfer_call

    return transfer_call(town.world.token, town.chain.contracts.escrow[:-4] + "dEaD", amount)


# ---- crashes


@pytest.mark.parametrize(("kind", "first", "step"), [("dataset", 1, 1), ("compute", 14, 2)])
async def test_a_buyer_may_die_anywhere(
    found_town: Any, crashes: Any, agents: Any, kind: str, first: int, step: int
) -> None:
    """At every journal row, transaction and message (audited deals: a third of those from the audit on), the deal ends,
    once, with the money where the goods are not.
    """
    agent = agents.Workshop if kind == "compute" else agents.Shop
    want = coase.Want(kind=kind, unit="step" if kind == "compute" else "item", audit=kind == "compute")
    async with found_town(patience=1.0) as town:
        seller = await town.seller("seller", agent(list_price="0.20", floor_price="0.10"))
        await town.arbiter(agents.Judge(list_price="0.05", floor_price="0.03"))
        await town.buyer()
        at, lives, endings = first - step, 0, set()
        while await _dies(town, crashes, want, at := at + step):
            lives += 1
            buyer = await town.revive("buyer")
            await buyer.resume()
            records = buyer.journal.deals()
            assert all(record.ended for record in records)
            await town.until(lambda: not seller.journal.deals(open_only=True))
            paid = sum(r.body["agreement"]["price"] for r in records if r.state == "settled")
            gained = await town.gained()
            assert gained.get("buyer", 0) == -paid, (at, crashes.names)
            assert "escrow" not in gained
            endings |= {record.state for record in records}
            bought = [record for record in records if record.body["order"]["kind"] == kind]
            assert len(bought) in (lives - 1, lives)
        assert not [failure for failure in town.failures if type(failure).__name__ != "Died"]
    assert at > 15
    assert endings == {"settled", "walked"}


async def _dies(town: Any, crashes: Any, want: coase.Want, at: int) -> bool:
    """Buy, and die at the `at`-th point; False when there are not so many."""
    crashes.watch("buyer", at)
    try:
        await town.parties["buyer"].buy(want)
    except BaseException as death:
        if type(death).__name__ != "Died":
            raise
    crashes.watch("")
    reached = len(crashes.names) >= at
    await town.bury("buyer")
    return reached


def test_the_reason_of_a_dispute_is_hashed() -> None:
    """What goes on the chain is bound to the code and the sentence."""
    from coase.agent.inspection import Finding

    one, other = Finding(False, "a", "b"), Finding(False, "a", "c")
    assert len(one.hash) == 32
    assert one.hash != other.hash
    assert len(delivery_hash({}, {})) == 32
