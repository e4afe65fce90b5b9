"""The pool's compiled interface: what a validator's program relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Artifact = Callable[[str], dict[str, Any]]


def test_a_vote_is_one_slot_and_a_seat_another(artifact: Artifact) -> None:
    """Committing and revealing rewrite a slot that the draw made; a seat is read at once."""
    types = artifact("ValidatorPool")["storageLayout"]["types"]
    for struct in ("Vote", "Seat"):
        assert {member["slot"] for member in types[f"t_struct({struct})_storage"]["members"]} == {"0"}


def test_voting_reads_one_slot_of_a_case(artifact: Artifact) -> None:
    """Phase and end of the voting lie in the case's first slot."""
    members = artifact("ValidatorPool")["storageLayout"]["types"]["t_struct(Case)_storage"]["members"]
    slots = {member["label"]: member["slot"] for member in members}
    assert slots["phase"] == slots["commitEnd"] == slots["payer"] == "0"


def test_a_jury_is_in_the_event(artifact: Artifact) -> None:
    """A validator learns from one event that its seat is drawn, and until when it can commit."""
    event = next(entry for entry in artifact("ValidatorPool")["abi"] if entry.get("name") == "Drawn")
    assert [(field["name"], field["type"], field["indexed"]) for field in event["inputs"]] == [
        ("id", "bytes32", True),
        ("seats", "uint256[]", False),
        ("commitEnd", "uint256", False),
    ]
