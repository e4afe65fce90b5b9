"""One secp256k1 key: a uAgents address and an EVM account. Signing goes through libsecp256k1 (coincurve).

Formats: agent addresses are bech32 (BIP 173) of the compressed public key under the prefix ``agent``; accounts are
EIP-55 checksummed; signatures are 65 bytes r, s, v with v 27 or 28 and low s (EIP-2), deterministic (RFC 6979).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

import coincurve
from Crypto.Hash import keccak as _keccak

from coase.errors import SignatureError

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_REMAINDERS = [0]  # what each of the 32 leading words adds to the checksum of BIP 173
for _generator in (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3):
    _REMAINDERS += [remainder ^ _generator for remainder in _REMAINDERS]


def keccak(data: bytes) -> bytes:
    """Keccak-256, 32 bytes."""
    return _keccak.new(digest_bits=256, data=data).digest()


class Identity:
    """A private key and what follows from it.

    Args:
        key: 32 bytes, a number from 1 to the group order minus 1.
    """

    __slots__ = ("_key", "account", "address", "public_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32 or not 0 < int.from_bytes(key, "big") < _ORDER:
            raise SignatureError("a private key is 32 bytes, between 1 and the group order", code="bad_key")
        self._key = coincurve.PrivateKey(key)
        self.public_key = self._key.public_key.format(compressed=True)
        self.address = agent_address(self.public_key)
        self.account = account_of(self.public_key)

    @classmethod
    def from_seed(cls, seed: int | str, name: str) -> Identity:
        """A key that depends on (seed, name) alone. For tests and demos: whoever knows the seed owns the money."""
        return cls(hashlib.sha256(f"coase/{seed}/{name}".encode()).digest())

    @property
    def secret(self) -> bytes:
        """The 32 bytes of the private key."""
        return self._key.secret

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest."""
        if len(digest) != 32:
            raise SignatureError(f"a digest is 32 bytes, not {len(digest)}", code="bad_digest")
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])

    def __repr__(self) -> str:
        return f"Identity({self.account})"


def account_of(public_key: bytes) -> str:
    """The EVM account of a public key, with the EIP-55 checksum."""
    return checksum("0x" + keccak(coincurve.PublicKey(public_key).format(compressed=False)[1:])[12:].hex())


def checksum(account: str) -> str:
    """An account with the EIP-55 checksum; `SignatureError` when it is not one."""
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
        raise SignatureError(f"{account!r} is not an account", hint="0x and 40 hexadecimal digits", code="bad_account")
    return _checksum(account[2:].lower())


@lru_cache(4096)
def _checksum(plain: str) -> str:
    marks = keccak(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(plain, marks, strict=False))


def recover(digest: bytes, signature: bytes) -> bytes:
    """The compressed public key that signed. Refuses the malleable twin (high s), as OpenZeppelin's ECDSA does."""
    if len(digest) != 32 or len(signature) != 65 or signature[64] not in (27, 28):
        raise SignatureError("a signature is 65 bytes r, s, v with v 27 or 28")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        raise SignatureError("the signature is not canonical (r or s out of range)")
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception as error:  # coincurve raises bare Exceptions and ValueErrors
        raise SignatureError("the signature belongs to no key") from error
    return bytes(key.format(compressed=True))


def verify(digest: bytes, signature: bytes, account: str) -> None:
    """Raise `SignatureError` unless `account` signed the digest."""
    signer = account_of(recover(digest, signature))
    if signer != checksum(account):
        raise SignatureError(f"signed by {signer}, not by {checksum(account)}")


# ---- bech32 (BIP 173)


def account_at(address: str) -> str:
    """The EVM account of an agent address: both are forms of one public key.

    Raises:
        SignatureError: not an agent address, or its checksum or key is wrong.
    """
    words = [_ALPHABET.find(c) for c in address[6:-6]] if isinstance(address, str) and len(address) == 65 else []
    value = 0
    for word in words:
        value = value << 5 | max(word, 0)
    key = (value >> len(words) * 5 % 8).to_bytes(33, "big") if len(words) == 53 else b""
    try:
        if agent_address(key) == address:
            return account_of(key)
    except ValueError:  # 33 bytes that are no point of the curve
        pass
    raise SignatureError(f"{str(address)[:80]!r} is not an agent address", code="bad_address")


def agent_address(public_key: bytes) -> str:
    """The uAgents address of a compressed public key: 65 characters from ``agent1``."""
    return bech32("agent", public_key)


def bech32(prefix: str, data: bytes) -> str:
    """BIP 173 text of some bytes."""
    words, bits, value = [], 0, 0
    for byte in data:
        value, bits = (value << 8) | byte, bits + 8
        while bits >= 5:
            bits -= 5
            words.append((value >> bits) & 31)
    if bits:
        words.append((value << (5 - bits)) & 31)
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = _polymod([*spread, *words, 0, 0, 0, 0, 0, 0]) ^ 1
    words += [(check >> 5 * (5 - i)) & 31 for i in range(6)]
    return prefix + "1" + "".join(_ALPHABET[w] for w in words)


def _polymod(words: Iterable[int]) -> int:
    value = 1
    for word in words:
        value = (value & 0x1FFFFFF) << 5 ^ word ^ _REMAINDERS[value >> 25]
    return value
