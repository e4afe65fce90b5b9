"""Keys, addresses and signatures, with eth_account and uagents_core as oracles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase import identity
from coase.errors import SignatureError
from coase.identity import Identity

Need = Callable[[str], ModuleType]

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
DIGESTS = st.binary(min_size=32, max_size=32)
ALICE = Identity.from_seed("identity tests", "alice")
BOB = Identity.from_seed("identity tests", "bob")
DIGEST = identity.keccak(b"a message")


def recovered(signature: bytes) -> int | str:
    """The length of the key that is recovered, or the code of the refusal."""
    try:
        return len(identity.recover(DIGEST, signature))
    except SignatureError as error:
        return error.code


# ---- against other people's software


@pytest.fixture(scope="module")
def ethereum(need: Need) -> Any:
    """eth_account, imported before a test begins: it changes the recursion limit."""
    return need("eth_account").Account


@pytest.fixture(scope="module")
def uagents(need: Need) -> Any:
    """The identity of uagents_core."""
    return need("uagents_core.identity").Identity


@given(key=KEYS)
def test_accounts_are_ethereums(ethereum: Any, key: bytes) -> None:
    """eth_account derives the same checksummed account from a key."""
    assert ethereum.from_key(key).address == Identity(key).account


@given(key=KEYS, digest=DIGESTS)
def test_signatures_are_ethereums(ethereum: Any, key: bytes, digest: bytes) -> None:
    """eth_account makes the same 65 bytes, and recovers the signer from ours."""
    ours = Identity(key)
    assert bytes(ethereum.unsafe_sign_hash(digest, key).signature) == ours.sign(digest)
    assert ethereum._recover_hash(digest, signature=ours.sign(digest)) == ours.account


@given(key=KEYS)
def test_addresses_are_those_of_uagents(uagents: Any, key: bytes) -> None:
    """uagents_core derives the same agent address from a key."""
    assert uagents.from_string(key.hex()).address == Identity(key).address


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"),
    ],
)
def test_keccak_is_the_original(data: bytes, expected: str) -> None:
    """The hash is Keccak-256 as Ethereum uses it, not the SHA-3 that was standardised later."""
    assert identity.keccak(data).hex() == expected != hashlib.sha3_256(data).hexdigest()


@pytest.mark.parametrize(
    "account",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_checksums_are_those_of_the_standard(account: str) -> None:
    """The examples of EIP-55 come out as written there, from whatever case."""
    assert identity.checksum(account.lower()) == identity.checksum("0x" + account[2:].upper()) == account


def test_bech32_is_that_of_the_standard() -> None:
    """The witness program of BIP 173's example, in its five-bit words, has the text given there."""
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    text = identity.bech32("bc", program)
    assert text.startswith("bc1")
    assert text[3:-6] == "w508d6qejxtdg4y5r3zarvary0c5xw7k"


# ---- keys


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes(33), ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_what_is_no_key(key: bytes) -> None:
    """Zero, the group order and beyond, and other lengths are refused."""
    with pytest.raises(SignatureError) as caught:
        Identity(key)
    assert caught.value.code == "bad_key"


@pytest.mark.parametrize("key", [1, ORDER - 1])
def test_the_first_and_the_last_key(key: int) -> None:
    """The ends of the range are keys."""
    ours = Identity(key.to_bytes(32, "big"))
    assert int.from_bytes(ours.secret, "big") == key
    identity.verify(DIGEST, ours.sign(DIGEST), ours.account)


def test_a_seed_and_a_name_make_one_key() -> None:
    """The same seed and name give the same key, in any process; another seed or name gives another."""
    assert Identity.from_seed(1, "a").secret == hashlib.sha256(b"coase/1/a").digest()
    others = {Identity.from_seed(seed, name).account for seed in (1, 2, "x") for name in ("a", "b")}
    assert len(others) == 6


def test_a_key_is_not_printed() -> None:
    """Neither repr nor str of an identity shows the private key."""
    assert repr(ALICE) == f"Identity({ALICE.account})"
    assert ALICE.secret.hex() not in f"{ALICE} {ALICE!r}"
    assert not hasattr(ALICE, "__dict__")


# ---- signatures


@given(key=KEYS, digest=DIGESTS)
def test_a_signature_gives_its_signer(key: bytes, digest: bytes) -> None:
    """Recovery returns the public key, the account verifies, and s is low."""
    ours = Identity(key)
    signature = ours.sign(digest)
    assert identity.recover(digest, signature) == ours.public_key
    identity.verify(digest, signature, ours.account.lower())
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert signature == ours.sign(digest)


@given(st.integers(0, 64), st.integers(0, 7))
def test_a_changed_signature_is_not_the_signers(place: int, bit: int) -> None:
    """Any bit of a signature, turned, makes it invalid or somebody else's."""
    changed = bytearray(ALICE.sign(DIGEST))
    changed[place] ^= 1 << bit
    with pytest.raises(SignatureError):
        identity.verify(DIGEST, bytes(changed), ALICE.account)


