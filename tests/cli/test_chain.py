"""`coase chain`: up, deploy, status; and what a wallet holds on it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run
from coase.errors import ConfigurationError
from coase.identity import Identity
from coase.settlement.anvil import find_anvil
from coase.settlement.governance import Governance, GovernanceClient
from coase.settlement.keystore import Keystore
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call
from coase.settlement.rpc import RpcChain

ALICE = Identity.from_seed("chain command", "alice")
Coase = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with one wallet."""
    Keystore(tmp_path / "wallets").create("default", ALICE, "correct horse", work=2**10)
    return tmp_path


@pytest.fixture
def coase_json(home: Path, capsys: pytest.CaptureFixture[str]) -> Coase:
    """Runs a command in this process; gives what it prints."""

    def call(*arguments: str) -> Any:
        code = run([*arguments, "--home", str(home), "--json"])
        return {**json.loads(capsys.readouterr().out), "exit": code}

    return call


@contextmanager
def up(home: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A chain in a process of its own, ended by SIGINT as by Ctrl-C."""
    command = [sys.executable, "-m", "coase", "chain", "up", "--port", "0", "--home", str(home), "--json", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
            assert process.stdout.read() == ""


def test_a_chain_goes_on_where_it_was_left(home: Path, coase_json: Coase) -> None:
    """Up, deploy twice, look; down, up again at another port: the contracts and the money are there."""
    with up(home) as facts:
        assert facts["kind"] == "embedded"
        deployed = coase_json("chain", "deploy")
        assert deployed["deployer"] == facts["development_account"]
        assert coase_json("chain", "deploy") == deployed
        before = coase_json("chain", "status")
        assert all(contract["there"] for contract in before["contracts"].values())
    down = coase_json("chain", "status")
    assert (down["exit"], down["error"]["code"]) == (1, "chain_unavailable")
    with up(home):
        after = coase_json("chain", "status")
        assert {**after, "url": ""} == {**before, "url": ""}
        holds = coase_json("wallet", "balance")
        assert (holds["account"], holds["wei"], holds["dollars"]) == (ALICE.account, 100 * 10**18, 1_000_000_000)
        assert (holds["low"], holds["exit"]) == ([], 0)
        low = coase_json("wallet", "balance", "--least-dollars", "1000.01", "--least-ether", "101", "--check")
        assert (low["low"], low["exit"]) == (["ether", "dollars"], 1)
        taken = coase_json("chain", "up", "--port", "0")
        assert taken["error"]["code"] == "chain_in_use"


def test_a_chain_in_memory_forgets(home: Path, coase_json: Coase) -> None:
    """Nothing is kept, the contracts' addresses neither."""
    with up(home, "--memory"):
        coase_json("chain", "deploy")
        assert coase_json("chain", "status")["contracts"]
    with up(home, "--memory"):
        assert coase_json("chain", "status")["contracts"] == {}
        wallet = coase_json("chain", "deploy", "--wallet", "nobody")
        assert wallet["error"]["code"] == "unknown_wallet"


def test_a_market_is_given_to_its_voters(home: Path, coase_json: Coase) -> None:
    """Added to one that is there; asked again, with or without the option, it is found; the rules are offered."""
    with up(home, "--memory"):
        plain = coase_json("chain", "deploy")
        assert coase_json("chain", "status")["rules"] == {
            "owner": plain["deployer"],
            "offered_to": None,
            "governed": False,
        }
        other = "0x" + "ab" * 20
        times = ("--vote-delay", "1", "--vote-period", "20", "--timelock", "1")
        votes = ("--votes", "default=600", "--votes", f"{other}=400")
        governed = coase_json("chain", "deploy", "--governance", *votes, *times)
        new = set(governed["contracts"]) - set(plain["contracts"])
        assert new == {"votes", "timelock", "governor"}
        for again in ((), ("--governance",)):
            assert coase_json("chain", "deploy", *again) == governed
        found = coase_json("chain", "status")
        assert all(found["contracts"][name]["there"] for name in new)
        assert found["rules"]["owner"] == governed["deployer"]
        assert found["rules"]["offered_to"] == governed["contracts"]["timelock"]
        asyncio.run(take_the_rules(found["url"], governed["contracts"]))
        after = coase_json("chain", "status")["rules"]
        assert after == {"owner": governed["contracts"]["timelock"], "offered_to": None, "governed": True}


async def take_the_rules(url: str, contracts: dict[str, str]) -> None:
    """The first proposal, by the wallet's votes."""
    async with RpcChain(url) as chain:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            box = Outbox(chain.w3, ALICE, db, chain.chain_id)
            places = Governance(*(contracts[name] for name in ("votes", "timelock", "governor")))
            client = GovernanceClient(chain.w3, box, places, contracts["rules"])
            assert await client.weight(ALICE.account) == 0
            await client.delegate("mine")
            assert await client.weight(ALICE.account) == 600 * 10**18
            proposal = client.take_rules()
            number = await client.propose("propose", proposal)
            ticks = iter(range(100))

            async def until(state: str) -> None:
                while await client.state(number) != state:  # each block is a second
                    await box.send(f"tick/{next(ticks)}", Call(ALICE.account, gas=21_000))

            await until("active")
            await client.vote("vote", number, "for")
            await until("succeeded")
            await client.queue("queue", proposal)
            await box.send("tick", Call(ALICE.account, gas=21_000))
            await client.execute("execute", proposal)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--votes", "default=1"), "bad_votes"),
        (("--governance", "--votes", "default"), "bad_votes"),
        (("--governance", "--votes", "default=-1"), "bad_votes"),
        (("--governance", "--votes", "nobody=1"), "bad_votes"),
        (("--governance", "--votes", "default=1", "--votes", "default=2"), "bad_votes"),
        (("--governance", "--vote-period", "0"), "bad_times"),
        (("--governance", "--timelock", "-1"), "bad_times"),
    ],
)
def test_votes_and_times_that_cannot_be(coase_json: Coase, options: tuple[str, ...], code: str) -> None:
    """Refused before any chain is asked."""
    refused = coase_json("chain", "deploy", *options)
    assert (refused["error"]["code"], refused["exit"] != 0) == (code, True)


def test_anvil_serves_as_well(home: Path, coase_json: Coase) -> None:
    """The same commands, another node."""
    try:
        find_anvil()
    except ConfigurationError as error:
        if os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail(error.message)
        pytest.skip(error.message)
    with up(home, "--anvil") as facts:
        assert facts["kind"] == "anvil"
        coase_json("chain", "deploy")
        found = coase_json("chain", "status")
        assert all(contract["there"] for contract in found["contracts"].values())
        assert found["wallets"][0]["dollars"] == 1_000_000_000


def test_people_are_told_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json: sentences, and what to do next."""
    with up(home, "--memory"):
        for words, expected in (
            (["chain", "status"], "coase chain deploy"),
            (["chain", "deploy"], "token"),
            (["chain", "deploy", "--governance"], "governor"),
            (["chain", "status"], "offered to"),
            (["wallet", "balance", "--least-ether", "1000"], "Low: send ether"),
            (["wallet", "show"], ALICE.account),
        ):
            assert run([*words, "--home", str(home)]) == 0
            printed = capsys.readouterr()
            assert expected in printed.out + printed.err
