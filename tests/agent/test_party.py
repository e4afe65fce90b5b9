"""What buyers and sellers share: inboxes, questions, tasks, and following the chain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import coase
from coase.agent import party as party_module
from coase.agent.messages import Closed, Funded, Progress, Ready, Reveal, Revealed, WalkAway
from coase.agent.party import INBOX, same_party


async def test_what_is_expected_is_waited_for_and_the_rest_skipped(town: Any) -> None:
    """`expect` takes the next message of a kind from the peer."""
    buyer, mallory = await town.buyer(), await town.stranger()
    buyer.open_inbox("d", mallory.address)
    await mallory.say(buyer.address, Progress(deal="d", done=1, of=2))
    await mallory.say(buyer.address, Ready(deal="other"))
    await mallory.say(buyer.address, Ready(deal="d"))
    assert await buyer.expect("d", mallory.address, Ready) == Ready(deal="d")
    with pytest.raises(TimeoutError):
        await buyer.expect("d", mallory.address, Ready, patience=0.01)


async def test_an_inbox_is_bounded(town: Any) -> None:
    """What a peer says beyond the bound is dropped; what others say never counts."""
    buyer, mallory, eve = await town.buyer(), await town.stranger(), await town.stranger("eve")
    buyer.open_inbox("d", mallory.address)
    for number in range(INBOX + 10):
        await eve.say(buyer.address, Ready(deal="d"))
        await mallory.say(buyer.address, Progress(deal="d", done=number, of=1000))
    await town.world.transport.settle()
    assert buyer._inboxes["d"].qsize() == INBOX


async def test_deals_at_once_are_bounded(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more inboxes than the bound, but one that is open stays open."""
    monkeypatch.setattr(party_module, "MAX_SESSIONS", 2)
    buyer = await town.buyer()
    assert [buyer.open_inbox(deal, "peer") for deal in "abca"] == [True, True, False, True]
    buyer.close_inbox("a")
    assert buyer.open_inbox("c", "peer")
    assert buyer.sessions("peer") == 2


async def test_a_question_is_answered_once(town: Any) -> None:
    """`ask` takes the answer of whom it asked, about that deal; silence is a timeout, and nothing is left over."""
    buyer, mallory, eve = await town.buyer(), await town.stranger(), await town.stranger("eve")
    asking = buyer.spawn(buyer.ask(mallory.address, Reveal(deal="d", names=["x"]), Revealed))
    await mallory.next(Reveal)
    await eve.say(buyer.address, Revealed(deal="d", evidence={"x": "ab" * 32}))
    await mallory.say(buyer.address, Revealed(deal="e", evidence={"x": "ab" * 32}))
    for _ in range(2):
        await mallory.say(buyer.address, Revealed(deal="d", evidence={}))
    assert (await asking).evidence == {}
    town.impatient()
    with pytest.raises(TimeoutError):
        await buyer.ask(mallory.address, Reveal(deal="d", names=["x"]), Revealed)
    assert not buyer._asked


async def test_nobody_home(town: Any) -> None:
    """A message that cannot be delivered is reported, and is not the end of anything."""
    buyer = await town.buyer()
    await buyer.send(town.address("eve"), Ready(deal="d"))
    assert [(event.what, event.data["message"]) for event in town.events] == [("undeliverable", "Ready")]


async def test_what_a_task_raises_is_kept(town: Any) -> None:
    """A bug in one deal is reported with its code and does not end the agent."""
    buyer = await town.buyer()

    async def broken(error: Exception) -> None:
        raise error

    errors = [ValueError("oops"), coase.DealError("no", code="odd")]
    for error in errors:
        await asyncio.wait([buyer.spawn(broken(error))])
    assert buyer.failures == errors
    assert town.codes("buyer") == ["ValueError", "odd"]


async def test_messages_about_deals_that_nobody_knows(town: Any) -> None:
    """They are dropped without an answer."""
    buyer, mallory = await town.buyer(), await town.stranger()
    for message in (Funded(deal="d"), WalkAway(deal="d", code="x"), Closed(deal="d", state="settled")):
        await mallory.say(buyer.address, message)
    await town.world.transport.settle()
    assert not mallory.heard
    assert not town.failures


async def test_only_the_peer_hears_of_an_ended_deal(town: Any) -> None:
    """Whoever still talks about a deal that has ended is told so if it was theirs; a `Closed` is not answered."""
    buyer, mallory, eve = await town.buyer(), await town.stranger(), await town.stranger("eve")
    buyer.journal.open("d", "buyer", {"peer": mallory.address}, state="refused")
    for who in (mallory, eve):
        await who.say(buyer.address, Ready(deal="d"))
        await who.say(buyer.address, Closed(deal="d", state="refused"))
    await town.world.transport.settle()
    assert mallory.had(Closed) == [Closed(deal="d", state="refused")]
    assert not eve.heard


async def test_closing_ends_everything(town: Any) -> None:
    """After `close` no task runs, the address is free, and the journal can be opened anew."""
    buyer = await town.buyer()
    task = buyer.spawn(asyncio.Event().wait())
    await town.bury("buyer")
    assert task.cancelled()
    await town.revive("buyer")


async def test_following_the_chain_skips_states(town: Any) -> None:
    """A journal that missed everything since the signature ends where the chain is, by way of each state between."""
    await town.seller()
    buyer = await town.buyer()
    deal = await buyer.buy(coase.Want(kind="dataset"))
    body = buyer.journal.need(deal.name).body
    buyer.journal.open("copy", "buyer", body, state="agreed")
    record = await buyer.reconcile("copy")
    assert (record.state, record.body["to_seller"], record.body["to_buyer"]) == ("settled", deal.price, 0)
    assert [state for _, state in buyer.journal.events("copy")] == [
        "agreed",
        "funded",
        "accepted",
        "delivered",
        "settled",
    ]
    assert await buyer.reconcile("copy") == record


def test_addresses_and_accounts() -> None:
    """One key has two names; anything malformed is nobody."""
    key = coase.Identity.from_seed(1, "a")
    assert same_party(key.address, key.account)
    assert not same_party(key.address, coase.Identity.from_seed(1, "b").account)
    assert not same_party("agent1nonsense", key.account)
    assert not same_party(key.address, key.account.lower())
