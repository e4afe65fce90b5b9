"""uAgents envelopes on an open road: signed when they leave, and on arrival checked for everything that stock forgets.

The signature covers sender, target, session, schema digest, payload, expiry and nonce, not `version` and
`protocol_digest`: those two mean nothing here. Stock accepts an envelope again and again, and years after it expired.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import heapq
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import coincurve
from pydantic import ValidationError

from coase.agent.inbox import is_agent_address
from coase.agent.message import CEILING
from coase.errors import MissingExtra, SignatureError, TransportError
from coase.identity import Identity, agent_address, bech32

try:
    from uagents_core.envelope import Envelope  # type: ignore[import-untyped]
except ImportError as _error:
    raise MissingExtra("signed envelopes", "agents") from _error

Clock = Callable[[], int]
"""Unix time in whole seconds."""

ENVELOPE_BYTES = CEILING * 4 // 3 + 4_096
"""Most bytes of a sealed envelope: the payload is base64."""

LIFETIME = 30
"""Seconds after which an envelope that we seal expires; stock uAgents uses the same."""

_LONGEST = 120
_DIGEST = re.compile(r"model:[0-9a-f]{64}", re.ASCII)
_BECH32 = re.compile(r"(agent|sig)1([02-9ac-hj-np-z]{1,120})[02-9ac-hj-np-z]{6}", re.ASCII)
_BASE32 = str.maketrans("qpzry9x8gf2tvdw0s3jn54khce6mua7l", "0123456789abcdefghijklmnopqrstuv")
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def wall_clock() -> int:
    """Unix time in whole seconds."""
    return int(time.time())


@dataclass(frozen=True)
class Opened:
    """What an envelope said, after every check."""

    sender: str
    schema_digest: str
    text: str
    session: uuid.UUID


def seal(key: Identity, to: str, schema_digest: str, text: str, session: uuid.UUID, now: int) -> bytes:
    """A signed envelope as JSON. The nonce makes equal messages differ: the second is not a replay of the first."""
    envelope = Envelope(
        version=1,
        sender=key.address,
        target=to,
        session=session,
        schema_digest=schema_digest,
        expires=now + LIFETIME,
        nonce=time.time_ns(),
    )
    envelope.encode_payload(text)
    envelope.signature = sign_digest(key, envelope._digest())
    return str(envelope.model_dump_json()).encode()


class Opener:
    """Opens what arrives for one address.

    Args:
        address: ours.
        clock: for expiry.
        most: envelopes remembered until they expire; when it is full, more are refused rather than any forgotten.
    """

    def __init__(self, address: str, clock: Clock = wall_clock, most: int = 65_536) -> None:
        self._address, self._clock, self._most = address, clock, most
        self._seen: set[bytes] = set()
        self._by_expiry: list[tuple[int, bytes]] = []

    def open(self, raw: bytes) -> Opened:
        """Check everything, cheapest first; `TransportError` with the reason as its code.

        Codes: ``message_too_large``, ``not_an_envelope``, ``unsigned_sender``, ``wrong_target``, ``expired``,
        ``expires_too_late``, ``bad_signature``, ``replayed``, ``busy``.
        """
        if len(raw) > ENVELOPE_BYTES:
            raise _refusal("message_too_large", f"an envelope of {len(raw)} bytes")
        try:
            envelope = Envelope.model_validate_json(raw)
        except ValidationError:
            raise _refusal("not_an_envelope", "something that is not an envelope") from None
        if not is_agent_address(envelope.sender):
            raise _refusal("unsigned_sender", "an envelope of somebody who is not an agent")
        if envelope.target != self._address:
            raise _refusal("wrong_target", "an envelope for somebody else")
        text, expires = _payload(envelope), envelope.expires
        now = self._clock()
        if expires is None or expires <= now:
            raise _refusal("expired", f"an envelope that expired at {expires}, now is {now}")
        if expires > now + _LONGEST:
            raise _refusal("expires_too_late", f"an envelope that expires in {expires - now} s, at most {_LONGEST}")
        digest = envelope._digest()
        self._forget(now)
        # By content: a signature has a twin (high s) that is as valid.
        if digest in self._seen:
            raise _refusal("replayed", "an envelope that came before")
        try:
            verify_digest(envelope.sender, digest, envelope.signature or "")
        except SignatureError:
            raise _refusal("bad_signature", "an envelope that its sender did not sign") from None
        if len(self._seen) >= self._most:
            raise _refusal("busy", "an envelope too many at once")
        self._seen.add(digest)
        heapq.heappush(self._by_expiry, (expires, digest))
        return Opened(envelope.sender, envelope.schema_digest, text, envelope.session)

    def _forget(self, now: int) -> None:
        while self._by_expiry and self._by_expiry[0][0] <= now:
            self._seen.discard(heapq.heappop(self._by_expiry)[1])


def _payload(envelope: Envelope) -> str:
    """The payload. Strict: the signed bytes are a plain concatenation, which a lax reading could split differently."""
    nonce = envelope.nonce
    if (
        envelope.version != 1
        or not _DIGEST.fullmatch(envelope.schema_digest)
        or envelope.payload is None
        or (nonce is not None and not 0 <= nonce < 2**64)
        or (envelope.expires is not None and not 0 <= envelope.expires < 2**63)
    ):
        raise _refusal("not_an_envelope", "an envelope with a field out of range")
    try:
        return base64.b64decode(envelope.payload, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _refusal("not_an_envelope", "an envelope with a payload that is not base64 of UTF-8") from None


def _refusal(code: str, what: str) -> TransportError:
    return TransportError(f"refused {what}", code=code)


# ---- signatures over 32-byte digests, in the notation of uAgents: bech32 of r and s under the prefix ``sig``


def sign_digest(key: Identity, digest: bytes) -> str:
    """A ``sig1...`` signature."""
    return bech32("sig", key.sign(digest)[:64])


def verify_digest(address: str, digest: bytes, signature: str) -> None:
    """Raise `SignatureError` unless the agent at `address` signed. High s is fine: stock makes it half of the time."""
    raw = _decode("sig", signature, 64)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise SignatureError("the signature is out of range")
    if not _public_key(address).verify(_der(r, min(s, _ORDER - s)), digest, hasher=None):
        raise SignatureError(f"not signed by {address}")


@functools.lru_cache(4_096)
def _public_key(address: str) -> coincurve.PublicKey:
    data = _decode("agent", address, 33)
    try:
        key = coincurve.PublicKey(data)
    except ValueError as error:
        raise SignatureError(f"{address!r} is not an agent address") from error
    if agent_address(data) != address:
        raise SignatureError(f"{address!r} is not in canonical form")
    return key


def _decode(prefix: str, text: str, size: int) -> bytes:
    """The bytes in bech32 text. Its checksum is not looked at: a signature proves what comes out, or nothing does."""
    match = _BECH32.fullmatch(text)
    words = (size * 8 + 4) // 5
    if match is None or match[1] != prefix or len(match[2]) != words:
        raise SignatureError(f"not {prefix}1 and {size} bytes of bech32")
    padding = words * 5 - size * 8
    value = int(match[2].translate(_BASE32), 32)
    if value & ((1 << padding) - 1):
        raise SignatureError("bech32 with bits to spare")
    return (value >> padding).to_bytes(size, "big")


def _der(r: int, s: int) -> bytes:
    """ASN.1 DER of two positive integers (SEC 1, C.5)."""
    body = b"".join(
        b"\x02" + bytes([len(number)]) + number
        for number in (value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (r, s))
    )
    return b"\x30" + bytes([len(body)]) + body


def hash_text(text: str) -> bytes:
    """SHA-256 of UTF-8 text, 32 bytes."""
    return hashlib.sha256(text.encode()).digest()
