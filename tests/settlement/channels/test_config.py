"""The types that are signed: coase/settlement/channels/config.py, with eth_account as the oracle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from coase.errors import CoaseError
from coase.identity import Identity
from coase.settlement.channels.config import ChannelConfig, Place, channel_id, voucher_digest
from coase.settlement.channels.payment import Payment, read_payment

accounts = st.binary(min_size=20, max_size=20).filter(any).map(lambda raw: "0x" + raw.hex())
configs = st.builds(
    ChannelConfig,
    accounts,
    accounts,
    accounts,
    st.integers(900, 2_592_000),
    accounts,
    accounts,
    st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex()),
)
places = st.builds(Place, st.integers(1, 2**53), accounts)
TYPES = {
    "ChannelConfig": [
        {"name": "payer", "type": "address"},
        {"name": "payerAuthorizer", "type": "address"},
        {"name": "receiver", "type": "address"},
        {"name": "receiverAuthorizer", "type": "address"},
        {"name": "token", "type": "address"},
        {"name": "withdrawDelay", "type": "uint40"},
        {"name": "salt", "type": "bytes32"},
    ],
    "Voucher": [{"name": "channelId", "type": "bytes32"}, {"name": "maxClaimableAmount", "type": "uint128"}],
}


def oracle(place: Place, kind: str, values: dict[str, Any]) -> bytes:
    """The digest that eth_account computes for the domain of x402 batch settlement."""
    domain = {
        "name": "x402 Batch Settlement",
        "version": "1",
        "chainId": place.chain_id,
        "verifyingContract": place.contract,
    }
    return bytes(_hash_eip191_message(encode_typed_data(domain, {kind: TYPES[kind]}, values)))


@given(configs, places, st.integers(0, 2**128 - 1))
def test_digests_are_the_general_encoders(config: ChannelConfig, place: Place, amount: int) -> None:
    """A channel's id and what its payer signs."""
    values = config.to_json() | {"salt": bytes.fromhex(config.salt[2:])}
    assert channel_id(config, place) == oracle(place, "ChannelConfig", values)
    named = channel_id(config, place)
    assert voucher_digest(named, amount, place) == oracle(
        place, "Voucher", {"channelId": named, "maxClaimableAmount": amount}
    )


@given(
    configs,
    places,
    st.integers(0, 2**128 - 1),
    st.binary(min_size=65, max_size=65),
    st.from_regex(r"[!-~]{1,100}", fullmatch=True),
)
def test_a_payment_reads_back(config: ChannelConfig, place: Place, amount: int, signature: bytes, call: str) -> None:
    """Through text and back."""
    payment = Payment(place, config, amount, signature, call)
    assert read_payment(json.dumps(payment.to_json())) == payment


@pytest.mark.parametrize(
    "changes",
    [
        {"withdraw_delay": 899},
        {"withdraw_delay": 2_592_001},
        {"withdraw_delay": True},
        {"salt": "0x12"},
        {"salt": 7},
        {"receiver": "0x" + "00" * 20},
        {"payer": "0x" + "00" * 20},
        {"token": "bob"},
    ],
)
def test_a_config_that_is_none(changes: dict[str, Any]) -> None:
    """What the contract would refuse, or nobody could claim."""
    good = {"payer": "0x" + "11" * 20, "receiver": "0x" + "22" * 20, "token": "0x" + "33" * 20}
    with pytest.raises(CoaseError):
        ChannelConfig(**(good | changes))


ALICE = Identity.from_seed("channel tests", "alice")
GOOD = Payment(
    Place(1, "0x" + "c1" * 20),
    ChannelConfig(ALICE.account, "0x" + "22" * 20, "0x" + "33" * 20),
    5,
    bytes(65),
    "one",
).to_json()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), []),
        ((), "{"),
        ((), "[" * 3000),
        ((), b"\xff"),
        ((), " " * 5000),
        (("more",), 1),
        (("network",), "eip155:0"),
        (("network",), "solana:1"),
        (("network",), 1),
        (("contract",), "0x12"),
        (("contract",), None),
        (("channel",), {}),
        (("channel", "withdrawDelay"), "3600"),
        (("channel", "payer"), 7),
        (("voucher",), []),
        (("voucher", "maxClaimableAmount"), 5),
        (("voucher", "maxClaimableAmount"), "-5"),
        (("voucher", "maxClaimableAmount"), "05"),
        (("voucher", "maxClaimableAmount"), "5e3"),
        (("voucher", "maxClaimableAmount"), "9" * 39),
        (("voucher", "maxClaimableAmount"), "\u0665"),
        (("voucher", "signature"), "0x"),
        (("voucher", "signature"), "0x" + "zz" * 65),
        (("voucher", "channelId"), "0x12"),
        (("call",), ""),
        (("call",), "a b"),
        (("call",), "x" * 101),
        (("call",), None),
    ],
)
def test_nonsense_is_refused(path: tuple[str, ...], value: Any, refused: Any) -> None:
    """Whatever comes instead of a payment."""
    data: Any = json.loads(json.dumps(GOOD))
    if path:
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    else:
        data = value
    assert refused(lambda: read_payment(data)) == "malformed_payment"


def test_a_voucher_for_another_config(refused: Any) -> None:
    """The id must be that of the config."""
    data = json.loads(json.dumps(GOOD))
    data["voucher"]["channelId"] = "0x" + "12" * 32
    assert refused(lambda: read_payment(data)) == "wrong_channel"
