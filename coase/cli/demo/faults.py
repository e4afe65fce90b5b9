"""What can go wrong on purpose, what should then happen, and whether it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """A fault that the demo injects.

    Args:
        name: of the `--fault` option.
        what: what goes wrong, for people.
        expected: the right ending.
        codes: the machine-readable reasons that are right.
    """

    name: str
    what: str
    expected: str
    codes: frozenset[str]


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "tampered-listing",
            "a stranger lowers the price in a signed listing and publishes it",
            "refused",
            frozenset({"listing_tampered"}),
        ),
        Fault(
            "overspend",
            "the buyer's strategy agrees to more than its owner allows",
            "refused",
            frozenset({"mandate_ceilings"}),
        ),
        Fault(
            "no-delivery",
            "a provider takes the order and never works",
            "refunded",
            frozenset({"not_delivered"}),
        ),
        Fault(
            "tampered-result",
            "a provider does other work than was ordered, and commits to it",
            "refunded",
            frozenset({"audit_mismatch"}),
        ),
        Fault(
            "crash",
            "a provider's worker is killed in mid-job, and the provider with it",
            "settled",
            frozenset({"validated", "not_delivered", "worker_died"}),
        ),
    )
}


def judge(fault: Fault, *, refused: str, crashed: bool, deals: list[dict[str, Any]], conserved: bool) -> dict[str, Any]:
    """What happened under a fault: name, expected, happened, code, ok.

    Args:
        fault: what was injected.
        refused: the registry's code, for a tampered listing.
        crashed: whether a worker was really killed.
        deals: the rows of the demo's result.
        conserved: whether the sum of all balances is what it was.
    """
    happened, code = "nothing", ""
    if fault.name == "tampered-listing":
        happened, code = ("refused", refused) if refused else ("taken", "")
    else:
        for deal in deals:
            if deal["kind"] != "compute" or deal["reason"] not in fault.codes:
                continue
            happened, code = deal["status"], deal["reason"]
            if happened == "ruled" and deal["paid"] == 0:
                happened = "refunded"
            break
    right = happened == fault.expected or (fault.name == "crash" and happened in ("settled", "refunded"))
    ok = right and code in fault.codes and conserved and (crashed or fault.name != "crash")
    return {"name": fault.name, "expected": fault.expected, "happened": happened, "code": code, "ok": ok}
