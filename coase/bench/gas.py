"""What each contract call costs in transaction gas, beside reference designs; measured by the contracts' forge tests.

The references are costs of deployed designs, measured once with the compiler settings of their authors: MPE is
SingularityNET's multi-party escrow, ERC-8004 the reference registries, the token rows OpenZeppelin 5.7 as it comes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coase.bench.row import Row
from coase.errors import ConfigurationError
from coase.loading import content


@dataclass(frozen=True)
class Reference:
    """A cost to compare with.

    Args:
        limit: the most that we allow ourselves; None where that follows from the peer.
        peer: the reference's units of gas; None where nobody offers the same.
    """

    limit: int | None = None
    peer: int | None = None
    peer_name: str | None = None


MPE, ERC_8004, OPENZEPPELIN = "SingularityNET MPE", "ERC-8004 reference", "OpenZeppelin 5.7"
REFERENCES: Mapping[str, Reference] = {
    "channel_open": Reference(90_000, 189_706, MPE),
    "channel_claim": Reference(52_000, 50_229, f"{MPE}, no payout"),
    "channel_claim_batched": Reference(26_000, 44_630, f"{MPE}, 10 at once"),
    "channel_settle": Reference(48_000, 46_315, f"{MPE} withdraw"),
    "escrow_open": Reference(175_000),
    "escrow_deliver": Reference(40_000),
    "escrow_release": Reference(58_000),
    "agent_register": Reference(140_000, 106_924, ERC_8004),
    "feedback_first": Reference(110_000, 213_244, ERC_8004),
    "feedback_repeat": Reference(70_000, 131_394, ERC_8004),
    "feedback_first_with_receipt": Reference(peer=213_244, peer_name=f"{ERC_8004}, which asks for no receipt"),
    "feedback_repeat_with_receipt": Reference(peer=131_394, peer_name=f"{ERC_8004}, which asks for no receipt"),
    "vote_commit": Reference(60_000, 190_865, f"{ERC_8004} validation request"),
    "vote_reveal": Reference(60_000, 130_008, f"{ERC_8004} validation response"),
    "asset_mint": Reference(80_708, 73_371, f"{OPENZEPPELIN} ERC-721"),
    "hours_mint": Reference(51_426, 46_751, f"{OPENZEPPELIN} ERC-6909"),
    "token_clone": Reference(150_254, 136_595, f"{OPENZEPPELIN} ERC-20 clone"),
}


# What a client pays in all before its words count: ours takes a settled deal's receipt in a transaction of its own.
SUMS: Mapping[str, tuple[str, str]] = {
    "feedback_first_with_receipt": ("receipt_use", "feedback_first"),
    "feedback_repeat_with_receipt": ("receipt_use_again", "feedback_repeat"),
}


def rows() -> Iterator[Row]:
    """A row for each case that the contracts' tests measure, and for their sums: those with a reference first."""
    measured = _measure()
    sums = {case: [measured.get(part) for part in parts] for case, parts in SUMS.items()}
    measured |= {case: sum(filter(None, parts)) for case, parts in sums.items() if all(parts)}
    for case in [*(known for known in REFERENCES if known in measured), *sorted(measured.keys() - REFERENCES.keys())]:
        found = REFERENCES.get(case, Reference())
        limit = None if found.limit is None else float(found.limit)
        yield Row(case, "gas", measured[case], found.peer, found.peer_name, less_is_better=True, limit=limit)


def _measure() -> dict[str, int]:
    """Run contracts/gas.py, which is content: loaded by its path."""
    path = content("skills").parent / "contracts" / "gas.py"  # beside the skills of a clone
    spec = importlib.util.spec_from_file_location("contracts_gas", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise ConfigurationError(
            "gas is measured by the contracts' tests, which an installed package does not have",
            hint="run this in a clone of the repository",
            code="no_contract_tests",
        )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    try:
        measured: dict[str, int] = script.measure()
    except script.NotMeasured as error:
        raise ConfigurationError(str(error), hint="make test installs what is needed", code="no_forge") from error
    return measured