@given(st.integers(0, 31), st.integers(0, 7))
def test_a_changed_message_is_not_the_signers(place: int, bit: int) -> None:
    """Any bit of a digest, turned, makes the signature somebody else's."""
    changed = bytearray(DIGEST)
    changed[place] ^= 1 << bit
    with pytest.raises(SignatureError):
        identity.verify(bytes(changed), ALICE.sign(DIGEST), ALICE.account)


def test_the_other_signature_of_the_same_message_is_refused() -> None:
    """The malleable twin, n - s with the other v, is refused though the curve accepts it (EIP-2)."""
    signature = ALICE.sign(DIGEST)
    high = ORDER - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])
    with pytest.raises(SignatureError, match="not canonical"):
        identity.recover(DIGEST, twin)


@given(st.binary(max_size=80))
def test_no_bytes_break_recovery(signature: bytes) -> None:
    """Whatever is sent as a signature is refused, or belongs to some key; nothing else happens."""
    assert recovered(signature) in (33, "bad_signature")


@given(st.binary(min_size=64, max_size=64), st.sampled_from([27, 28]))
def test_no_numbers_break_recovery(numbers: bytes, v: int) -> None:
    """Any r and s under a valid v are refused, or belong to some key."""
    assert recovered(numbers + bytes([v])) in (33, "bad_signature")


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_v_is_27_or_28(v: int) -> None:
    """Other values of v are refused, also those other programs use for the same thing."""
    with pytest.raises(SignatureError, match="v 27 or 28"):
        identity.recover(DIGEST, ALICE.sign(DIGEST)[:64] + bytes([v]))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (1, ORDER // 2 + 1)])
def test_numbers_out_of_range(r: int, s: int) -> None:
    """r and s are from 1 to the group order, s to half of it."""
    with pytest.raises(SignatureError, match="out of range"):
        identity.recover(DIGEST, r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\x1b")


def test_numbers_that_no_key_has() -> None:
    """An r in range that is no point of the curve is refused."""
    with pytest.raises(SignatureError, match="no key"):
        identity.recover(DIGEST, (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b")


def test_someone_elses_signature() -> None:
    """A signature by another is refused, and the message names both."""
    with pytest.raises(SignatureError) as caught:
        identity.verify(DIGEST, BOB.sign(DIGEST), ALICE.account)
    assert BOB.account in caught.value.message
    assert ALICE.account in caught.value.message


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_only_digests_are_signed(digest: bytes) -> None:
    """A message of another length than a digest is neither signed nor recovered from."""
    with pytest.raises(SignatureError) as caught:
        ALICE.sign(digest)
    assert caught.value.code == "bad_digest"
    with pytest.raises(SignatureError):
        identity.recover(digest, ALICE.sign(DIGEST))


# ---- forms of a key


@given(key=KEYS)
def test_an_address_gives_its_account(key: bytes) -> None:
    """The agent address and the account are two forms of one key."""
    ours = Identity(key)
    assert identity.account_at(ours.address) == ours.account == identity.account_of(ours.public_key)
    assert len(ours.address) == 65
    assert ours.address.startswith("agent1")


@given(st.integers(0, 64), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7lb1io QA\u0439"))
def test_a_changed_address_is_refused(place: int, character: str) -> None:
    """Any other character anywhere is caught by the checksum or the alphabet."""
    address = ALICE.address
    changed = address[:place] + character + address[place + 1 :]
    if changed != address:
        with pytest.raises(SignatureError) as caught:
            identity.account_at(changed)
        assert caught.value.code == "bad_address"


@pytest.mark.parametrize("given_", ["", "agent1", ALICE.account, ALICE.address.upper(), ALICE.address + "q", None, 7])
def test_what_is_no_address(given_: Any) -> None:
    """Other lengths, other forms, upper case and other types are refused."""
    with pytest.raises(SignatureError):
        identity.account_at(given_)


def test_an_address_of_no_key_is_refused() -> None:
    """33 bytes that are no point of the curve have an address with a valid checksum, and still no account."""
    address = identity.bech32("agent", b"\x02" + b"\xff" * 32)
    with pytest.raises(SignatureError):
        identity.account_at(address)


def test_a_long_address_is_not_repeated_in_full() -> None:
    """The message about a huge address stays short."""
    with pytest.raises(SignatureError) as caught:
        identity.account_at("agent1" + "q" * 100_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "account", ["", "0x", "0x" + "a" * 39, "0x" + "a" * 41, "0X" + "a" * 40, "0x" + "g" * 40, None]
)
def test_what_is_no_account(account: Any) -> None:
    """Other lengths, digits and types are refused."""
    with pytest.raises(SignatureError) as caught:
        identity.checksum(account)
    assert caught.value.code == "bad_account"
