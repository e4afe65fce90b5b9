"""The arbiter's side of a dispute: check the papers, let the agent judge, put the ruling on the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coase.agent.content import ArbiterAgent, Case
from coase.agent.journal import Record
from coase.agent.messages import Complaint, Refuse, Ruled, delivery_hash
from coase.errors import CoaseError, DealError, TransactionReverted
from coase.identity import account_at
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.seller import Seller

RESULT_BYTES = 26  # of the result hash, kept by the escrow


class Judge:
    """Rules on complaints about deals that name this party as arbiter. Each is journalled before the ruling is sent."""

    def __init__(self, party: Seller, agent: ArbiterAgent) -> None:
        self.party, self.agent = party, agent

    async def hear(self, sender: str, complaint: Complaint) -> None:
        """Take up a complaint, or say why not."""
        name = ruling_name(complaint.deal)
        party = self.party
        try:
            if party.journal.get(name) is None:
                await self._check(sender, complaint)
                body = {
                    "peer": sender,
                    "subject": complaint.deal,
                    "complaint": complaint.code,
                    "order": complaint.order.model_dump(mode="json"),
                    "agreement": complaint.agreement.model_dump(),
                    "result": dict(complaint.result),
                    "files": dict(complaint.files),
                    "seller": complaint.seller,
                }
                party.moved(party.journal.open(name, "arbiter", body, state="disputed"))
            await self.rule(name)
        except CoaseError as error:
            await party.send(sender, Refuse(deal=complaint.deal, code=error.code, reason=error.message[:300]))

    async def _check(self, sender: str, complaint: Complaint) -> None:
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
        committed = delivery_hash(complaint.result, complaint.files)
        if state.result[:RESULT_BYTES] != committed[:RESULT_BYTES]:
            raise DealError("the seller committed to another result", code="result_mismatch")

    async def rule(self, name: str) -> None:
        """Judge and put the ruling on the chain; safe to call again after a crash."""
        party = self.party
        record = await party.reconcile(name)
        if not record.ended:
            record = await self._decide(record)
        body = record.body
        points, code = body.get("basis_points", 0), body.get("code", "ruled_elsewhere")
        await party.send(body["peer"], Ruled(deal=body["subject"], basis_points=points, code=code))

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


def ruling_name(deal: str) -> str:
    """The name under which an arbiter journals its ruling on a deal."""
    return f"ruling.{deal}"
