"""Replays a segment of somebody's work, drawn after the commitment, and rules when buyer and seller disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import coase
from coase.compute.spec import parse_spec
from coase.compute.verification import draw_segment, evidence_names, replay
from coase.terms.canonical import digest

SUBJECT = {"deal", "seller", "agreement", "order", "result", "files", "commitment", "segments"}


class Validator(coase.ArbiterAgent):
    """Sells validations of computed work, and is the arbiter of deals that name it."""

    kind: ClassVar[str] = "validation"

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """One validation: one segment replayed."""
        return coase.Offering(
            kind=self.kind,
            title="Segment replay",
            description="replays one segment of a training job, drawn by my signature over the seller's commitment",
            attributes={"method": "segment_replay", "job": "train_steps"},
        )

    def refuse(self, order: coase.Order) -> coase.Refusal | None:
        """Take validations of one well-described deal."""
        if order.quantity != 1:
            return coase.Refusal("quantity_mismatch", "one validation at a time")
        try:
            _case(order.details)
        except (coase.CoaseError, ValueError, TypeError, KeyError) as error:
            return coase.Refusal("subject_malformed", f"the deal to validate is not described: {error}"[:300])
        return None

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Audit, and sign for the draw. Whatever the seller did becomes a verdict, not an error."""
        case = _case(order.details)
        commitment = bytes.fromhex(digest({"result": case.result, "files": case.files}))
        if case.order.hash != case.agreement.terms_hash or await tools.delivered(case.agreement) != commitment:
            raise coase.DealError("the seller has not committed to this result on the chain", code="not_committed")
        inputs = {name: await tools.fetch(order.deal, buyer, blob) for name, blob in sorted(order.inputs.items())}
        return coase.Delivery(result=await self._audit(case, commitment, inputs, tools), files={})

    async def judge(self, case: coase.Case, tools: coase.Tools) -> coase.Ruling:
        """Rule: goods must be what was listed and must be handed over; computed work must have passed the audit."""
        if case.order.content:
            return await self._judge_goods(case, tools)
        verdict = tools.verdict_on(case.agreement) or await self._late_audit(case, tools)
        return coase.Ruling(10_000 if verdict.get("ok") is True else 0, f"audit_{verdict.get('code')}")

    async def _late_audit(self, case: coase.Case, tools: coase.Tools) -> dict[str, Any]:
        """A buyer that had nothing validated may dispute all the same: look at the work before ruling."""
        fetched = {}
        try:
            for name, blob in sorted(case.order.inputs.items()):
                fetched[name] = await tools.fetch(case.order.deal, case.seller, blob)
        except coase.CoaseError as error:
            return {"ok": False, "code": error.code}
        return await self._audit(case, await tools.delivered(case.agreement), fetched, tools)

    async def _judge_goods(self, case: coase.Case, tools: coase.Tools) -> coase.Ruling:
        if digest(dict(case.files)) != case.order.content:
            return coase.Ruling(0, "content_mismatch")
        try:
            for blob in sorted(case.files.values()):
                await tools.fetch(case.order.deal, case.seller, blob)
        except coase.CoaseError as error:
            return coase.Ruling(0, error.code)
        return coase.Ruling(10_000, "as_ordered")

    async def _audit(
        self, case: coase.Case, commitment: bytes, inputs: dict[str, bytes], tools: coase.Tools
    ) -> dict[str, Any]:
        job = parse_spec(case.order.details["job"])
        signature = tools.audit_signature(commitment)
        count = job.segments
        segment = draw_segment(signature, commitment, count)
        evidence = await tools.evidence(case.order.deal, case.seller, evidence_names(job, segment))
        try:
            model = await tools.fetch(case.order.deal, case.seller, case.files["model"])
        except (coase.CoaseError, KeyError):
            model = b""
        name = tools.job_name(case.order.deal)
        verdict = await replay(tools.executor, job, inputs, case.result, segment, evidence, model=model, name=name)
        return {
            "ok": verdict.ok,
            "code": verdict.code,
            "detail": verdict.detail,
            "error_ppm": verdict.error_ppm,
            "segment": segment,
            "signature": signature.hex(),
        }


def _case(details: Any) -> coase.Case:
    subject = details["subject"]
    if set(subject) != SUBJECT:
        raise ValueError("it needs " + ", ".join(sorted(SUBJECT)))
    order = coase.Order(**subject["order"])
    parse_spec(order.details.get("job"))
    return coase.Case(
        order=order,
        agreement=coase.Agreement(**subject["agreement"]),
        result=dict(subject["result"]),
        files=dict(subject["files"]),
        seller=str(subject["seller"]),
    )
