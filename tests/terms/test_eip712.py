"""EIP-712 hashing, with eth_account as the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import SignatureError, TermsError
from coase.identity import Identity
from coase.terms.agreement import Agreement
from coase.terms.eip712 import domain_separator, permit_digest, struct_hash, typed_digest

BUYER, SELLER, ARBITER = (Identity.from_seed(1, name) for name in ("buyer", "seller", "arbiter"))
TOKEN, ESCROW = "0x" + "11" * 20, "0x" + "22" * 20
TYPES = {
    "Agreement": [
        {"name": "buyer", "type": "address"},
        {"name": "seller", "type": "address"},
        {"name": "arbiter", "type": "address"},
        {"name": "token", "type": "address"},
        {"name": "price", "type": "uint96"},
        {"name": "bond", "type": "uint96"},
        {"name": "acceptBy", "type": "uint64"},
        {"name": "deliverBy", "type": "uint64"},
        {"name": "reviewSeconds", "type": "uint64"},
        {"name": "rulingSeconds", "type": "uint64"},
        {"name": "termsHash", "type": "bytes32"},
        {"name": "salt", "type": "bytes32"},
        {"name": "bundle", "type": "bytes32"},
        {"name": "previous", "type": "bytes32"},
    ]
}


def agreement(**changes: Any) -> Agreement:
    """A well-formed agreement with some fields changed."""
    values: dict[str, Any] = {
        "buyer": BUYER.account,
        "seller": SELLER.account,
        "arbiter": ARBITER.account,
        "token": TOKEN,
        "price": 5_000_000,
        "deliver_by": 1_700_003_600,
        "review_seconds": 600,
        "ruling_seconds": 600,
        "terms_hash": "ab" * 32,
        "salt": "cd" * 32,
    }
    return Agreement(**{**values, **changes})


def oracle(a: Agreement, chain_id: int) -> bytes:
    """The digest that eth_account computes."""
    domain = {"name": "Coase Escrow", "version": "1", "chainId": chain_id, "verifyingContract": ESCROW}
    names = [f["name"] for f in TYPES["Agreement"]]
    message = encode_typed_data(domain, TYPES, dict(zip(names, a.row(), strict=True)))
    return bytes(_hash_eip191_message(message))


@given(
    price=st.integers(1, 2**96 - 1),
    deliver_by=st.integers(0, 2**40 - 1),
    salt=st.binary(min_size=32, max_size=32),
    chain_id=st.integers(1, 2**53),
)
def test_agreements_hash_as_eth_account_hashes_them(price: int, deliver_by: int, salt: bytes, chain_id: int) -> None:
    """Any agreement has the digest that the general encoder gives it."""
    a = agreement(price=price, deliver_by=deliver_by, salt=salt.hex())
    assert a.digest(chain_id, ESCROW) == oracle(a, chain_id)


def test_a_signature_binds_party_chain_and_escrow() -> None:
    """A signature is refused for another signer, chain, escrow or price."""
    a = agreement()
    signature = SELLER.sign(a.digest(1, ESCROW)).hex()
    a.verify(SELLER.account, signature, 1, ESCROW)
    for account, chain_id, escrow, other in (
        (BUYER.account, 1, ESCROW, a),
        (SELLER.account, 2, ESCROW, a),
        (SELLER.account, 1, TOKEN, a),
        (SELLER.account, 1, ESCROW, agreement(price=a.price + 1)),
    ):
        with pytest.raises(SignatureError):
            other.verify(account, signature, chain_id, escrow)


@pytest.mark.parametrize(
    "changes",
    [{"price": 0}, {"price": 1.5}, {"price": 2**96}, {"deliver_by": -1}, {"salt": "AB" * 32}, {"buyer": "0x12"}],
)
def test_malformed_agreements_are_refused(changes: dict[str, Any]) -> None:
    """No agreement exists with a free, fractional or unbounded price, or a field of the wrong shape."""
    with pytest.raises(ValueError, match="validation error"):
        agreement(**changes)


@pytest.mark.parametrize(
    ("kind", "value"), [("uint8", 256), ("uint8", -1), ("bytes32", b"x"), ("bool", 1), ("string", "x")]
)
def test_values_that_do_not_fit_their_type_are_refused(kind: str, value: Any) -> None:
    """The encoder refuses what does not fit, and types it does not know."""
    with pytest.raises(TermsError):
        struct_hash("X", (("x", kind),), {"x": value})


def test_permits_hash_as_eth_account_hashes_them() -> None:
    """The EIP-2612 digest agrees with the general encoder."""
    fields = [
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ]
    values = {"owner": BUYER.account, "spender": ESCROW, "value": 7, "nonce": 3, "deadline": 2**63}
    domain = {"name": "Test Dollar", "version": "1", "chainId": 5, "verifyingContract": TOKEN}
    expected = encode_typed_data(domain, {"Permit": [{"name": n, "type": t} for n, t in fields]}, values)
    separator = domain_separator("Test Dollar", "1", 5, TOKEN)
    ours = permit_digest(separator, owner=BUYER.account, spender=ESCROW, value=7, nonce=3, deadline=2**63)
    assert ours == bytes(_hash_eip191_message(expected))
    assert ours == typed_digest(separator, struct_hash("Permit", fields, values))
