"""Signed transactions and back."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from coase.identity import Identity, checksum, keccak
from coase.settlement.records import Call, Patience
from coase.settlement.signing import call_of, hash_of, sign

ALICE = Identity.from_seed("signing", "alice")
calls = st.builds(
    Call,
    to=st.none() | st.binary(min_size=20, max_size=20).map(lambda raw: checksum("0x" + raw.hex())),
    data=st.binary(max_size=100),
    value=st.integers(0, 2**96),
)


@given(calls, st.integers(0, 2**63), st.integers(21_000, 2**24))
def test_a_signed_call_reads_back(call: Call, nonce: int, gas: int) -> None:
    """Destination, data, value and gas survive; the signature is the key's; the hash is Keccak of the bytes."""
    raw = sign(ALICE, call, chain_id=31337, nonce=nonce, gas=gas, fees=(10**9, 1))
    assert call_of(raw) == Call(call.to, call.data, call.value, gas)
    assert Account.recover_transaction(raw) == ALICE.account
    assert hash_of(raw) == "0x" + keccak(raw).hex()


@given(calls, st.integers(0, 2**63), st.integers(21_000, 2**24), st.integers(1, 2**40), st.integers(0, 2**40))
def test_the_bytes_are_those_of_eth_account(call: Call, nonce: int, gas: int, most: int, tip: int) -> None:
    """Differential: another implementation signs the same call to the same bytes."""
    fields = {"chainId": 31337, "nonce": nonce, "gas": gas, "value": call.value, "data": call.data}
    fields |= {"maxFeePerGas": most, "maxPriorityFeePerGas": tip, **({"to": call.to} if call.to else {})}
    theirs = Account.sign_transaction(fields, ALICE.secret).raw_transaction
    assert sign(ALICE, call, chain_id=31337, nonce=nonce, gas=gas, fees=(most, tip)) == bytes(theirs)


def test_signing_is_deterministic() -> None:
    """The same call gives the same bytes (RFC 6979); a destination in lower case too."""
    to = ALICE.account
    one, two = (sign(ALICE, Call(a, b"x"), chain_id=1, nonce=0, gas=30_000, fees=(1, 1)) for a in (to, to.lower()))
    assert one == two


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"polls": 0}, {"rounds": 0}, {"pause": -1.0}])
def test_patience_has_bounds(bad: dict[str, float]) -> None:
    """Nobody waits a negative time or asks zero times."""
    with pytest.raises(ValueError, match="at least 1"):
        Patience(**bad)  # type: ignore[arg-type]
