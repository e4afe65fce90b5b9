"""The buyer's checks before it pays: validators that cheat, and deliveries made to break the audit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import coase
from coase.agent import inspection
from coase.agent.inspection import TRIES
from coase.money import DOLLAR

AUDITED = {"kind": "compute", "unit": "step", "quantity": 2, "audit": True}


async def _audited(town: Any, agents: Any, judge: Any = None, agent: Any = None, **buyer: Any) -> coase.Deal:
    await town.seller("seller", agent or agents.Workshop(list_price="0.50", floor_price="0.30"))
    if judge is not None:
        await town.arbiter(judge(list_price="0.40", floor_price="0.30"))
    deal: coase.Deal = await (await town.buyer(**buyer)).buy(coase.Want(**AUDITED))
    return deal


def _verdict(agents: Any, **changes: Any) -> Any:
    """A validator whose verdicts are bent."""

    class Bent(agents.Judge):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            honest = await super().perform(order, buyer, tools, progress)
            return coase.Delivery({**honest.result, **changes}, {})

    return Bent


async def test_a_good_verdict_pays_the_seller(town: Any, agents: Any) -> None:
    """One validation, then the release."""
    deal = await _audited(town, agents, agents.Judge)
    assert (deal.status, deal.code) == ("settled", "validated")
    assert len(town.parties["buyer"].journal.deals()) == 2


async def test_a_bad_verdict_is_disputed_and_the_arbiter_stands_by_it(town: Any, agents: Any) -> None:
    """The work fails the audit: the dispute carries the verdict's code."""

    class Strict(_verdict(agents, ok=False, code="mismatch", detail="another result")):  # type: ignore[misc]  # a class from a fixture
        async def judge(self, case: Any, tools: Any) -> coase.Ruling:
            verdict = tools.verdict_on(case.agreement)
            return coase.Ruling(10_000 if verdict["ok"] else 0, f"audit_{verdict['code']}")

    deal = await _audited(town, agents, Strict)
    assert (deal.status, deal.code) == ("ruled", "audit_mismatch")
    assert "another result" in deal.reason
    assert deal.body["to_seller"] == 0
    assert "seller" not in await town.gained()


@pytest.mark.parametrize(
    ("code", "changes", "tries"),
    [
        ("verdict_unsigned", {"signature": "11" * 65}, TRIES),
        ("verdict_unsigned", {"signature": "not hexadecimal"}, 1),
        ("verdict_unsigned", {"signature": 7}, 1),
        ("segment_not_drawn", {"segment": 1}, 1),
        ("segment_not_drawn", {"segment": "0"}, 1),
        ("segment_not_drawn", {"segment": False}, 1),
        ("verdict_malformed", {"ok": "yes"}, 1),
        ("verdict_malformed", {"code": 1}, 1),
    ],
)
async def test_verdicts_that_do_not_count(
    town: Any, agents: Any, code: str, changes: dict[str, Any], tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict that is unsigned, about another segment, or says neither yes nor no is disputed, after the delivery
    itself is: the review window of that does not wait for rulings on validations.
    """
    monkeypatch.setattr(inspection, "TRIES", tries)
    town.impatient()
    deal = await _audited(town, agents, _verdict(agents, **changes))
    records = town.parties["buyer"].journal.deals()
    validations = [record for record in records if record.body["order"]["kind"] == "validation"]
    assert len(validations) == tries
    assert {record.body["code"] for record in validations} == {code}
    assert all(record.state == "ruled" for record in validations)
    assert (deal.status, deal.code) == ("ruled", "not_validated")
    assert not town.failures


@pytest.mark.parametrize(
    "result",
    [{"checkpoints": 7}, {"checkpoints": {"a": 1}}, {"checkpoints": ["x"] * 50}, {"padding": "y" * 48_000}],
    ids=["number", "mapping", "too many", "too large for an order"],
)
async def test_results_made_to_break_the_audit(town: Any, agents: Any, result: dict[str, Any]) -> None:
    """Whatever a seller puts into its result, the buyer ends the deal on its feet."""

    class Sly(agents.Workshop):  # type: ignore[misc]  # a class from a fixture
        async def perform(self, order: Any, buyer: str, tools: Any, progress: Any) -> coase.Delivery:
            return coase.Delivery(result, {})

    agent = Sly(list_price="0.50", floor_price="0.30")
    deal = await _audited(town, agents, agents.Judge, agent)
    assert (deal.status, deal.code) in (("settled", "validated"), ("ruled", "not_validated"))
    assert not town.failures
    assert sum((await town.gained()).values()) == 0


async def test_nobody_validates(town: Any, agents: Any) -> None:
    """Without any validator an audited purchase does not begin: nobody could rule on a dispute."""
    with pytest.raises(coase.DealError) as caught:
        await _audited(town, agents)
    assert caught.value.code == "no_arbiter"
    assert caught.value.hint
    assert not town.parties["buyer"].journal.deals()


async def test_a_mandate_too_small_for_the_audit(town: Any, agents: Any) -> None:
    """A delivery that the buyer may not have validated goes to the arbiter, who decides without being paid."""
    town.impatient()
    deal = await _audited(town, agents, agents.Judge, ceilings={"validation": "0.01"})
    assert (deal.status, deal.code) == ("ruled", "not_validated")
    assert deal.price is not None
    assert (await town.gained()) == {"seller": deal.price, "buyer": -deal.price}


async def test_a_file_that_takes_forever(town: Any, agents: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching is bounded as a whole, so that no trickle outlasts the review window."""
    await town.seller()
    await town.arbiter()
    buyer = await town.buyer()
    monkeypatch.setattr(inspection, "PATIENCES", 0.001)

    async def forever(*_: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(buyer.files, "fetch", forever)
    buying = buyer.spawn(buyer.buy(coase.Want(kind="dataset")))
    await town.until(lambda: "file_withheld" in town.codes("buyer"))
    monkeypatch.undo()
    deal = await buying
    assert (deal.status, deal.code) == ("ruled", "file_withheld")
    assert deal.price is not None
    assert deal.price > DOLLAR
