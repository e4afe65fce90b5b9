"""coase.agent.envelope."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uagents_core.envelope import Envelope  # type: ignore[import-untyped]
from uagents_core.identity import Identity as StockIdentity  # type: ignore[import-untyped]

from coase.agent.envelope import ENVELOPE_BYTES, LIFETIME, Opener, seal, sign_digest, verify_digest
from coase.errors import SignatureError, TransportError
from coase.identity import Identity, agent_address, bech32
from coase.testing.clock import ManualClock

ALICE, BOB = Identity.from_seed("envelope", "alice"), Identity.from_seed("envelope", "bob")
STOCK = StockIdentity.from_seed("envelope tests", 0)
DIGEST = "model:" + "0" * 64
SESSION = uuid.UUID(int=0x1234, version=4)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def clock() -> ManualClock:
    """Stands at 1,700,000,000."""
    return ManualClock()


@pytest.fixture
def opener(clock: ManualClock) -> Opener:
    """Bob's."""
    return Opener(BOB.address, clock)


def sealed(clock: ManualClock, **changes: Any) -> bytes:
    """An envelope from Alice to Bob, signed, and then changed."""
    raw = seal(ALICE, BOB.address, DIGEST, '{"n":1}', SESSION, clock())
    return json.dumps(json.loads(raw) | changes).encode()


def stock_envelope(clock: ManualClock, **fields: Any) -> Envelope:
    """What an unmodified uAgents puts on the wire."""
    fields = {"expires": clock() + 30, "sender": STOCK.address, "target": BOB.address} | fields
    envelope = Envelope(version=1, session=SESSION, schema_digest=DIGEST, **fields)
    envelope.encode_payload('{"n":2}')
    envelope.sign(STOCK)
    return envelope


def reason(opener: Opener, raw: bytes) -> str:
    """The code with which it is refused, or ``opened``."""
    try:
        opener.open(raw)
    except TransportError as error:
        return error.code
    return "opened"


def test_what_is_sealed_can_be_opened(clock: ManualClock, opener: Opener) -> None:
    """Sender, message and session arrive as they left."""
    opened = opener.open(sealed(clock))
    assert (opened.sender, opened.schema_digest, opened.text) == (ALICE.address, DIGEST, '{"n":1}')
    assert opened.session == SESSION


def test_stock_uagents_verifies_ours(clock: ManualClock) -> None:
    """The other way round: our envelope passes `uagents_core`'s own check."""
    envelope = Envelope.model_validate_json(sealed(clock))
    assert envelope.verify() is True
    assert envelope.decode_payload() == '{"n":1}'


def test_we_verify_those_of_stock(clock: ManualClock, opener: Opener) -> None:
    """Signatures of stock have a high s half of the time; each opens."""
    for nonce in range(12):
        opened = opener.open(stock_envelope(clock, nonce=nonce).model_dump_json().encode())
        assert (opened.sender, opened.text) == (STOCK.address, '{"n":2}')


def test_a_replay_is_refused_where_stock_accepts_it(clock: ManualClock, opener: Opener) -> None:
    """The same envelope again is refused until it expires, then for having expired."""
    raw = sealed(clock)
    assert Envelope.model_validate_json(raw).verify() is Envelope.model_validate_json(raw).verify() is True
    assert [reason(opener, raw), reason(opener, raw)] == ["opened", "replayed"]
    clock.advance(LIFETIME - 1)
    assert reason(opener, raw) == "replayed"
    clock.advance(1)
    assert reason(opener, raw) == "expired"


def test_the_twin_of_a_signature_is_a_replay_too(clock: ManualClock, opener: Opener) -> None:
    """Whoever flips s makes another valid signature of the same envelope, not another envelope."""
    raw = sealed(clock)
    fields = json.loads(raw)
    signature = base64_of_bech32(fields["signature"])
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    twin = json.dumps(fields | {"signature": bech32("sig", r + (ORDER - s).to_bytes(32, "big"))}).encode()
    assert twin != raw
    assert [reason(opener, twin), reason(opener, raw)] == ["opened", "replayed"]


def base64_of_bech32(text: str) -> bytes:
    """The 64 bytes of a signature, by stock's own decoder."""
    from uagents_core.identity import _decode_bech32

    return bytes(_decode_bech32(text)[1])


