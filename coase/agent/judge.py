"""The arbiter's side of a dispute: check the papers, let the agent judge, put the ruling on the chain."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

from coase.agent.content import ArbiterAgent, Case
from coase.agent.journal import Record
from coase.agent.messages import Complaint, Delivered, Progress, Refuse, Reveal, Ruled, delivery_hash
from coase.errors import CoaseError, DealError, TransactionReverted
from coase.identity import account_at
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.seller import Seller

RESULT_BYTES = 24  # of the result hash, kept by the escrow
TRIES = 3  # at a message that may have been lost


class Judge:
    """Rules on complaints about deals that name this party as arbiter. Each is journalled before the ruling is sent."""

    def __init__(self, party: Seller, agent: ArbiterAgent) -> None:
        self.party, self.agent = party, agent
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def hear(self, sender: str, complaint: Complaint) -> None:
        """Take up a complaint, or say why not."""
        party = self.party
        await party.send(sender, Progress(deal=complaint.deal, done=0, of=1))
        name = ruling_name(complaint.deal, party.escrow.digest(complaint.agreement).hex())
        try:
            async with self._turns.setdefault(name, asyncio.Lock()):
                if party.journal.get(name) is None:
                    await self._open(name, sender, complaint)
            await self.rule(name)
        except CoaseError as error:
            await party.send(sender, Refuse(deal=complaint.deal, code=error.code, reason=error.message[:300]))

    async def _open(self, name: str, sender: str, complaint: Complaint) -> None:
        shown = await self._check(sender, complaint)
        body = {
            "peer": sender,
            "subject": complaint.deal,
            "complaint": complaint.code,
            "order": complaint.order.model_dump(mode="json"),
            "agreement": complaint.agreement.model_dump(),
            "result": dict(shown.result) if shown else {},
            "files": dict(shown.files) if shown else {},
            "seller": complaint.seller,
            **({} if shown else {"basis_points": 0, "code": "delivery_withheld"}),
        }
        self.party.moved(self.party.journal.open(name, "arbiter", body, state="disputed"))

    async def _check(self, sender: str, complaint: Complaint) -> Complaint | Delivered | None:
        """Refuse forged papers. Returns whoever's word fits the hash on the chain, the seller's if need be, or None."""
        agreement = complaint.agreement
        if account_at(sender) != agreement.buyer or account_at(complaint.seller) != agreement.seller:
            raise DealError("the parties are not those of the agreement", code="wrong_parties")
        if agreement.arbiter != self.party.identity.account:
            raise DealError("the agreement names another arbiter", code="wrong_arbiter")
        if complaint.order.hash != agreement.terms_hash:
            raise DealError("the order is not the one that was signed", code="order_mismatch")
        state = await self.party.escrow.status(agreement)
        if state.status != "disputed":
            raise DealError(f"the escrow says {state.status}, not disputed", code="not_disputed")
        if _fits(complaint, state.result):
            return complaint
        for _ in range(TRIES):
            try:
                shown = await self.party.ask(complaint.seller, Reveal(deal=complaint.deal, names=[]), Delivered)
            except TimeoutError:
                continue
            return shown if _fits(shown, state.result) else None
        return None

    async def rule(self, name: str) -> None:
        """Judge and put the ruling on the chain; safe to call again, also after a crash."""
        party = self.party
        async with self._turns.setdefault(name, asyncio.Lock()):
            record = await party.reconcile(name)
            if not record.ended:
                record = await self._decide(record)
        body = record.body
        ruled = Ruled(
            deal=body["subject"],
            basis_points=body.get("basis_points", 0),
            code=body.get("code", "ruled_elsewhere"),
            result=body["result"],
            files=body["files"],
        )
        await party.send(body["peer"], ruled)

    def entitled(self, buyer: str, deal: str, blob: str) -> bool:
        """A buyer that has to pay may have the files from us, should the seller not have shown them."""
        for record in self.party.journal.deals("arbiter"):
            body = record.body
            if record.state == "ruled" and body["subject"] == deal and body["agreement"]["buyer"] == buyer:
                return body.get("basis_points", 0) > 0 and blob in body["files"].values()
        return False

    async def _decide(self, record: Record) -> Record:
        party, body = self.party, record.body
        agreement = Agreement(**body["agreement"])
        if "basis_points" not in body:
            case = Case(Order(**body["order"]), agreement, body["result"], body["files"], body["seller"])
            ruling = await self.agent.judge(case, party.tools)
            record = party.journal.note(record.deal, "judged", basis_points=ruling.basis_points, code=ruling.code)
            body = record.body
        try:
            intent = f"{record.deal}/rule"
            await party.escrow.rule(intent, agreement, body["basis_points"], record=party.intend(record.deal, "rule"))
        except TransactionReverted:
            settled = await party.reconcile(record.deal)
            if not settled.ended:
                raise
            return settled
        return party.moved(
            party.journal.apply(record.deal, "rule"), basis_points=body["basis_points"], code=body["code"]
        )

    async def resume(self) -> None:
        """Finish rulings that a crash interrupted."""
        for record in self.party.journal.deals("arbiter", open_only=True):
            self.party.spawn(self.rule(record.deal))


def _fits(shown: Complaint | Delivered, committed: bytes) -> bool:
    return delivery_hash(shown.result, shown.files)[:RESULT_BYTES] == committed[:RESULT_BYTES]


def ruling_name(deal: str, escrow_id: str) -> str:
    """The name under which an arbiter journals its ruling on a deal.

    No order can have a name with a colon, and two deals of one name differ in the escrow's id (hexadecimal).
    """
    return f"ruling:{deal}:{escrow_id[:32]}"
