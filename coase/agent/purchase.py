"""The buyer's side of a signed deal: fund, wait, inspect, pay or dispute, from wherever journal and chain say it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from coase.agent.inspection import Inspection
from coase.agent.journal import Record
from coase.agent.judge import RESULT_BYTES
from coase.agent.messages import (
    Accepted,
    Closed,
    Complaint,
    Delivered,
    Funded,
    Progress,
    Refuse,
    Ruled,
    delivery_hash,
)
from coase.errors import TransactionReverted
from coase.identity import account_at
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.buyer import Buyer

Step = Callable[[Record], Awaitable[None]]


class Purchase:
    """Drives deals of one buyer to their end, from whatever state the journal holds."""

    def __init__(self, buyer: Buyer) -> None:
        self.buyer = buyer
        self.inspection = Inspection(buyer)
        self._steps: dict[str, Step] = {
            "agreed": self._fund,
            "funded": self._await_acceptance,
            "accepted": self._await_delivery,
            "delivered": self._inspect,
            "disputed": self._await_ruling,
        }

    async def drive(self, deal: str) -> Record:
        """See a deal through; returns its last record. A deal that was never signed is returned as it is."""
        buyer = self.buyer
        while not (record := await buyer.reconcile(deal)).ended and record.state in self._steps:
            await self._steps[record.state](record)
        if "agreement" in record.body:
            await buyer.send(record.body["peer"], Closed(deal=deal, state=record.state))
        buyer.close_inbox(deal)
        return record

    async def _fund(self, record: Record) -> None:
        buyer, deal, agreement = self.buyer, record.deal, _agreement(record)
        if await buyer.world.chain.now() > agreement.deliver_by:
            buyer.moved(buyer.journal.apply(deal, "expire", code="too_late", reason="signed, but not funded in time"))
            return
        signature = bytes.fromhex(record.body["seller_signature"])
        try:
            receipt = await buyer.escrow.open(f"{deal}/open", agreement, signature, record=buyer.intend(deal, "open"))
        except TransactionReverted as error:
            if (await buyer.on_chain(record)).status == "none":
                reason = f"the escrow could not be opened: {error.reason or error.message}"
                buyer.moved(buyer.journal.apply(deal, "refuse", code="not_funded", reason=reason), reason=reason)
            return
        buyer.moved(buyer.journal.apply(deal, "fund"), price=agreement.price, transaction=receipt.hash)

    async def _await_acceptance(self, record: Record) -> None:
        """Tell the seller that the money is there, and wait for it to begin."""
        buyer, deal = self.buyer, record.deal
        await buyer.send(record.body["peer"], Funded(deal=deal))
        try:
            answer = await buyer.expect(
                deal, record.body["peer"], Accepted, Progress, Delivered, Refuse, Closed, patience=_patience(record)
            )
        except TimeoutError:
            await self._refund_when_due(record)
            return
        if isinstance(answer, (Accepted, Progress)):
            buyer.moved(buyer.journal.apply(deal, "accept"))
        elif isinstance(answer, Delivered):
            buyer.journal.apply(deal, "accept")
            await self._check_delivery(record, answer)
        elif isinstance(answer, Refuse):
            await self._given_back(record, answer)

    async def _await_delivery(self, record: Record) -> None:
        """Wait as long as the seller shows signs of life, then ask the chain."""
        buyer, deal = self.buyer, record.deal
        try:
            answer = await buyer.expect(
                deal, record.body["peer"], Progress, Delivered, Refuse, Closed, Accepted, patience=_patience(record)
            )
        except TimeoutError:
            await self._refund_when_due(record)
            return
        if isinstance(answer, Delivered):
            await self._check_delivery(record, answer)
        elif isinstance(answer, Refuse):
            await self._given_back(record, answer)

    async def _given_back(self, record: Record, refusal: Refuse) -> None:
        """The seller says it gave the money back: the chain decides whether that is so."""
        self.buyer.journal.note(record.deal, "given back", code=refusal.code, reason=refusal.reason)

    async def _check_delivery(self, record: Record, delivered: Delivered) -> None:
        """Believe a delivery only when the chain holds its hash; otherwise ask again."""
        buyer = self.buyer
        state = await buyer.on_chain(record)
        committed = delivery_hash(delivered.result, delivered.files)
        if state.status == "delivered" and state.result[:RESULT_BYTES] == committed[:RESULT_BYTES]:
            record = buyer.journal.apply(
                record.deal, "deliver", result=dict(delivered.result), files=dict(delivered.files)
            )
            buyer.moved(record)

    async def _refund_when_due(self, record: Record) -> None:
        """Nothing came. When the deadline has passed on the chain, take the money back; until then wait for it."""
        buyer, deal, agreement = self.buyer, record.deal, _agreement(record)
        state = await buyer.on_chain(record)
        if state.status == "delivered":  # the seller did deliver, and its message was lost
            await buyer.send(record.body["peer"], Funded(deal=deal))
            await self._await_lost_delivery(record)
            return
        if state.status != "funded":
            return
        buyer.emit(deal, "waiting", until=agreement.deliver_by, reason="for the delivery deadline")
        await buyer.world.chain.wait_until(agreement.deliver_by + 1)
        reason = "not delivered by the deadline"
        buyer.journal.note(deal, "refunding", code="not_delivered", reason=reason)
        await self._send_refund(deal, agreement)

    async def _send_refund(self, deal: str, agreement: Agreement) -> None:
        try:
            await self.buyer.escrow.refund(f"{deal}/refund", agreement, record=self.buyer.intend(deal, "refund"))
        except TransactionReverted as error:  # delivered or given back meanwhile: reconcile will see it
            self.buyer.emit(deal, "reverted", reason=error.reason)

    async def _await_lost_delivery(self, record: Record) -> None:
        """The chain says delivered but the seller does not show what: dispute before the review window closes."""
        buyer, deal = self.buyer, record.deal
        try:
            answer = await buyer.expect(deal, record.body["peer"], Delivered, patience=_patience(record))
        except TimeoutError:
            state = await buyer.on_chain(record)
            if state.status == "delivered":
                fields = {"result": {}, "files": {}, "code": "delivery_withheld"}
                buyer.journal.catch_up(
                    deal, "delivered", **fields, reason="the seller committed to a result it does not show"
                )
            return
        if record.state == "funded":
            record = buyer.journal.apply(deal, "accept")
        await self._check_delivery(record, answer)

    async def _inspect(self, record: Record) -> None:
        """Pay for what was promised; dispute anything else, with the reason on the chain."""
        buyer, deal, agreement = self.buyer, record.deal, _agreement(record)
        finding = await self.inspection.inspect(record)
        record = buyer.journal.note(deal, "inspected", code=finding.code, reason=finding.reason)
        try:
            if finding.ok:
                await buyer.escrow.release(f"{deal}/release", agreement, record=buyer.intend(deal, "release"))
                buyer.moved(buyer.journal.apply(deal, "settle"))
            else:
                buyer.emit(deal, "fault", code=finding.code, reason=finding.reason)
                await buyer.escrow.dispute(
                    f"{deal}/dispute", agreement, finding.hash, record=buyer.intend(deal, "dispute")
                )
                buyer.moved(buyer.journal.apply(deal, "dispute"), code=finding.code)
        except TransactionReverted as error:
            buyer.emit(deal, "reverted", reason=error.reason)
            if (await buyer.on_chain(record)).status == "delivered":
                raise  # neither paid nor closed: nothing that reconcile could follow

    async def _await_ruling(self, record: Record) -> None:
        """Put the case to the arbiter; if it stays silent, the escrow pays half each after the ruling window."""
        buyer, deal, agreement, body = self.buyer, record.deal, _agreement(record), record.body
        arbiter = self._arbiter_address(agreement.arbiter)
        if arbiter and "result" in body:
            complaint = Complaint(
                deal=deal,
                order=Order(**body["order"]),
                agreement=agreement,
                result=body["result"],
                files=body["files"],
                seller=body["peer"],
                code=body.get("code", "disputed"),
            )
            await buyer.send(arbiter, complaint)
            try:
                await buyer.expect(deal, arbiter, Ruled, Refuse)
            except TimeoutError:
                buyer.emit(deal, "silent", reason="the arbiter does not answer")
        state = await buyer.on_chain(record)
        if state.status != "disputed":
            return
        end = state.at + agreement.ruling_seconds
        buyer.emit(deal, "waiting", until=end, reason="for the ruling window")
        await buyer.world.chain.wait_until(end + 1)
        try:
            await buyer.escrow.settle_unruled(f"{deal}/unruled", agreement, record=buyer.intend(deal, "unruled"))
        except TransactionReverted as error:
            buyer.emit(deal, "reverted", reason=error.reason)

    def _arbiter_address(self, account: str) -> str:
        for listing in self.buyer.world.registry.search("kind=validation", limit=100):
            if listing.account == account and account_at(listing.agent) == account:
                return listing.agent
        return ""


def _agreement(record: Record) -> Agreement:
    return Agreement(**record.body["agreement"])


def _patience(record: Record) -> float | None:
    patience = record.body.get("patience")
    return None if patience is None else float(patience)
