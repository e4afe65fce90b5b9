"""Contract errors as text."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from coase.identity import Identity, keccak
from coase.settlement.reverts import MAX_DATA, explain, known_errors, our_errors

ACCOUNT = Identity.from_seed("reverts", "alice").account


def selector(signature: str) -> bytes:
    """The first four bytes of an error."""
    return keccak(signature.encode())[:4]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (selector("Escrow_TooEarly(uint256)") + encode(["uint256"], [1700003601]), "Escrow_TooEarly(1700003601)"),
        (selector("Escrow_NotSignedBy(address)") + encode(["address"], [ACCOUNT]), f"Escrow_NotSignedBy({ACCOUNT})"),
        (selector("Escrow_WrongStatus(uint8)") + encode(["uint8"], [2]), "Escrow_WrongStatus(2)"),
        (
            selector("ERC20InsufficientBalance(address,uint256,uint256)")
            + encode(["address", "uint256", "uint256"], [ACCOUNT, 1, 2]),
            f"ERC20InsufficientBalance({ACCOUNT}, 1, 2)",
        ),
        (selector("Error(string)") + encode(["string"], ["no 'way'"]), "Error(\"no 'way'\")"),
        (selector("Panic(uint256)") + encode(["uint256"], [17]), "Panic(17)"),
        (selector("Escrow_TooEarly(uint256)") + b"short", "Escrow_TooEarly(?)"),
        (b"\x01\x02\x03\x04", "0x01020304"),
        (b"\x01", "0x01"),
        (b"\x07" * 100, "0x" + "07" * 68 + "..."),
    ],
)
def test_errors_become_text(data: bytes, text: str) -> None:
    """Known errors are named with their arguments; unknown ones are shown as they are, shortened."""
    assert explain(data, our_errors()) == text


def test_errors_of_other_contracts_can_be_taught() -> None:
    """Tuples and arrays are part of a signature."""
    inputs = [{"type": "tuple[]", "components": [{"type": "uint8"}, {"type": "bytes4"}]}]
    known = known_errors([[{"type": "error", "name": "Mine", "inputs": inputs}, {"type": "function", "name": "f"}]])
    data = selector("Mine((uint8,bytes4)[])") + encode(["(uint8,bytes4)[]"], [[(1, b"abcd")]])
    assert explain(data, known).startswith("Mine(")
    assert explain(data, our_errors()).startswith("0x")


@given(st.binary(max_size=200), st.sampled_from([selector("Error(string)"), selector("Escrow_TooEarly(uint256)")]))
def test_hostile_data_is_survived(data: bytes, start: bytes) -> None:
    """A contract may return anything; the text stays short."""
    assert len(explain(start + data, our_errors())) < 1000


def test_data_that_is_too_long_is_not_decoded() -> None:
    """A message of a megabyte is cut, not read."""
    long = selector("Error(string)") + encode(["string"], ["a" * MAX_DATA])
    assert explain(long, our_errors()).endswith("...")