def test_an_expired_envelope_is_refused_where_stock_accepts_it(clock: ManualClock, opener: Opener) -> None:
    """Expired, never expiring, or expiring so late that nobody could remember it."""
    hour_ago = stock_envelope(clock, expires=clock() - 3_600)
    assert hour_ago.verify() is True
    assert reason(opener, hour_ago.model_dump_json().encode()) == "expired"
    assert reason(opener, stock_envelope(clock, expires=None).model_dump_json().encode()) == "expired"
    assert reason(opener, stock_envelope(clock, expires=clock() + 121).model_dump_json().encode()) == "expires_too_late"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payload": base64.b64encode(b'{"n":2}').decode()}, "bad_signature"),
        ({"session": str(uuid.UUID(int=5, version=4))}, "bad_signature"),
        ({"schema_digest": "model:" + "1" * 64}, "bad_signature"),
        ({"sender": BOB.address}, "bad_signature"),
        ({"nonce": 5}, "bad_signature"),
        ({"nonce": None}, "bad_signature"),
        ({"expires": 1_700_000_031}, "bad_signature"),
        ({"signature": None}, "bad_signature"),
        ({"signature": ""}, "bad_signature"),
        ({"signature": "sig1junk"}, "bad_signature"),
        ({"signature": "sig1" + "q" * 109}, "bad_signature"),
        ({"signature": "sig1" + "l" * 109}, "bad_signature"),
        ({"sender": "user1" + "q" * 60, "signature": None}, "unsigned_sender"),
        ({"sender": "agent1" + "q" * 59}, "bad_signature"),
        ({"sender": "AGENT1" + "Q" * 59}, "unsigned_sender"),
        ({"sender": ""}, "unsigned_sender"),
        ({"target": ALICE.address}, "wrong_target"),
        ({"version": 2}, "not_an_envelope"),
        ({"nonce": -1}, "not_an_envelope"),
        ({"nonce": 2**64}, "not_an_envelope"),
        ({"expires": 2**80}, "not_an_envelope"),
        ({"payload": None}, "not_an_envelope"),
        ({"payload": "é"}, "not_an_envelope"),
        ({"payload": "eyJu IjoxfQ=="}, "not_an_envelope"),
        ({"payload": base64.b64encode(b"\xff").decode()}, "not_an_envelope"),
        ({"schema_digest": "model:x"}, "not_an_envelope"),
        ({"session": "x"}, "not_an_envelope"),
    ],
)
def test_a_changed_envelope_is_refused(clock: ManualClock, opener: Opener, changes: dict[str, Any], code: str) -> None:
    """Every field that matters is signed or must have one value; an unsigned sender is nobody."""
    assert reason(opener, sealed(clock, **changes)) == code
    assert reason(opener, sealed(clock)) == "opened"


def test_fields_that_stock_does_not_sign_mean_nothing(clock: ManualClock, opener: Opener) -> None:
    """`protocol_digest` can be changed by anyone on the way, so nobody reads it."""
    assert opener.open(sealed(clock, protocol_digest="proto:" + "0" * 64)).text == '{"n":1}'


def test_the_boundary_of_signed_bytes_cannot_be_moved(clock: ManualClock, opener: Opener) -> None:
    """Stock signs a concatenation: the expiry read as a nonce is the same bytes, and must not be another envelope."""
    raw = stock_envelope(clock).model_dump_json().encode()
    fields = json.loads(raw)
    moved = json.dumps(fields | {"expires": None, "nonce": fields["expires"]}).encode()
    assert Envelope.model_validate_json(moved).verify() is True
    assert reason(opener, moved) == "expired"


def test_what_is_too_large_is_not_even_parsed(clock: ManualClock, opener: Opener) -> None:
    """The size is looked at first."""
    assert reason(opener, sealed(clock) + b" " * ENVELOPE_BYTES) == "message_too_large"


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_arbitrary_bytes_are_no_envelope(raw: bytes) -> None:
    """Noise is refused by name, never by an exception of a parser."""
    assert reason(Opener(BOB.address, ManualClock()), raw) == "not_an_envelope"


def test_two_equal_messages_are_two_envelopes(clock: ManualClock, opener: Opener) -> None:
    """Saying the same twice within a second is no replay."""
    assert [reason(opener, sealed(clock)) for _ in range(3)] == ["opened"] * 3


def test_the_memory_of_an_opener_is_bounded(clock: ManualClock) -> None:
    """When it is full it refuses rather than forgets, and has room again once envelopes have expired."""
    opener = Opener(BOB.address, clock, most=2)
    first = sealed(clock)
    assert [reason(opener, raw) for raw in (first, sealed(clock), sealed(clock), first)] == [
        "opened",
        "opened",
        "busy",
        "replayed",
    ]
    clock.advance(LIFETIME)
    assert reason(opener, sealed(clock)) == "opened"
    assert len(opener._seen) == len(opener._by_expiry) == 1


@given(st.binary(min_size=32, max_size=32), st.integers(min_value=1, max_value=2**255))
def test_signatures_are_those_of_stock(digest: bytes, secret: int) -> None:
    """Any key, any digest: stock accepts ours, we accept stock's, and neither for another digest."""
    ours = Identity(secret.to_bytes(32, "big"))
    theirs = StockIdentity.from_string(ours.secret.hex())
    assert theirs.address == ours.address
    assert StockIdentity.verify_digest(ours.address, digest, sign_digest(ours, digest))
    verify_digest(theirs.address, digest, theirs.sign_digest(digest))
    other = hashlib.sha256(digest).digest()
    with pytest.raises(SignatureError):
        verify_digest(theirs.address, other, theirs.sign_digest(digest))


@pytest.mark.parametrize("r_and_s", [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 2**256 - 1)])
def test_numbers_out_of_range_are_no_signature(r_and_s: tuple[int, int]) -> None:
    """Zero and the group order are refused before the curve is asked."""
    text = bech32("sig", b"".join(number.to_bytes(32, "big") for number in r_and_s))
    with pytest.raises(SignatureError):
        verify_digest(ALICE.address, bytes(32), text)


def test_an_address_must_be_a_point_and_canonical() -> None:
    """33 bytes that are no key, and an address whose checksum is wrong, verify nothing."""
    signature = sign_digest(ALICE, bytes(32))
    verify_digest(ALICE.address, bytes(32), signature)
    swapped = ALICE.address[:-1] + ("q" if ALICE.address[-1] != "q" else "p")
    for address in (agent_address(b"\x02" + bytes(32)), agent_address(b"\x07" + bytes(32)), swapped, "agent1"):
        with pytest.raises(SignatureError):
            verify_digest(address, bytes(32), signature)
