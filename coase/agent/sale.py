"""The seller's side of a signed deal: wait for the money, work, commit, hand over, and get paid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from coase.agent.content import Delivery
from coase.agent.files import MAX_FILE_BYTES
from coase.agent.journal import Record
from coase.agent.messages import (
    Accepted,
    Closed,
    Delivered,
    Funded,
    Progress,
    Refuse,
    WalkAway,
    delivery_hash,
)
from coase.errors import CoaseError, DealError, JobFailed, SettlementError, TransactionReverted
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.seller import Seller

TRIES = 3  # at work whose worker died


class Sale:
    """Drives deals of one seller to their end, from whatever state the journal holds."""

    def __init__(self, seller: Seller) -> None:
        self.seller = seller
        self._serving: set[str] = set()

    async def serve(self, deal: str) -> None:
        """Drive a deal to its end."""
        steps: dict[str, Callable[[Record], Any]] = {
            "agreed": self._await_money,
            "funded": self._accept,
            "accepted": self._work,
            "delivered": self._await_payment,
            "disputed": self._await_payment,
        }
        if deal in self._serving:
            return
        self._serving.add(deal)
        try:
            while not (record := await self.seller.reconcile(deal)).ended:
                await steps[record.state](record)
            await self.seller.send(record.body["peer"], Closed(deal=deal, state=record.state))
        finally:
            self._serving.discard(deal)
            self.seller.close_inbox(deal)

    async def _await_money(self, record: Record) -> None:
        agreement = Agreement(**record.body["agreement"])
        try:
            message = await self.seller.expect(record.deal, record.body["peer"], Funded, WalkAway, Refuse, Closed)
        except TimeoutError:
            message = None
        if (await self.seller.on_chain(record)).status != "none":
            return  # reconcile moves it on
        gone = message is not None and not isinstance(message, Funded)
        if gone or await self.seller.world.chain.now() > agreement.deliver_by:
            reason = "the buyer left" if gone else "not funded by the deadline"
            self.seller.moved(self.seller.journal.apply(record.deal, "expire", reason=reason, code="not_funded"))

    async def _accept(self, record: Record) -> None:
        agreement = Agreement(**record.body["agreement"])
        if await self.seller.world.chain.now() > agreement.deliver_by:
            await self._give_back(record, "too_late", "the deadline has passed")
            return
        self.seller.moved(self.seller.journal.apply(record.deal, "accept"))
        await self.seller.send(record.body["peer"], Accepted(deal=record.deal))

    async def _work(self, record: Record) -> None:
        """Work, write the result down, commit to its hash on the chain, then tell the buyer."""
        deal = record.deal
        if "files" not in record.body:
            try:
                delivery = await self._performed(record)
                if delivery is None:
                    return
                record = self._worked(record, delivery)
            except SettlementError:
                raise
            except CoaseError as error:
                await self._give_back(record, error.code, error.message)
                return
            except Exception as error:  # noqa: BLE001  # an author's code may raise anything; the money goes back
                self.seller.failures.append(error)
                await self._give_back(record, "work_failed", f"the work failed: {type(error).__name__}")
                return
        agreement = Agreement(**record.body["agreement"])
        result_hash = delivery_hash(record.body["result"], record.body["files"])
        if (await self.seller.on_chain(record)).status == "funded":
            try:
                await self.seller.escrow.deliver(
                    f"{deal}/deliver", agreement, result_hash, record=self.seller.intend(deal, "deliver")
                )
            except TransactionReverted as error:
                if (await self.seller.on_chain(record)).status == "funded":
                    await self._give_back(record, "too_late", error.reason or error.message)
                return
        self.seller.moved(self.seller.journal.apply(deal, "deliver"))
        await self._announce(deal)

    async def _performed(self, record: Record) -> Delivery | None:
        """Let the agent work, in a task that ends with the deal (then None). A dead worker gets new tries."""
        deal, peer = record.deal, record.body["peer"]
        order = Order(**record.body["order"])
        for tries_left in reversed(range(TRIES)):
            progress = partial(self._tell, deal, peer)
            work = asyncio.create_task(self.seller.agent.perform(order, peer, self.seller.tools, progress))
            try:
                return await self._unless_ended(work, record)
            except JobFailed as error:
                if not tries_left:
                    raise
                self.seller.emit(deal, "retry", code=error.code, reason=error.message)
            finally:
                work.cancel()
                await asyncio.wait([work])
        return None

    async def _unless_ended(self, work: asyncio.Task[Delivery], record: Record) -> Delivery | None:
        """The work's result, or None as soon as the escrow no longer waits for it."""
        while True:
            news = asyncio.create_task(self.seller.expect(record.deal, record.body["peer"], Closed, Refuse))
            try:
                await asyncio.wait([work, news], return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
                await asyncio.wait([news])
            if work.done():
                return work.result()
            if (await self.seller.reconcile(record.deal)).ended:
                return None

    def _worked(self, record: Record, delivery: Delivery) -> Record:
        files = {name: self.seller.blobs.put(body) for name, body in sorted(delivery.files.items())}
        evidence = {name: self.seller.blobs.put(body) for name, body in sorted(delivery.evidence.items())}
        try:  # now, while there is nothing on the chain that nobody could be shown
            Delivered(deal=record.deal, result=dict(delivery.result), files=files)
        except ValidationError as error:
            raise DealError(f"the delivery cannot be sent: {error.errors()[0]['msg']}", code="bad_delivery") from error
        if any(len(body) > MAX_FILE_BYTES for body in (*delivery.files.values(), *delivery.evidence.values())):
            raise DealError(f"a file is larger than {MAX_FILE_BYTES} bytes", code="bad_delivery")
        return self.seller.journal.note(
            record.deal, "worked", result=dict(delivery.result), files=files, evidence=evidence
        )

    def _tell(self, deal: str, peer: str, done: int, of: int) -> None:
        self.seller.emit(deal, "progress", done=done, of=of)
        self.seller.spawn(self.seller.send(peer, Progress(deal=deal, done=done, of=of)))

    async def _announce(self, deal: str) -> None:
        body = self.seller.journal.need(deal).body
        await self.seller.send(body["peer"], Delivered(deal=deal, result=body["result"], files=body["files"]))

    async def _await_payment(self, record: Record) -> None:
        """Wait for release, ruling or the end of a window; anyone may finish what its window has closed."""
        deal, peer = record.deal, record.body["peer"]
        try:
            if isinstance(await self.seller.expect(deal, peer, Closed, Funded), Funded):  # the buyer asks again
                await self._announce(deal)
        except TimeoutError:
            pass
        agreement, state, now = (
            Agreement(**record.body["agreement"]),
            await self.seller.on_chain(record),
            await self.seller.world.chain.now(),
        )
        if state.status == "delivered" and now > state.at + agreement.review_seconds:
            await self._try(
                self.seller.escrow.claim(f"{deal}/claim", agreement, record=self.seller.intend(deal, "claim"))
            )
        elif state.status == "disputed" and now > state.at + agreement.ruling_seconds:
            await self._try(
                self.seller.escrow.settle_unruled(
                    f"{deal}/unruled", agreement, record=self.seller.intend(deal, "unruled")
                )
            )

    async def _give_back(self, record: Record, code: str, reason: str) -> None:
        """Refund the buyer at once: work that cannot be done must not hold money until a deadline."""
        deal, agreement = record.deal, Agreement(**record.body["agreement"])
        self.seller.journal.note(deal, "giving back", code=code, reason=reason)
        await self._try(
            self.seller.escrow.refund(f"{deal}/refund", agreement, record=self.seller.intend(deal, "refund"))
        )
        await self.seller.send(record.body["peer"], Refuse(deal=deal, code=code, reason=reason[:300]))

    async def _try(self, sending: Any) -> None:
        try:
            await sending
        except TransactionReverted as error:  # somebody was there first: reconcile will see it
            self.seller.emit("", "reverted", reason=error.reason)
