"""The demo's result as data: everything but `timings` is the same for the same seed."""

from __future__ import annotations

import resource
import sys
from typing import Any

from coase.agent.journal import Record
from coase.agent.judge import ruling_name
from coase.agent.party import Party
from coase.cli.demo.faults import judge
from coase.cli.demo.play import Play


def outcome(play: Play, after: dict[str, int]) -> dict[str, Any]:
    """One JSON object; the form is promised in the README.

    Args:
        play: a demo that has run, its market still open.
        after: the balances at the end.
    """
    names = {party.address: name for name, party in play.market.parties.items()}
    deals = [_row(record, names, list(play.market.parties.values())) for record in play.buyer.journal.deals("buyer")]
    conserved = sum(play.before.values()) == sum(after.values()) and after["escrow"] == 0
    found: dict[str, Any] = {
        "seed": play.seed,
        "deals": deals,
        "accuracy": play.accuracy,
        "balances": {"before": play.before, "after": after},
        "conserved": conserved,
        "open": play.market.open_deals(),
    }
    if play.fault is not None:
        found["fault"] = judge(play.fault, refused=play.refused, crashed=play.crashed, deals=deals, conserved=conserved)
    return found


def succeeded(found: dict[str, Any]) -> bool:
    """Whether the right thing happened: with a fault, what was expected; without, every purchase settled."""
    if "fault" in found:
        return bool(found["fault"]["ok"]) and not found["open"]
    settled = {deal["kind"] for deal in found["deals"] if deal["status"] == "settled"}
    return bool(found["conserved"]) and not found["open"] and settled >= {"dataset", "model", "compute", "validation"}


def _row(record: Record, names: dict[str, str], parties: list[Party]) -> dict[str, Any]:
    body, deal = record.body, record.deal
    agreed = body["agreement"]["price"] if "agreement" in body else None
    ruling = ruling_name(deal, body.get("escrow_id", ""))
    sent = sorted(
        {row for party in parties for row in party.transactions(f"{deal}/", f"{ruling}/")},
        key=lambda row: (row[2], row[0]),
    )
    return {
        "deal": deal,
        "kind": body["order"]["kind"],
        "seller": names.get(body["peer"], body["peer"]),
        "list_price": body["list_price"],
        "quote": body.get("quote", 0) * body["order"]["quantity"] or None,
        "agreed_price": agreed,
        "paid": _paid(record, agreed),
        "rounds": body.get("rounds", 0),
        "status": record.state,
        "reason": body.get("code", record.state),
        "explanation": body.get("reason", ""),
        "transactions": {intent.rpartition("/")[2]: transaction for intent, transaction, _, _ in sent},
        "gas": sum(gas for _, _, _, gas in sent),
    }


def _paid(record: Record, agreed: int | None) -> int:
    """What the seller got in the end, base units."""
    if record.state == "settled":
        return int(agreed or 0)
    return int(record.body.get("to_seller", 0))


def memory_mib() -> dict[str, int]:
    """Peak resident memory: of this process, and of the largest child."""
    scale = 2**20 if sys.platform == "darwin" else 2**10
    own, children = (
        resource.getrusage(who).ru_maxrss // scale for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"market": own, "largest_worker": children}
