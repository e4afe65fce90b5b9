"""The channels' compiled interface beside x402 batch settlement: names, types and hashes as its SDKs have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coase.identity import keccak

Artifact = Callable[[str], dict[str, Any]]

# As the x402 Python SDK 2.25.0 has them (x402.mechanisms.evm.batch_settlement: constants.py, abi.py).
CONFIG_TYPE = (
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,"
    "address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
)
VOUCHER_TYPE = "Voucher(bytes32 channelId,uint128 maxClaimableAmount)"
CONFIG = [
    ("payer", "address"),
    ("payerAuthorizer", "address"),
    ("receiver", "address"),
    ("receiverAuthorizer", "address"),
    ("token", "address"),
    ("withdrawDelay", "uint40"),
    ("salt", "bytes32"),
]
SHARED = {
    "claim": ["tuple[]"],
    "settle": ["address", "address"],
    "initiateWithdraw": ["tuple", "uint128"],
    "finalizeWithdraw": ["tuple"],
    "refund": ["tuple", "uint128"],
    "getChannelId": ["tuple"],
    "channels": ["bytes32"],
    "pendingWithdrawals": ["bytes32"],
    "receivers": ["address", "address"],
    "getVoucherDigest": ["bytes32", "uint128"],
}


def _entry(artifact: Artifact, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        entry for entry in artifact("PaymentChannels")["abi"] if entry.get("name") == name and "inputs" in entry
    )
    return found


def _fields(parts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(part["name"], part["type"]) for part in parts]


def test_the_structs_are_the_standards(artifact: Artifact) -> None:
    """Names, types and order of a config and of a claim, field by field."""
    assert _fields(_entry(artifact, "getChannelId")["inputs"][0]["components"]) == CONFIG
    claim = _entry(artifact, "claim")["inputs"][0]["components"]
    assert _fields(claim) == [("voucher", "tuple"), ("signature", "bytes"), ("totalClaimed", "uint128")]
    voucher = claim[0]["components"]
    assert _fields(voucher) == [("channel", "tuple"), ("maxClaimableAmount", "uint128")]
    assert _fields(voucher[0]["components"]) == CONFIG


def test_the_functions_that_both_have_take_the_same(artifact: Artifact) -> None:
    """Deposits differ (x402 has collector contracts); everything after them is called alike."""
    for name, kinds in SHARED.items():
        assert [part["type"] for part in _entry(artifact, name)["inputs"]] == kinds, name
    assert _fields(_entry(artifact, "channels")["outputs"]) == [("balance", "uint128"), ("totalClaimed", "uint128")]
    assert _fields(_entry(artifact, "Settled")["inputs"]) == [
        ("receiver", "address"),
        ("token", "address"),
        ("sender", "address"),
        ("amount", "uint128"),
    ]


def test_the_typehashes_are_in_the_code(artifact: Artifact) -> None:
    """What the contract hashes is what the standard prints."""
    code = artifact("PaymentChannels")["deployedBytecode"]
    for kind in (CONFIG_TYPE, VOUCHER_TYPE):
        assert keccak(kind.encode()).hex() in code


def test_a_claim_touches_one_slot_of_a_channel(artifact: Artifact) -> None:
    """The balance, what is claimed and the state of a withdrawal lie in one storage slot."""
    layout = artifact("PaymentChannels")["storageLayout"]
    members = layout["types"]["t_struct(Channel)_storage"]["members"]
    assert [(m["label"], m["slot"], m["offset"]) for m in members] == [
        ("balance", "0", 0),
        ("totalClaimed", "0", 12),
        ("initiatedAt", "0", 24),
        ("contested", "0", 29),
        ("withdrawing", "1", 0),
    ]
