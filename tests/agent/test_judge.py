"""Disputes: forged papers, repeated complaints, and an arbiter that dies."""

from __future__ import annotations

from typing import Any

import pytest

import coase
from coase.agent.judge import ruling_name
from coase.agent.messages import Complaint, Delivered, Progress, Refuse, Reveal, Ruled
from coase.money import DOLLAR

HOUR = 3600


async def _case(town: Any, deal: str = "deal-1", name: str = "mallory") -> tuple[Any, Complaint]:
    """A stranger bought something and disputed it; its complaint is in order."""
    seller = town.parties.get("seller") or await town.seller()
    judge = town.parties.get("arbiter") or await town.arbiter()
    buyer = await town.stranger(name)
    agreement = await buyer.buys(seller.listing, deal, arbiter=judge.identity.account)
    delivered = await buyer.next(Delivered)
    await buyer.escrow.dispute(f"{deal}/dispute", agreement, b"\0" * 32)
    complaint = Complaint(
        deal=deal,
        order=buyer.order(seller.listing, deal).model_copy(update={"unit_price": agreement.price}),
        agreement=agreement,
        result=dict(delivered.result),
        files=dict(delivered.files),
        seller=seller.address,
        code="ugly",
    )
    return buyer, complaint


async def test_a_complaint_that_is_in_order_is_ruled_on(town: Any) -> None:
    """The arbiter says that it is at work, rules, and says how; journal and chain agree."""
    buyer, complaint = await _case(town)
    judge = town.parties["arbiter"]
    await buyer.say(judge.address, complaint)
    await buyer.next(Progress)
    ruled = await buyer.next(Ruled)
    assert (ruled.basis_points, ruled.code) == (10_000, "as_ordered")
    record = judge.journal.need(ruling_name("deal-1", judge.escrow.digest(complaint.agreement).hex()))
    assert (record.role, record.state) == ("arbiter", "ruled")
    assert await town.gained() == {"seller": 4 * DOLLAR, "mallory": -4 * DOLLAR}


async def test_complaining_many_times_is_complaining_once(town: Any) -> None:
    """Copies that arrive together, and later ones, get the same ruling from one transaction."""
    buyer, complaint = await _case(town)
    judge = town.parties["arbiter"]
    for _ in range(5):
        await buyer.say(judge.address, complaint)
    for _ in range(5):
        assert (await buyer.next(Ruled)).basis_points == 10_000
    await buyer.say(judge.address, complaint.model_copy(update={"code": "again"}))
    assert (await buyer.next(Ruled)).basis_points == 10_000
    assert not buyer.had(Refuse)
    assert len(judge.journal.deals("arbiter")) == len(judge.transactions("ruling:")) == 1
    assert not town.failures


@pytest.mark.parametrize(
    ("code", "forge"),
    [
        ("wrong_arbiter", {"arbiter": "operator"}),
        ("order_mismatch", {"terms_hash": "ab" * 32}),
        ("wrong_parties", {"buyer": "eve"}),
        ("wrong_parties", {"seller": "eve"}),
        ("not_disputed", {"price": 1}),
        ("not_disputed", {"salt": "ab" * 32}),
    ],
)
async def test_forged_papers(town: Any, code: str, forge: dict[str, Any]) -> None:
    """An agreement that is not the one on the chain, or names others, gets a refusal and no ruling."""
    buyer, complaint = await _case(town)
    judge = town.parties["arbiter"]
    accounts = {name: (await town.stranger(name)).account for name in ("eve", "operator")}
    changes = {name: accounts.get(value, value) for name, value in forge.items()}
    forged = complaint.model_copy(update={"agreement": complaint.agreement.model_copy(update=changes)})
    await buyer.say(judge.address, forged)
    refusal = await buyer.next(Refuse)
    assert (refusal.code, bool(refusal.reason)) == (code, True)
    assert not judge.journal.deals()
    assert not town.failures


async def test_a_complaint_by_somebody_else(town: Any) -> None:
    """Only the buyer of the agreement complains."""
    _, complaint = await _case(town)
    eve = await town.stranger("eve")
    await eve.say(town.address("arbiter"), complaint)
    assert (await eve.next(Refuse)).code == "wrong_parties"


async def test_a_complaint_before_there_is_a_dispute(town: Any) -> None:
    """Without a dispute on the chain there is nothing to rule on."""
    seller, judge, buyer = await town.seller(), await town.arbiter(), await town.stranger()
    agreement = await buyer.buys(seller.listing, arbiter=judge.identity.account)
    delivered = await buyer.next(Delivered)
    order = buyer.order(seller.listing).model_copy(update={"unit_price": agreement.price})
    fields = {"order": order, "agreement": agreement, "seller": seller.address, "code": "ugly"}
    await buyer.say(judge.address, Complaint(deal="deal-1", result={}, files=dict(delivered.files), **fields))
    assert (await buyer.next(Refuse)).code == "not_disputed"


async def test_a_false_account_of_the_delivery(town: Any) -> None:
    """A buyer that shows the arbiter something else than was delivered gains nothing: the seller is asked."""
    buyer, complaint = await _case(town)
    false = complaint.model_copy(update={"result": {"rubbish": 1}, "files": {}, "code": "delivery_mismatch"})
    await buyer.say(town.address("arbiter"), false)
    ruled = await buyer.next(Ruled)
    assert (ruled.basis_points, ruled.files) == (10_000, complaint.files)
    assert (await town.gained())["seller"] == 4 * DOLLAR


