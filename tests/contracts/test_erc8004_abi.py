"""The compiled interfaces beside ERC-8004: each function and event, its selector, and which fields are indexed.

Signatures and selectors are those of the standard's text and of its authors' deployed registries (version 2.0.0).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coase.identity import keccak

Artifact = Callable[[str], dict[str, Any]]

# signature -> (selector, what it returns)
IDENTITY = {
    "register()": ("1aa3a008", ["uint256"]),
    "register(string)": ("f2c298be", ["uint256"]),
    "register(string,(string,bytes)[])": ("8ea42286", ["uint256"]),
    "setAgentURI(uint256,string)": ("0af28bd3", []),
    "getMetadata(uint256,string)": ("cb4799f2", ["bytes"]),
    "setMetadata(uint256,string,bytes)": ("466648da", []),
    "setAgentWallet(uint256,address,uint256,bytes)": ("2d1ef5ae", []),
    "getAgentWallet(uint256)": ("00339509", ["address"]),
    "unsetAgentWallet(uint256)": ("3fddcf19", []),
    "tokenURI(uint256)": ("c87b56dd", ["string"]),
    "ownerOf(uint256)": ("6352211e", ["address"]),
    "balanceOf(address)": ("70a08231", ["uint256"]),
    "transferFrom(address,address,uint256)": ("23b872dd", []),
    "safeTransferFrom(address,address,uint256)": ("42842e0e", []),
    "safeTransferFrom(address,address,uint256,bytes)": ("b88d4fde", []),
    "approve(address,uint256)": ("095ea7b3", []),
    "setApprovalForAll(address,bool)": ("a22cb465", []),
    "getApproved(uint256)": ("081812fc", ["address"]),
    "isApprovedForAll(address,address)": ("e985e9c5", ["bool"]),
    "supportsInterface(bytes4)": ("01ffc9a7", ["bool"]),
    "name()": ("06fdde03", ["string"]),
    "symbol()": ("95d89b41", ["string"]),
    "eip712Domain()": ("84b0196e", ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]),
}
# signature -> (topic, fields; an indexed one with a star)
IDENTITY_EVENTS = {
    "Registered(uint256,string,address)": (
        "ca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a",
        ["agentId*", "agentURI", "owner*"],
    ),
    "MetadataSet(uint256,string,string,bytes)": (
        "2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b",
        ["agentId*", "indexedMetadataKey*", "metadataKey", "metadataValue"],
    ),
    "URIUpdated(uint256,string,address)": (
        "3a2c7fffc2cba7582c690e3b82c453ea02a308326a98a3ad7576c606336409fb",
        ["agentId*", "newURI", "updatedBy*"],
    ),
    "Transfer(address,address,uint256)": (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        ["from*", "to*", "tokenId*"],
    ),
    "MetadataUpdate(uint256)": (
        "f8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7",
        ["_tokenId"],
    ),
}
REPUTATION = {
    "getIdentityRegistry()": ("bc4d861b", ["address"]),
    "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)": ("3c036a7e", []),
    "revokeFeedback(uint256,uint64)": ("4ab3ca99", []),
    "appendResponse(uint256,address,uint64,string,bytes32)": ("c2349ab2", []),
    "getSummary(uint256,address[],string,string)": ("81bbba58", ["uint64", "int128", "uint8"]),
    "readFeedback(uint256,address,uint64)": ("232b0810", ["int128", "uint8", "string", "string", "bool"]),
    "readAllFeedback(uint256,address[],string,string,bool)": (
        "d9d84224",
        ["address[]", "uint64[]", "int128[]", "uint8[]", "string[]", "string[]", "bool[]"],
    ),
    "getResponseCount(uint256,address,uint64,address[])": ("6e04cacd", ["uint64"]),
    "getClients(uint256)": ("42dd519c", ["address[]"]),
    "getLastIndex(uint256,address)": ("f2d81759", ["uint64"]),
}
REPUTATION_EVENTS = {
    "NewFeedback(uint256,address,uint64,int128,uint8,string,string,string,string,string,bytes32)": (
        "6a4a61743519c9d648a14e6493f47dbe3ff1aa29e7785c96c8326a205e58febc",
        [
            "agentId*",
            "clientAddress*",
            "feedbackIndex",
            "value",
            "valueDecimals",
            "indexedTag1*",
            "tag1",
            "tag2",
            "endpoint",
            "feedbackURI",
            "feedbackHash",
        ],
    ),
    "FeedbackRevoked(uint256,address,uint64)": (
        "25156fd3288212246d8b008d5921fde376c71ed14ac2e072a506eb06fde6d09d",
        ["agentId*", "clientAddress*", "feedbackIndex*"],
    ),
    "ResponseAppended(uint256,address,uint64,address,string,bytes32)": (
        "b1c6be0b5b8aef6539e2fac0fd131a2faa7b49edf8e505b5eb0ad487d56051d4",
        ["agentId*", "clientAddress*", "feedbackIndex", "responder*", "responseURI", "responseHash"],
    ),
}
WALLET_TYPE = "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"


def _kind(field: dict[str, Any]) -> str:
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_kind(part) for part in field['components'])}){kind.removeprefix('tuple')}"


def _entries(artifact: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        f"{entry['name']}({','.join(_kind(field) for field in entry['inputs'])})": entry
        for entry in artifact["abi"]
        if entry["type"] == kind
    }


@pytest.mark.parametrize(("name", "functions"), [("AgentRegistry", IDENTITY), ("Reputation", REPUTATION)])
def test_functions_are_the_standards(
    name: str, functions: dict[str, tuple[str, list[str]]], artifact: Artifact
) -> None:
    """Each function is there, under the selector that others call, and returns what they decode."""
    found = _entries(artifact(name), "function")
    for signature, (selector, returned) in functions.items():
        assert keccak(signature.encode()).hex()[:8] == selector
        assert [_kind(part) for part in found[signature]["outputs"]] == returned, signature


@pytest.mark.parametrize(("name", "events"), [("AgentRegistry", IDENTITY_EVENTS), ("Reputation", REPUTATION_EVENTS)])
def test_events_are_the_standards(name: str, events: dict[str, tuple[str, list[str]]], artifact: Artifact) -> None:
    """Each event has the topic that indexers look for, and the same fields indexed."""
    found = _entries(artifact(name), "event")
    for signature, (topic, fields) in events.items():
        assert keccak(signature.encode()).hex() == topic
        named = [field["name"] + "*" * field["indexed"] for field in found[signature]["inputs"]]
        # OpenZeppelin 5.7 and the version that the authors used name token fields with and without a mark.
        assert [word.lstrip("_") for word in named] == [word.lstrip("_") for word in fields], signature


def test_a_wallet_signs_the_standards_type(artifact: Artifact) -> None:
    """The EIP-712 type that wallets sign is hashed in the code."""
    assert keccak(WALLET_TYPE.encode()).hex() in artifact("AgentRegistry")["deployedBytecode"]


def test_a_stake_is_one_slot(artifact: Artifact) -> None:
    """Amount, what leaves, when, and the disputes that hold it lie in one storage slot."""
    members = artifact("AgentRegistry")["storageLayout"]["types"]["t_struct(Stake)_storage"]["members"]
    assert {member["slot"] for member in members} == {"0"}
