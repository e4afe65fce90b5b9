"""The buyer's side of a signed deal: fund, wait, inspect, pay or dispute, from wherever journal and chain say it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from coase.agent.inspection import Inspection, subject_of
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
from coase.errors import DealError, RemoteProtocolError, TransactionReverted
from coase.identity import account_at
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.buyer import Buyer

Step = Callable[[Record], Awaitable[None]]
TRIES = 3  # at a message that may have been lost, before its silence counts
HEARINGS = 50  # patiences that an arbiter which says that it is at work may take


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
        """See a deal through; returns its last record. A deal that was never signed is returned as it is.

        So is a disputed validation of a delivery that is still under review: rulings take longer than reviews.
        """
        buyer = self.buyer
        while not (record := await buyer.reconcile(deal)).ended and record.state in self._steps:
            if record.state == "disputed" and self._under_review(subject_of(record)):
                return record
            await self._steps[record.state](record)
        for validation in self.inspection.validations(deal):
            if not validation.ended:
                await self.drive(validation.deal)
        if "agreement" in record.body:
            await buyer.send(record.body["peer"], Closed(deal=deal, state=record.state))
        buyer.close_inbox(deal)
        return record

    def _under_review(self, deal: str) -> bool:
        record = self.buyer.journal.get(deal)
        return record is not None and record.state == "delivered"

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
        if await self._late(record):
            return
        await buyer.send(record.body["peer"], Funded(deal=deal))
        answer: Accepted | Progress | Delivered | Refuse | Closed
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
            record = buyer.journal.apply(deal, "accept")
            await self._check_delivery(record, answer)
        else:
            await self._given_back(record, answer)

    async def _late(self, record: Record) -> bool:
        """Past the deadline nothing that the seller says keeps the money in the escrow any longer."""
        if await self.buyer.world.chain.now() <= _agreement(record).deliver_by:
            return False
        await self._refund_when_due(record)
        return True

    async def _await_delivery(self, record: Record) -> None:
        """Wait as long as the seller shows signs of life, then ask the chain."""
        buyer, deal = self.buyer, record.deal
        if await self._late(record):
            return
        try:
            answer = await buyer.expect(
                deal, record.body["peer"], Progress, Delivered, Refuse, Closed, Accepted, patience=_patience(record)
            )
        except TimeoutError:
            await self._refund_when_due(record)
            return
        if isinstance(answer, Delivered):
            await self._check_delivery(record, answer)
        elif isinstance(answer, (Refuse, Closed)):
            await self._given_back(record, answer)

    async def _given_back(self, record: Record, answer: Refuse | Closed) -> None:
        """The seller says it is out: the chain decides whether the money came back, and when it does."""
        buyer, deal = self.buyer, record.deal
        if isinstance(answer, Refuse):
            reason = answer.reason or f"the seller left: {answer.code}"
            buyer.journal.note(deal, "given back", code=answer.code, reason=reason)
        if (await buyer.on_chain(record)).status in ("funded", "delivered"):
            await self._refund_when_due(record)

    async def _check_delivery(self, record: Record, delivered: Delivered) -> None:
        """Believe a delivery only when the chain holds its hash. What is not what was committed to is a fault."""
        buyer = self.buyer
        state = await buyer.on_chain(record)
        if state.status != "delivered":
            return
        committed = delivery_hash(delivered.result, delivered.files)
        if state.result[:RESULT_BYTES] != committed[:RESULT_BYTES]:
            self._not_shown(record, "delivery_mismatch", "the seller shows another result than it committed to")
            return
        buyer.moved(
            buyer.journal.apply(record.deal, "deliver", result=dict(delivered.result), files=dict(delivered.files))
        )

    def _not_shown(self, record: Record, code: str, reason: str) -> None:
        """Go on without having seen what was delivered: the inspection will find so."""
        fields = {"result": {}, "files": {}, "code": code, "reason": reason, "unseen": True}
        self.buyer.moved(self.buyer.journal.catch_up(record.deal, "delivered", **fields), code=code)

    async def _refund_when_due(self, record: Record) -> None:
        """Nothing came. When the deadline has passed on the chain, take the money back; until then wait for it."""
        buyer, deal, agreement = self.buyer, record.deal, _agreement(record)
        state = await buyer.on_chain(record)
        if state.status == "delivered":  # the seller did deliver, and its message was lost
            await self._await_lost_delivery(record)
            return
        if state.status != "funded":
            return
        buyer.emit(deal, "waiting", until=agreement.deliver_by, reason="for the delivery deadline")
        await buyer.world.chain.wait_until(agreement.deliver_by + 1)
        if "code" not in buyer.journal.need(deal).body:
            buyer.journal.note(deal, "refunding", code="not_delivered", reason="not delivered by the deadline")
        await self._send_refund(deal, agreement)

    async def _send_refund(self, deal: str, agreement: Agreement) -> None:
        try:
            await self.buyer.escrow.refund(f"{deal}/refund", agreement, record=self.buyer.intend(deal, "refund"))
        except TransactionReverted as error:  # delivered or given back meanwhile: reconcile will see it
            self.buyer.emit(deal, "reverted", reason=error.reason)

    async def _await_lost_delivery(self, record: Record) -> None:
        """The chain says delivered but the seller does not show what: dispute before the review window closes."""
        buyer, deal, peer = self.buyer, record.deal, record.body["peer"]
        for _ in range(TRIES):
            await buyer.send(peer, Funded(deal=deal))
            try:
                answer = await buyer.expect(deal, peer, Delivered, patience=_patience(record))
            except TimeoutError:
                continue
            if record.state == "funded":
                record = buyer.journal.apply(deal, "accept")
            await self._check_delivery(record, answer)
            return
        if (await buyer.on_chain(record)).status == "delivered":
            self._not_shown(record, "delivery_withheld", "the seller committed to a result that it does not show")

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
        buyer, deal, agreement = self.buyer, record.deal, _agreement(record)
        arbiter = self._arbiter_address(agreement.arbiter)
        if arbiter:
            await self._complain(record, arbiter)
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

    async def _complain(self, record: Record, arbiter: str) -> None:
        """Put the case to the arbiter until it answers; take from it what the seller would not show us."""
        buyer, deal, body = self.buyer, record.deal, record.body
        complaint = Complaint(
            deal=deal,
            order=Order(**body["order"]),
            agreement=_agreement(record),
            result=body.get("result", {}),
            files=body.get("files", {}),
            seller=body["peer"],
            code=body.get("code", "disputed"),
        )
        buyer.open_inbox(deal, arbiter)
        silent = 0
        for _ in range(HEARINGS):
            await buyer.send(arbiter, complaint)
            at_work = False
            answer: Ruled | Refuse | Progress
            try:
                answer = await buyer.expect(deal, arbiter, Ruled, Refuse, Progress)
                if isinstance(answer, Progress):
                    at_work = True
                    answer = await buyer.expect(deal, arbiter, Ruled, Refuse)
            except TimeoutError:
                silent = 0 if at_work else silent + 1
                if silent == TRIES:
                    break
                continue
            if isinstance(answer, Refuse):
                buyer.emit(deal, "complaint_refused", code=answer.code, reason=answer.reason)
            elif isinstance(answer, Ruled) and answer.basis_points:
                await self._take_from_arbiter(record, arbiter, answer)
            return
        buyer.emit(deal, "silent", code="arbiter_silent", reason="the arbiter does not answer")

    async def _take_from_arbiter(self, record: Record, arbiter: str, ruled: Ruled) -> None:
        """What is paid for should be had: the arbiter passes on what the seller showed to it and not to us."""
        buyer, deal, body = self.buyer, record.deal, record.body
        files = body.get("files", {})
        if body.get("unseen"):
            state = await buyer.on_chain(record)
            if state.result[:RESULT_BYTES] != delivery_hash(ruled.result, ruled.files)[:RESULT_BYTES]:
                return
            files = dict(ruled.files)
            buyer.journal.note(deal, "shown by the arbiter", result=dict(ruled.result), files=files)
        try:
            for name in sorted(files):
                await buyer.files.fetch(deal, arbiter, files[name])
        except (DealError, RemoteProtocolError) as error:
            buyer.emit(deal, "not_passed_on", code=error.code, reason=error.message)

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
