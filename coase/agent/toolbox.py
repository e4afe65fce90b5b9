"""What a party lends to its author's hooks: jobs, files, the chain's word; never a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coase.agent.content import Delivery
from coase.agent.messages import Reveal, Revealed
from coase.errors import DealError, RemoteProtocolError
from coase.identity import keccak
from coase.terms.agreement import Agreement
from coase.terms.order import Order

if TYPE_CHECKING:
    from coase.agent.seller import Seller
    from coase.compute.executor import Executor, JobResult
    from coase.compute.spec import JobSpec

AUDIT = b"coase audit v1"


class Toolbox:
    """Implements `coase.agent.content.Tools` for a seller."""

    def __init__(self, party: Seller) -> None:
        self._party = party

    @property
    def seed(self) -> int:
        """What the agent's random choices derive from, below 2**63."""
        return self._party.world.seed % 2**63

    @property
    def address(self) -> str:
        """The agent's own address."""
        return self._party.address

    @property
    def executor(self) -> Executor:
        """Runs jobs; the validator's replays go here."""
        return self._party.world.executor

    async def run(
        self,
        name: str,
        spec: JobSpec,
        files: Mapping[str, bytes],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> JobResult:
        """Run a job under a name of the agent's own; an interrupted one goes on from its last checkpoint."""
        return await self.executor.run(self.job_name(name), spec, files, on_progress=progress, resume=True)

    def job_name(self, name: str) -> str:
        """What the executor calls a job of this agent."""
        return f"{self._party.name}.{name}"

    async def fetch(self, deal: str, peer: str, blob: str) -> bytes:
        """A file of a deal from a counterparty, checked against its SHA-256."""
        return await self._party.files.fetch(deal, peer, blob)

    def goods(self, order: Order) -> Delivery:
        """The files that were listed, ready to hand over."""
        files = {name: self._party.blobs.need(blob) for name, blob in self._party.goods.items()}
        return Delivery(result={"content": order.content, "files": len(files)}, files=files)

    async def evidence(self, deal: str, peer: str, names: Sequence[str]) -> dict[str, bytes]:
        """Evidence of a seller's work, as the arbiter of that deal; what is withheld is missing."""
        found = {}
        try:
            shown = await self._party.ask(peer, Reveal(deal=deal, names=list(names)), Revealed)
            for name in names:
                if name in shown.evidence:
                    found[name] = await self.fetch(deal, peer, shown.evidence[name])
        except (TimeoutError, DealError, RemoteProtocolError) as error:
            self._party.emit(deal, "withheld", reason=str(error) or "the seller does not answer")
        return found

    async def delivered(self, agreement: Agreement) -> bytes:
        """The hash that the seller committed to on the chain, 32 bytes; empty before delivery."""
        return await self._party.escrow.result_hash(agreement) or b""

    def verdict_on(self, agreement: Agreement) -> dict[str, Any] | None:
        """The result of a validation that this agent delivered about an agreement, or None.

        Names of deals prove nothing: whoever orders a validation could give it any.
        """
        for record in self._party.journal.deals("seller"):
            subject = record.body["order"]["details"].get("subject")
            about = subject.get("agreement") if isinstance(subject, dict) else None
            if about == agreement.model_dump(mode="json") and "result" in record.body:
                return dict(record.body["result"])
        return None

    def audit_signature(self, commitment: bytes) -> bytes:
        """The signature that draws the audited segment (RFC 6979: one for each commitment)."""
        return self._party.identity.sign(audit_digest(commitment))


def audit_digest(commitment: bytes) -> bytes:
    """What an auditor signs to draw a segment: bound to the purpose, so that no other signature can be passed off."""
    return keccak(AUDIT + commitment)
