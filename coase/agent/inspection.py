"""Is what was delivered what was ordered? The buyer's checks before it pays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from coase.agent.journal import Record
from coase.agent.toolbox import audit_digest
from coase.agent.want import Want
from coase.compute.spec import parse_spec
from coase.compute.verification import draw_segment
from coase.errors import CoaseError, DealError, SignatureError
from coase.identity import account_at, verify
from coase.terms.agreement import Agreement
from coase.terms.canonical import digest

if TYPE_CHECKING:
    from coase.agent.buyer import Buyer


TRIES = 3  # validations ordered for one delivery before giving up
LEAST_SECONDS = 10  # that a validator needs
PATIENCES = 20  # that fetching all files of a delivery may take


@dataclass(frozen=True)
class Finding:
    """What an inspection found: a code, and a sentence."""

    ok: bool
    code: str
    reason: str

    @property
    def hash(self) -> bytes:
        """What goes on the chain with a dispute: SHA-256 of the canonical code and reason."""
        return bytes.fromhex(digest([self.code, self.reason]))


GOOD = Finding(True, "as_ordered", "what was delivered is what was ordered")


class Inspection:
    """Fetches what was delivered and compares it with the order; has computed work audited by a validator."""

    def __init__(self, buyer: Buyer) -> None:
        self.buyer = buyer

    async def inspect(self, record: Record) -> Finding:
        """Look at a delivery. Never raises for what the seller did: that is a finding."""
        if record.body.get("unseen"):
            return Finding(False, record.body["code"], record.body["reason"])
        try:
            fault = await self._fetch_all(record)
            if fault is not None:
                return fault
            kind = record.body["order"]["kind"]
            if kind == "validation":
                return await self._verdict(record)
            if record.body["audit"]:
                return await self._audit(record)
        except ValidationError:  # the subject of a validation must fit into an order
            return Finding(False, "not_validated", "the delivery is too large to be validated")
        except CoaseError as error:
            return Finding(False, error.code, error.message)
        return GOOD

    async def _fetch_all(self, record: Record) -> Finding | None:
        content, files = record.body["order"]["content"], record.body["files"]
        if content and digest(files) != content:
            return Finding(False, "content_mismatch", "the files are not those that the listing promised")
        try:
            async with asyncio.timeout(PATIENCES * self.buyer.world.patience):
                for name in sorted(files):
                    await self.buyer.files.fetch(record.deal, record.body["peer"], files[name])
        except TimeoutError:
            return Finding(False, "file_withheld", "the files come too slowly to be looked at within the review window")
        return None

    async def _verdict(self, record: Record) -> Finding:
        """A validation: is the audited segment the one that the validator's signature drew?"""
        result, body = record.body["result"], record.body
        subject = body["order"]["details"]["subject"]
        try:
            commitment = bytes.fromhex(subject["commitment"])
            signature = bytes.fromhex(str(result.get("signature", "")))
            verify(audit_digest(commitment), signature, account_at(body["peer"]))
            drawn = draw_segment(signature, commitment, int(subject["segments"]))
        except (SignatureError, ValueError) as error:
            return Finding(False, "verdict_unsigned", f"the verdict is not signed as it must be: {error}")
        if type(result.get("segment")) is not int or result["segment"] != drawn:
            return Finding(False, "segment_not_drawn", "the audited segment is not the one that was drawn")
        if not isinstance(result.get("ok"), bool) or not isinstance(result.get("code"), str):
            return Finding(False, "verdict_malformed", "the verdict says neither yes nor no")
        return GOOD

    async def _audit(self, record: Record) -> Finding:
        """Have the deal's arbiter validate the delivery, once, and take its word."""
        verdict = await self._validation(record)
        if verdict is None:
            return Finding(False, "not_validated", "no validator gave a verdict on this delivery")
        code, detail = str(verdict.get("code")), str(verdict.get("detail", ""))
        if verdict.get("ok") is True:
            return Finding(True, "validated", f"segment {verdict['segment']} replays to what was committed")
        return Finding(False, f"audit_{code}", f"segment {verdict['segment']} does not hold: {detail or code}")

    async def _validation(self, record: Record) -> dict[str, Any] | None:
        """The verdict of a settled validation of this deal. One that a crash interrupted is finished, never doubled."""
        verdict = await self._settled_validation(record)
        for tries_left in range(TRIES, 0, -1):
            within = min(record.body["within"], await self._review_left(record) // (2 * tries_left))
            if verdict is not None or within < LEAST_SECONDS:
                break
            try:
                await self._order_validation(record, within)
            except DealError as error:
                self.buyer.emit(record.deal, "not_validated", code=error.code, reason=error.message)
            verdict = await self._settled_validation(record)
        return verdict

    async def _settled_validation(self, record: Record) -> dict[str, Any] | None:
        for earlier in self.validations(record.deal):
            finished = earlier if earlier.ended else await self.buyer.finish(earlier)
            if finished.state == "settled":
                return dict(finished.body["result"])
        return None

    def validations(self, deal: str) -> list[Record]:
        """The validations that were ordered for a deal."""
        return [record for record in self.buyer.journal.deals("buyer") if subject_of(record) == deal]

    async def _review_left(self, record: Record) -> int:
        """Seconds in which the delivery may still be disputed."""
        state, now = await self.buyer.on_chain(record), await self.buyer.world.chain.now()
        return max(0, state.at + int(record.body["agreement"]["review_seconds"]) - now)

    async def _order_validation(self, record: Record, within: int) -> None:
        buyer, body = self.buyer, record.body
        agreement = Agreement(**body["agreement"])
        commitment = await buyer.escrow.result_hash(agreement)
        if commitment is None:
            raise DealError("nothing was delivered that could be validated", code="not_delivered")
        subject = {
            "deal": record.deal,
            "seller": body["peer"],
            "agreement": body["agreement"],
            "order": body["order"],
            "result": body["result"],
            "files": body["files"],
            "commitment": commitment.hex(),
            "segments": _segments(body["order"]),
        }
        validators = [
            v for v in buyer.world.registry.search("kind=validation", limit=100) if v.account == agreement.arbiter
        ]
        want = Want(kind="validation", details={"subject": subject}, inputs=body["order"]["inputs"])
        await buyer.buy(want, within, sellers=validators[:1])


def subject_of(record: Record) -> str:
    """The deal that a purchase validates; "" when it is no validation."""
    order = record.body["order"]
    return str(order["details"]["subject"]["deal"]) if order["kind"] == "validation" else ""


def _segments(order: dict[str, Any]) -> int:
    """What the validator draws from: it depends on what was ordered, never on what the seller says."""
    job = order["details"].get("job")
    return parse_spec(job).segments if job is not None else 1
