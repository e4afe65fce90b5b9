"""The compiled interfaces: what programs in any language rely on. Needs no node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coase.settlement.artifacts
from coase.identity import keccak
from coase.settlement.reverts import OURS
from coase.terms.agreement import Agreement
from coase.terms.eip712 import domain_separator

Artifact = Callable[[str], dict[str, Any]]
AGREEMENT = (
    "(address,address,address,address,uint96,uint96,uint64,uint64,uint64,uint64,bytes32,bytes32,bytes32,bytes32)"
)
AGREEMENT_TYPE = (
    "Agreement(address buyer,address seller,address arbiter,address token,uint96 price,uint96 bond,"
    "uint64 acceptBy,uint64 deliverBy,uint64 reviewSeconds,uint64 rulingSeconds,bytes32 termsHash,bytes32 salt,"
    "bytes32 bundle,bytes32 previous)"
)
# The constants that EIP-3009 prints, and EIP-2612's.
TYPEHASHES = {
    "TransferWithAuthorization": "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267",
    "ReceiveWithAuthorization": "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8",
    "CancelAuthorization": "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429",
    "Permit": "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9",
}


def _kind(field: dict[str, Any]) -> str:
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_kind(part) for part in field['components'])}){kind[len('tuple') :]}"


def _signatures(abi: list[dict[str, Any]], kind: str, prefix: str = "") -> set[str]:
    return {
        f"{entry['name']}({','.join(_kind(field) for field in entry['inputs'])})"
        for entry in abi
        if entry["type"] == kind and entry["name"].startswith(prefix)
    }


def test_escrow_functions(artifact: Artifact) -> None:
    """Each call names its deal by the whole agreement."""
    assert _signatures(artifact("ServiceEscrow")["abi"], "function") == {
        f"open({AGREEMENT},bytes,uint256,uint8,bytes32,bytes32)",
        f"openWithAuthorization({AGREEMENT},bytes,uint256,uint256,uint8,bytes32,bytes32)",
        f"deliver({AGREEMENT},bytes32)",
        f"release({AGREEMENT})",
        f"claim({AGREEMENT})",
        f"refund({AGREEMENT})",
        f"openBundle({AGREEMENT}[],bytes[],uint256,uint8,bytes32,bytes32)",
        f"accept({AGREEMENT},bytes)",
        f"settle({AGREEMENT},uint256,uint256,bytes)",
        f"dispute({AGREEMENT},bytes32,uint256,uint8,bytes32,bytes32)",
        f"rule({AGREEMENT},uint256)",
        f"settleUnruled({AGREEMENT})",
        f"hashAgreement({AGREEMENT})",
        "hashSettlement(bytes32,uint256,uint256)",
        "bundleKey(address,bytes32)",
        "withdraw(address,address)",
        "deals(bytes32)",
        "bundles(bytes32)",
        "owed(address,address)",
        "rules()",
        "MAX_SECONDS()",
        "MAX_LEGS()",
        "eip712Domain()",
    }


def test_escrow_errors(artifact: Artifact) -> None:
    """The escrow's own errors, with their arguments."""
    assert _signatures(artifact("ServiceEscrow")["abi"], "error", "Escrow_") == {
        "Escrow_AlreadyOpen(bytes32)",
        "Escrow_BadAgreement(uint8)",
        "Escrow_NotSignedBy(address)",
        "Escrow_WrongStatus(uint8)",
        "Escrow_WrongParty(address)",
        "Escrow_TooEarly(uint256)",
        "Escrow_TooLate(uint256)",
        "Escrow_BadRuling(uint256)",
        "Escrow_BundleIncomplete(uint256,uint256)",
        "Escrow_BundleBroken()",
        "Escrow_PreviousOpen(bytes32)",
        "Escrow_NothingOwed(address)",
        "Escrow_ShortTransfer(uint256,uint256)",
    }


def test_escrow_events(artifact: Artifact) -> None:
    """An indexer finds a deal's events by its id, and its parties in Opened."""
    abi = artifact("ServiceEscrow")["abi"]
    events = {
        entry["name"]: [(field["name"], field["type"], field["indexed"]) for field in entry["inputs"]]
        for entry in abi
        if entry["type"] == "event" and entry["name"] != "EIP712DomainChanged"
    }
    deal = ("id", "bytes32", True)
    assert events == {
        "Opened": [deal, ("buyer", "address", True), ("seller", "address", True), ("price", "uint256", False)],
        "Delivered": [deal, ("resultHash", "bytes32", False)],
        "Disputed": [deal, ("reason", "bytes32", False)],
        "BundleOpened": [
            ("key", "bytes32", True),
            ("buyer", "address", True),
            ("legs", "uint256", False),
            ("total", "uint256", False),
        ],
        "Accepted": [deal],
        "Settled": [deal, ("toSeller", "uint256", False), ("toBuyer", "uint256", False), ("fee", "uint256", False)],
        "Owed": [("token", "address", True), ("account", "address", True), ("amount", "uint256", False)],
        "Withdrawn": [
            ("token", "address", True),
            ("account", "address", True),
            ("to", "address", False),
            ("amount", "uint256", False),
        ],
    }


