"""Wallets on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from coase.errors import CoaseError, ConfigurationError, UnknownName, UsageError
from coase.identity import Identity
from coase.settlement.keystore import Keystore

ALICE, BOB = Identity.from_seed("keystore", "alice"), Identity.from_seed("keystore", "bob")
SECRET, QUICK = "correct horse", 2**10


def test_a_wallet_comes_back_with_its_passphrase(tmp_path: Path) -> None:
    """Others cannot read the file; its account shows without the passphrase; other software opens it."""
    store = Keystore(tmp_path / "wallets")
    path = store.create("default", ALICE, SECRET, work=QUICK)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert (store.names(), store.account("default")) == (["default"], ALICE.account)
    assert store.unlock("default", SECRET).account == ALICE.account
    assert Account.decrypt(path.read_text(), SECRET) == ALICE.secret
    assert ALICE.secret.hex() not in path.read_text()


def test_a_wallet_is_never_replaced(tmp_path: Path) -> None:
    """The money of the one that is there would be lost."""
    store = Keystore(tmp_path)
    store.create("default", ALICE, SECRET, work=QUICK)
    with pytest.raises(UsageError) as caught:
        store.create("default", BOB, SECRET, work=QUICK)
    assert caught.value.code == "wallet_exists"
    assert store.unlock("default", SECRET).account == ALICE.account


@pytest.mark.parametrize("passphrase", ["", "wrong", SECRET + " "])
def test_a_wrong_passphrase_is_said(tmp_path: Path, passphrase: str) -> None:
    """It is the user's mistake, not a broken file."""
    store = Keystore(tmp_path)
    store.create("default", ALICE, SECRET, work=QUICK)
    with pytest.raises(UsageError) as caught:
        store.unlock("default", passphrase)
    assert caught.value.code == "wrong_passphrase"


def test_names_and_passphrases_have_a_form(tmp_path: Path) -> None:
    """No paths, no short passphrases; and what is not there is said, with what is."""
    store = Keystore(tmp_path)
    for name in ("../x", "", "a/b", ".x", "x" * 65):
        with pytest.raises(UsageError):
            store.path(name)
    with pytest.raises(UsageError) as caught:
        store.create("default", ALICE, "1234567", work=QUICK)
    assert caught.value.code == "weak_passphrase"
    store.create("here", ALICE, SECRET, work=QUICK)
    with pytest.raises(UnknownName, match="no wallet 'there'") as missing:
        store.account("there")
    assert "here" in missing.value.hint


def change(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one field changed, or taken out."""
    copy: dict[str, Any] = json.loads(json.dumps(body))
    *parents, last = path.split(".")
    inner = copy
    for name in parents:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("crypto.kdfparams.n", 2**30),
        ("crypto.kdfparams.r", 2**20),
        ("crypto.kdfparams.p", 2**20),
        ("crypto.kdfparams.n", "many"),
        ("crypto.kdf", "pbkdf2"),
        ("crypto.ciphertext", "zz"),
        ("crypto.kdfparams", None),
        ("crypto", None),
        ("version", 1),
        ("address", BOB.account),
        ("address", "nobody"),
    ],
)
def test_a_file_that_is_no_wallet_is_refused(tmp_path: Path, path: str, value: Any) -> None:
    """Work without end, other methods, missing fields, somebody else's account: refused, and nothing else happens."""
    store = Keystore(tmp_path)
    file = store.create("default", ALICE, SECRET, work=QUICK)
    file.write_text(json.dumps(change(json.loads(file.read_text()), path, value)))
    with pytest.raises(CoaseError) as caught:
        store.unlock("default", SECRET)
    assert caught.value.code == "bad_wallet"


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"address": 5}', "x" * 70_000])
def test_a_file_of_nonsense_is_refused(tmp_path: Path, text: str) -> None:
    """Showing it is refused as well."""
    (tmp_path / "default.json").write_text(text)
    with pytest.raises(ConfigurationError):
        Keystore(tmp_path).account("default")
