"""Transactions as nodes show them, and back."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from coase.identity import Identity, keccak
from coase.settlement.transactions import from_json, signer, to_json

ALICE = Identity.from_seed("transactions", "alice")
TO = "0x" + "11" * 20
COMMON: dict[str, Any] = {"chainId": 31337, "nonce": 7, "gas": 50_000, "value": 3, "data": "0x010203", "to": TO}
MARKET = {"maxFeePerGas": 10, "maxPriorityFeePerGas": 2}
ACCESS = [{"address": TO, "storageKeys": ["0x" + "22" * 32]}]


@pytest.mark.parametrize(
    "fields",
    [
        {**COMMON, "gasPrice": 10},
        {**COMMON, "gasPrice": 10, "type": 1, "accessList": ACCESS},
        {**COMMON, **MARKET},
        {**COMMON, **MARKET, "accessList": ACCESS},
        {**{k: v for k, v in COMMON.items() if k != "to"}, **MARKET, "value": 0},
    ],
)
def test_there_and_back(fields: dict[str, Any]) -> None:
    """Legacy, with an access list, with a market for fees, creating a contract: the same bytes, hash and signer."""
    raw = bytes(Account.sign_transaction(fields, ALICE.secret).raw_transaction)
    shown = to_json(raw)
    assert from_json(shown) == raw
    assert shown["hash"] == "0x" + keccak(raw).hex()
    assert signer(raw) == ALICE.account


def test_a_signature_over_other_fields_is_somebody_elses() -> None:
    """Change one field, and the signer is another account."""
    raw = bytes(Account.sign_transaction({**COMMON, **MARKET}, ALICE.secret).raw_transaction)
    assert signer(from_json({**to_json(raw), "value": "0x4"})) != ALICE.account


@pytest.mark.parametrize(
    "change",
    [
        {"type": "0x3"},
        {"type": "x"},
        {"nonce": None},
        {"nonce": "-0x1"},
        {"to": 5},
        {"input": "0x0"},
        {"input": "0x" + "00" * 200_000},
        {"accessList": [{}]},
        {"accessList": 5},
        {"r": "0x" + "ff" * 33},
    ],
)
def test_what_is_malformed_is_refused(change: dict[str, Any]) -> None:
    """One kind of error for every kind of nonsense; a signature that cannot be is nobody's."""
    raw = bytes(Account.sign_transaction({**COMMON, **MARKET}, ALICE.secret).raw_transaction)
    with pytest.raises(ValueError):  # noqa: PT011  # the library's own words differ
        signer(from_json({**to_json(raw), **change}))