async def test_names_of_deals_cannot_be_taken(town: Any) -> None:
    """Two buyers with deals of one name get a ruling each, of their own."""
    one, first = await _case(town)
    other, second = await _case_again(town)
    judge = town.parties["arbiter"]
    await one.say(judge.address, first)
    assert (await one.next(Ruled)).basis_points == 10_000
    await other.say(judge.address, second)
    assert (await other.next(Ruled)).basis_points == 10_000
    assert len(judge.journal.deals("arbiter")) == 2


async def _case_again(town: Any) -> tuple[Any, Complaint]:
    """A deal of the same name, with another seller and another buyer."""
    seller = await town.seller("seller-2")
    judge, buyer = town.parties["arbiter"], await town.stranger("eve")
    order = await buyer.offers(seller.listing)
    agreement = await buyer.agreement(order, seller=seller.identity.account, arbiter=judge.identity.account)
    signature = seller.identity.sign(seller.escrow.digest(agreement)).hex()
    await buyer.escrow.open("open", agreement, signature)
    files = {"data.txt": seller.goods["data.txt"]}
    from coase.agent.messages import delivery_hash

    await town.chain.client(seller.identity).deliver("deliver", agreement, delivery_hash({}, files))
    await buyer.escrow.dispute("dispute", agreement, b"\0" * 32)
    body = {"peer": buyer.address, "order": order.model_dump(mode="json"), "agreement": agreement.model_dump()}
    seller.journal.open("deal-1", "seller", {**body, "result": {}, "files": files, "evidence": {}}, state="disputed")
    fields = {"order": order, "agreement": agreement, "seller": seller.address, "code": "ugly"}
    return buyer, Complaint(deal="deal-1", result={}, files=files, **fields)


async def test_a_seller_that_shows_the_arbiter_nothing(town: Any) -> None:
    """A hash that nobody can explain is worth nothing, without any judging."""
    judge = await town.arbiter()
    seller, buyer = await town.stranger("seller"), await town.stranger()
    seller.lists()
    agreement = await buyer.agreement(
        order := buyer.order(seller.lists("dataset")).model_copy(update={"unit_price": 100}),
        arbiter=judge.identity.account,
    )
    await buyer.escrow.open("open", agreement, seller.signature(agreement))
    await seller.commits(agreement, {"x": 1}, {})
    await buyer.escrow.dispute("dispute", agreement, b"\0" * 32)
    town.impatient()
    fields = {"order": order, "agreement": agreement, "seller": seller.address, "code": "delivery_withheld"}
    await buyer.say(judge.address, Complaint(deal="deal-1", result={}, files={}, **fields))
    ruled = await buyer.next(Ruled)
    assert (ruled.basis_points, ruled.code) == (0, "delivery_withheld")
    assert len(seller.had(Reveal)) == 3
    assert not await town.gained()


async def test_a_ruling_that_comes_too_late(town: Any) -> None:
    """Past the window the escrow takes no ruling: the buyer is told so, and the journal follows the chain later."""
    buyer, complaint = await _case(town)
    judge = town.parties["arbiter"]
    await town.chain.backend.wait(2 * HOUR)
    await buyer.say(judge.address, complaint)
    assert (await buyer.next(Refuse)).code == "reverted"
    await buyer.escrow.settle_unruled("half", complaint.agreement)
    await buyer.say(judge.address, complaint)
    await buyer.next(Ruled)
    record = judge.journal.deals("arbiter")[0]
    assert (record.state, record.body["to_seller"]) == ("ruled", 2 * DOLLAR)


async def test_an_arbiter_that_is_no_judge(town: Any) -> None:
    """Who sells no validations does not hear complaints."""
    buyer, complaint = await _case(town)
    await buyer.say(town.address("seller"), complaint)
    await town.world.transport.settle()
    assert not buyer.had(Ruled)
    assert not buyer.had(Refuse)


async def test_an_arbiter_may_die_anywhere(found_town: Any, crashes: Any, tmp_path: Any) -> None:
    """At every journal row, transaction and message: after its return there is one ruling, and the sums are right."""
    at, reached = 0, True
    while reached:
        at += 1
        async with found_town(folder=tmp_path / str(at)) as town:
            buyer, complaint = await _case(town)
            crashes.watch("arbiter", at)
            await buyer.say(town.address("arbiter"), complaint)
            await town.until(lambda: len(crashes.names) >= crashes.at or bool(buyer.had(Ruled)))  # noqa: B023  # now
            reached = len(crashes.names) >= at
            crashes.watch("")
            await town.bury("arbiter")
            judge = await town.revive("arbiter")
            await judge.resume()
            await buyer.say(judge.address, complaint)
            await buyer.next(Ruled)
            assert len(judge.transactions("ruling:")) == 1
            assert (await town.gained())["seller"] == 4 * DOLLAR
    assert at > 4


async def test_the_agents_rulings_are_bounded(town: Any, agents: Any) -> None:
    """An author that rules more than everything does not reach the chain, and the buyer is told."""
    await town.arbiter(agents.Judge(list_price="0.50", floor_price="0.30", points=10_001))
    buyer, complaint = await _case(town)
    await buyer.say(town.address("arbiter"), complaint)
    assert (await buyer.next(Refuse)).code == "bad_ruling"
    assert isinstance(coase.Ruling(5000, "half"), coase.Ruling)
