"""Private keys on disk, encrypted with a passphrase: one Web3 Secret Storage file (version 3) a wallet."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from coase.errors import ConfigurationError, MissingExtra, SignatureError, UnknownName, UsageError
from coase.identity import Identity, checksum

try:
    from eth_account import Account
except ImportError as error:
    raise MissingExtra("the wallet", "chain") from error

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
WORK = 2**18  # scrypt's N: about a second, and 256 MiB, for each guess
LEAST_PASSPHRASE = 8
MOST_BYTES = 65_536
MOST_WORK = 2**20  # a file from elsewhere may not ask for more


class Keystore:
    """The wallets in a folder, which only its owner can read.

    Args:
        folder: made when the first wallet is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The wallets that there are."""
        return sorted(path.stem for path in self.folder.glob("*.json") if _NAME.fullmatch(path.stem))

    def path(self, name: str) -> Path:
        """The file of a wallet, which need not exist. `UsageError` when that is no name."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name[:40]!r} is no name for a wallet", hint="letters, digits, '-', '_' and '.'", code="bad_name"
            )
        return self.folder / f"{name}.json"

    def account(self, name: str) -> str:
        """The account of a wallet; no passphrase is needed for that."""
        found = self._read(name).get("address")
        try:
            return checksum("0x" + str(found).removeprefix("0x"))
        except SignatureError as error:
            raise _broken(self.path(name), "it names no account") from error

    def create(self, name: str, identity: Identity, passphrase: str, *, work: int = WORK) -> Path:
        """Write a wallet; returns its file. An existing one is never replaced.

        Args:
            work: scrypt's N, a power of two.

        Raises:
            UsageError: `wallet_exists`, `weak_passphrase`.
        """
        if len(passphrase) < LEAST_PASSPHRASE:
            raise UsageError(
                f"a passphrase has {LEAST_PASSPHRASE} characters or more",
                hint="who has the file can try as many as time allows",
                code="weak_passphrase",
            )
        path = self.path(name)
        body = Account.encrypt(identity.secret, passphrase, kdf="scrypt", iterations=work)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UsageError(
                f"there is a wallet '{name}' already", hint="choose another name with --name", code="wallet_exists"
            ) from error
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be written: {error.strerror}", code="home_not_writable") from error
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(body, file)
            file.flush()
            os.fsync(file.fileno())
        return path

    def unlock(self, name: str, passphrase: str) -> Identity:
        """The key of a wallet.

        Raises:
            UnknownName: there is no such wallet.
            UsageError: `wrong_passphrase`.
            ConfigurationError: the file is not a wallet, or asks for more work than is reasonable.
        """
        body, path = self._read(name), self.path(name)
        try:
            parameters = body["crypto"]["kdfparams"]
            if body["version"] != 3 or body["crypto"]["kdf"] != "scrypt":
                raise _broken(path, "it is of another version, or asks for another method than scrypt")
            if int(parameters["n"]) * int(parameters["r"]) > 8 * MOST_WORK:
                raise _broken(path, "it asks for more work than ours")
            if not 0 < int(parameters["p"]) <= 16:
                raise _broken(path, "it asks for more work than ours")
            secret = bytes(Account.decrypt(body, passphrase))
        except ValueError as error:
            if "MAC" not in str(error):
                raise _broken(path, "it cannot be decrypted") from error
            raise UsageError(
                f"that is not the passphrase of the wallet '{name}'", hint="try again", code="wrong_passphrase"
            ) from error
        except (LookupError, TypeError, AttributeError) as error:
            raise _broken(path, "a field is missing") from error
        identity = Identity(secret)
        if identity.account != self.account(name):
            raise _broken(path, f"its key is that of {identity.account}")
        return identity

    def _read(self, name: str) -> dict[str, Any]:
        path = self.path(name)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise _broken(path, "it is too large")
            body = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            known = ", ".join(self.names())
            raise UnknownName(
                f"there is no wallet '{name}' in {self.folder}",
                hint=f"there are {known}" if known else "make one: coase wallet new",
                code="unknown_wallet",
            ) from error
        except (OSError, ValueError) as error:
            raise _broken(path, "it cannot be read") from error
        if not isinstance(body, dict):
            raise _broken(path, "it is no object")
        return body


def _broken(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is not a wallet of ours: {why}", hint="restore it from a backup", code="bad_wallet"
    )