def test_a_deal_is_one_slot(artifact: Artifact) -> None:
    """Status, time and result share 32 bytes, and the getter returns them in this order."""
    found = artifact("ServiceEscrow")
    struct = found["storageLayout"]["types"]["t_struct(Deal)_storage"]
    assert struct["numberOfBytes"] == "32"
    assert [(member["label"], member["offset"]) for member in struct["members"]] == [
        ("status", 0),
        ("since", 1),
        ("feeBasisPoints", 6),
        ("result", 8),
    ]
    getter = next(entry for entry in found["abi"] if entry.get("name") == "deals")
    assert [field["type"] for field in getter["outputs"]] == ["uint8", "uint40", "uint16", "bytes24"]


def test_the_struct_is_the_signed_type(artifact: Artifact) -> None:
    """Field names and types of the ABI are those of the EIP-712 type, whose hash is in the code."""
    found = artifact("ServiceEscrow")
    fields = next(entry for entry in found["abi"] if entry.get("name") == "hashAgreement")["inputs"][0]["components"]
    assert f"Agreement({','.join(field['type'] + ' ' + field['name'] for field in fields)})" == AGREEMENT_TYPE
    assert keccak(AGREEMENT_TYPE.encode()).hex() in found["deployedBytecode"]


def test_the_library_signs_the_same_type() -> None:
    """An agreement's digest in Python is the typed-data hash for the contract's type and domain."""
    agreement = Agreement(
        buyer=f"0x{1:040x}",
        seller=f"0x{2:040x}",
        arbiter=f"0x{3:040x}",
        token=f"0x{4:040x}",
        price=5,
        bond=6,
        accept_by=7,
        deliver_by=8,
        review_seconds=9,
        ruling_seconds=10,
        terms_hash=f"{11:064x}",
        salt=f"{12:064x}",
        bundle=f"{13:064x}",
        previous=f"{14:064x}",
    )
    words = b"".join(number.to_bytes(32, "big") for number in range(1, 15))
    inner = keccak(keccak(AGREEMENT_TYPE.encode()) + words)
    escrow = f"0x{15:040x}"
    expected = keccak(b"\x19\x01" + domain_separator("Coase Escrow", "1", 1337, escrow) + inner)
    assert agreement.digest(1337, escrow) == expected


@pytest.mark.parametrize("kind", TYPEHASHES)
def test_the_dollar_has_the_standards_typehashes(kind: str, artifact: Artifact) -> None:
    """The constants that EIP-3009 and EIP-2612 print are in the code."""
    assert TYPEHASHES[kind] in artifact("TestDollar")["deployedBytecode"]


def test_the_typehashes_are_of_the_types() -> None:
    """The printed constants are hashes of the types that our forge tests and our library sign."""
    fields = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    types = {
        "TransferWithAuthorization": f"TransferWithAuthorization{fields}",
        "ReceiveWithAuthorization": f"ReceiveWithAuthorization{fields}",
        "CancelAuthorization": "CancelAuthorization(address authorizer,bytes32 nonce)",
        "Permit": "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
    }
    assert {kind: keccak(text.encode()).hex() for kind, text in types.items()} == TYPEHASHES


def test_dollar_functions(artifact: Artifact) -> None:
    """ERC-20, EIP-2612, EIP-3009 and EIP-5267, and nothing that could mint, burn or rule."""
    payment = "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    assert _signatures(artifact("TestDollar")["abi"], "function") == {
        "name()",
        "symbol()",
        "decimals()",
        "totalSupply()",
        "balanceOf(address)",
        "allowance(address,address)",
        "approve(address,uint256)",
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
        "DOMAIN_SEPARATOR()",
        "nonces(address)",
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        "eip712Domain()",
        "TRANSFER_WITH_AUTHORIZATION_TYPEHASH()",
        "RECEIVE_WITH_AUTHORIZATION_TYPEHASH()",
        "CANCEL_AUTHORIZATION_TYPEHASH()",
        "authorizationState(address,bytes32)",
        f"transferWithAuthorization{payment}",
        f"receiveWithAuthorization{payment}",
        "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)",
    }


def test_dollar_errors(artifact: Artifact) -> None:
    """The currency's own errors, with their arguments."""
    assert _signatures(artifact("TestDollar")["abi"], "error", "TestDollar_") == {
        "TestDollar_LengthMismatch(uint256,uint256)",
        "TestDollar_TooEarly(uint256)",
        "TestDollar_TooLate(uint256)",
        "TestDollar_NonceUsed(address,bytes32)",
        "TestDollar_NotSignedBy(address)",
        "TestDollar_WrongParty(address)",
    }


def test_every_contract_that_ships_is_known() -> None:
    """The list from which errors are explained has each artifact."""
    folder = Path(coase.settlement.artifacts.__file__).with_name("abi")
    assert sorted(OURS) == sorted(path.stem for path in folder.glob("*.json"))


@pytest.mark.parametrize("name", OURS)
def test_code_fits_the_chain(name: str, artifact: Artifact) -> None:
    """The code is within EIP-170's limit and every function's selector is in it."""
    found = artifact(name)
    code = bytes.fromhex(found["deployedBytecode"][2:])
    assert len(code) <= 24_576
    assert (found["contractName"], found["compiler"]) == (name, "solc 0.8.37")
    for signature in _signatures(found["abi"], "function"):
        # A selector that starts with zeros is pushed without them.
        assert keccak(signature.encode())[:4].lstrip(b"\0") in code
