"""`coase channels`: a buyer and a seller with a wallet each, over a chain of their own, from deposit to withdrawal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run
from coase.identity import Identity
from coase.settlement.keystore import Keystore
from coase.settlement.rpc import RpcChain

ALICE, BOB = (Identity.from_seed("channels command", name) for name in ("alice", "bob"))
Coase = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with two wallets."""
    monkeypatch.setenv("COASE_PASSPHRASE", "correct horse")
    for name, who in (("alice", ALICE), ("bob", BOB)):
        Keystore(tmp_path / "wallets").create(name, who, "correct horse", work=2**10)
    return tmp_path


@pytest.fixture
def coase_json(home: Path, capsys: pytest.CaptureFixture[str]) -> Coase:
    """Runs a command in this process; gives what it prints."""

    def call(*arguments: str) -> Any:
        code = run([*arguments, "--home", str(home), "--json"])
        found = json.loads(capsys.readouterr().out)
        return {**found, "exit": code} if code else found

    return call


@pytest.fixture
def url(home: Path) -> Iterator[str]:
    """A chain in a process of its own, with contracts."""
    command = [sys.executable, "-m", "coase", "chain", "up", "--port", "0", "--memory", "--home", str(home), "--json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            found = json.loads(process.stdout.readline())["url"]
            assert run(["chain", "deploy", "--home", str(home)]) == 0
            yield found
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0


def later(url: str, seconds: int) -> None:
    """The chain's time goes by."""

    async def wait() -> None:
        async with RpcChain(url, moves_time=True) as chain:
            await chain.wait(seconds)

    asyncio.run(wait())


def test_from_deposit_to_withdrawal(url: str, home: Path, coase_json: Coase, capsys: Any) -> None:
    """Alice pays Bob for two calls, he claims, she takes the rest back; both hold what they should."""
    capsys.readouterr()
    opened = coase_json("channels", "open", BOB.account, "--amount", "5", "--delay", "3600", "--wallet", "alice")
    name = opened["id"]
    assert opened["balance"] == 5_000_000
    refused = coase_json("channels", "open", BOB.account, "--amount", "5", "--delay", "3600", "--wallet", "alice")
    assert (refused["exit"], refused["error"]["code"]) == (1, "channel_open")

    file, pay = home / "payment.json", ("channels", "pay", name[:12], "--wallet", "alice", "--price", "0.25")
    taken = []
    for call in ("one", "two", "two"):
        payment = coase_json(*pay, "--call", call)
        file.write_text(json.dumps(payment))
        taken.append(coase_json("channels", "charge", str(file), "--price", "0.25", "--wallet", "bob"))
    assert [(one["charged"], one["again"]) for one in taken] == [(250_000, False), (500_000, False), (500_000, True)]
    file.write_text(json.dumps({**payment, "call": "three"}))
    stolen = coase_json("channels", "charge", str(file), "--price", "0.25", "--wallet", "bob")
    assert (stolen["exit"], stolen["error"]["code"]) == (1, "voucher_spent")

    listed = coase_json("channels", "list")["channels"]
    assert {row["side"]: (row["id"], row["balance"]) for row in listed} == dict.fromkeys(
        ("payer", "receiver"), (name, 5_000_000)
    )
    assert [coase_json("channels", "claim", "--wallet", "bob")["paid"] for _ in range(2)] == [500_000, 0]

    asked = coase_json("channels", "withdraw", name, "--wallet", "alice")
    assert (asked["did"], asked["amount"]) == ("asked", 4_500_000)
    assert coase_json("channels", "show", name)["channel"]["chain"]["pending"]
    assert coase_json("channels", "withdraw", name, "--wallet", "alice")["did"] == "waits"
    file.write_text(json.dumps(coase_json(*pay, "--call", "three")))
    late = coase_json("channels", "charge", str(file), "--price", "0.25", "--wallet", "bob")
    assert late["charged"] == 750_000  # the till looked a moment ago, and will again before the delay is over
    later(url, 3600)
    assert coase_json("channels", "claim", "--wallet", "bob")["paid"] == 250_000  # which ends the withdrawal, once
    assert coase_json("channels", "withdraw", name, "--wallet", "alice")["amount"] == 4_250_000
    assert coase_json("channels", "withdraw", name, "--cancel", "--wallet", "alice")["did"] == "cancelled"
    coase_json("channels", "withdraw", name, "--amount", "4", "--wallet", "alice")
    later(url, 3600)
    back = coase_json("channels", "withdraw", name, "--wallet", "alice")
    assert (back["did"], back["amount"], len(back["transactions"])) == ("taken", 4_000_000, 1)
    holds = [coase_json("wallet", "balance", "--name", who)["dollars"] for who in ("alice", "bob")]
    assert holds == [1_000_000_000 - 1_000_000, 1_000_000_000 + 750_000]
    assert run(["channels", "list", "--home", str(home)]) == 0
    assert name[:18] in capsys.readouterr().out


def test_what_cannot_be_done_is_said(home: Path, coase_json: Coase, capsys: Any) -> None:
    """Without a channel, a chain or a payment."""
    assert coase_json("channels", "list") == {"channels": []}
    codes = {
        ("show", "0x12"): "unknown_channel",
        ("pay", "0x12", "--call", "a", "--price", "1", "--wallet", "alice"): "unknown_channel",
        ("claim", "--wallet", "alice"): "no_chain",
        ("open", BOB.account, "--amount", "1e3", "--wallet", "alice"): "amount",
        ("charge", str(home / "nothing"), "--price", "1", "--wallet", "alice"): "unreadable_file",
    }
    for words, code in codes.items():
        assert coase_json("channels", *words)["error"]["code"] == code
    assert run(["channels", "list", "--home", str(home)]) == 0
    assert "coase channels open" in capsys.readouterr().out
