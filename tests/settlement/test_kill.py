"""The same recovery with real processes: SIGKILL at each point of deploying, opening, delivering and releasing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_LIFE = """
import asyncio, json, pathlib, sqlite3
from coase.identity import Identity
from coase.settlement.deploy import deploy
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.escrow import EscrowClient
from coase.settlement.outbox import Outbox
from coase.terms.agreement import Agreement
import coase.crash

folder = pathlib.Path({folder!r})
names = ("deployer", "buyer", "seller", "arbiter")
people = dict((name, Identity.from_seed("kill", name)) for name in names)

async def main():
    alloc = dict((person.account, 10**20) for person in people.values())
    async with EmbeddedChain(folder / "chain", alloc=alloc) as chain:
        boxes = dict()
        for name, person in people.items():
            db = sqlite3.connect(folder / (name + ".sqlite"), isolation_level=None)
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = full")
            boxes[name] = Outbox(chain.w3, person, db, chain.chain_id)
            await boxes[name].resume()
        accounts = dict((name, person.account) for name, person in people.items() if name != "deployer")
        contracts = await deploy(boxes["deployer"], dict((account, 1000) for account in accounts.values()))
        parties = dict(
            (name, EscrowClient(chain.w3, boxes[name], contracts.token, contracts.escrow, chain.chain_id))
            for name in accounts
        )
        agreement = Agreement(
            **accounts, token=contracts.token, price=100, deliver_by=1700001000, review_seconds=9, ruling_seconds=9,
            terms_hash="00" * 32, salt="00" * 32,
        )
        buyer, seller = parties["buyer"], parties["seller"]
        await buyer.open("open", agreement, people["seller"].sign(buyer.digest(agreement)))
        await seller.deliver("deliver", agreement, bytes(31) + b"x")
        await buyer.release("release", agreement)
        counts = [await chain.w3.eth.get_transaction_count(people[name].account) for name in names]
        head = await chain.w3.eth.get_block("latest")
        print(json.dumps(dict(
            counts=counts, head=head["hash"].hex(), points=coase.crash.passed,
            balances=[await buyer.balance(account) for account in [*accounts.values(), contracts.escrow]],
        )))

asyncio.run(main())
"""


def live(folder: Path, at: int) -> subprocess.CompletedProcess[str]:
    """One life of a deal, killed at a crash point (0: not at all)."""
    environment = {**os.environ, "COASE_CRASH_AT": str(at)}
    code = _LIFE.format(folder=str(folder))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.soak
def test_a_deal_survives_a_kill_at_every_point(tmp_path: Path) -> None:
    """Whatever point is hit, the second life ends with the transactions, balances and head of an undisturbed one."""
    plain = tmp_path / "plain"
    plain.mkdir()
    expected = json.loads(live(plain, 0).stdout)
    assert expected["counts"] == [4, 2, 1, 0]
    assert expected["balances"] == [900, 1100, 1000, 0]
    points = expected.pop("points")
    assert points == 42
    for at in range(1, points + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        assert live(folder, at).returncode == -signal.SIGKILL
        done = live(folder, 0)
        assert done.returncode == 0, (at, done.stderr)
        found = json.loads(done.stdout)
        del found["points"]
        assert found == expected, at
