"""`coase wallet`: keys encrypted on disk, and warnings."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run
from coase.identity import Identity
from coase.settlement import keystore

KEY = Identity.from_seed("wallet", "key")


@pytest.fixture
def wallet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs `coase wallet` in this process, in a home of its own, with little work for scrypt; gives (code, object)."""
    monkeypatch.setenv("COASE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COASE_PASSPHRASE", "correct horse")
    monkeypatch.delenv("COASE_RPC", raising=False)
    monkeypatch.setattr(keystore.Keystore.create, "__kwdefaults__", {"work": 2**10})

    def call(*arguments: str) -> tuple[int, Any]:
        code = run(["wallet", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_new_wallet_is_made_once(wallet: Callable[..., Any], tmp_path: Path) -> None:
    """It is shown afterwards; a second one of the same name is refused, another name is not."""
    code, made = wallet("new")
    assert code == 0
    file = Path(made["file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keystore.Keystore(file.parent).unlock("default", "correct horse").address == made["address"]
    code, refused = wallet("new")
    assert (code, refused["error"]["code"]) == (1, "wallet_exists")
    wallet("new", "--name", "other")
    assert [one["name"] for one in wallet("show")[1]["wallets"]] == ["default", "other"]
    assert made["account"] == wallet("show")[1]["wallets"][0]["account"]


def test_a_key_is_imported_from_a_file(wallet: Callable[..., Any], tmp_path: Path) -> None:
    """With or without 0x; nonsense is refused without being repeated."""
    file = tmp_path / "key"
    file.write_text("0x" + KEY.secret.hex() + "\n")
    assert wallet("import", "--key-file", str(file))[1]["account"] == KEY.account
    for text in ("", "zz", "00" * 32, "ff" * 32, KEY.secret.hex() + "00"):
        file.write_text(text)
        code, refused = wallet("import", "--key-file", str(file), "--name", "other")
        assert (code, refused["error"]["code"]) == (1, "bad_key")
        assert text[:10] not in json.dumps(refused) or not text
    assert wallet("import", "--key-file", str(tmp_path / "none"))[1]["error"]["code"] == "unreadable_file"


def test_where_passphrases_come_from(
    wallet: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that only its owner can read; else the variable; without a terminal to ask on, an error that says so."""
    file = tmp_path / "passphrase"
    file.write_text("from a file\nsecond line\n")
    file.chmod(0o644)
    assert wallet("new", "--passphrase-file", str(file))[1]["error"]["code"] == "passphrase_file_open"
    file.chmod(0o600)
    made = wallet("new", "--passphrase-file", str(file))[1]
    assert keystore.Keystore(Path(made["file"]).parent).unlock("default", "from a file").account == made["account"]
    monkeypatch.delenv("COASE_PASSPHRASE")
    assert wallet("new", "--name", "other")[1]["error"]["code"] == "no_passphrase"
    monkeypatch.setenv("COASE_PASSPHRASE", "short")
    assert wallet("new", "--name", "other")[1]["error"]["code"] == "weak_passphrase"


def test_errors_before_a_chain_is_asked(wallet: Callable[..., Any]) -> None:
    """No wallet, no chain, no node, a bad amount: each says what to do."""
    assert wallet("balance")[1]["error"]["code"] == "unknown_wallet"
    wallet("new")
    missing = wallet("balance")[1]["error"]
    assert missing["code"] == "no_chain"
    assert "coase chain up" in missing["hint"]
    assert wallet("balance", "--rpc", "http://127.0.0.1:1")[1]["error"]["code"] == "chain_unavailable"
    assert wallet("balance", "--rpc", "ftp://x")[1]["error"]["code"] == "configuration"
    assert wallet("new", "--name", "../x")[1]["error"]["code"] == "bad_name"
