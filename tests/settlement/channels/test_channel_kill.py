"""The same recovery with real processes: SIGKILL at each point from the deposit to the payout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LEAST_POINTS = 50  # fewer would mean that crash points were lost

_LIFE = """
import asyncio, json, pathlib
from contextlib import ExitStack
from coase.errors import PaymentRefused
from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.book import Cover, open_book
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.till import Till
from coase.settlement.deploy import deploy
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.outbox import Outbox
from coase.settlement.token import balance_of
import coase.crash

folder = pathlib.Path({folder!r})
alice, bob, deployer = (Identity.from_seed("channel kill", name) for name in ("alice", "bob", "deployer"))

async def main():
    alloc = dict((one.account, 10**20) for one in (alice, bob, deployer))
    async with EmbeddedChain(folder / "chain", alloc=alloc) as chain:
        with ExitStack() as stack:
            def book(who, place, token):
                cover = Cover(Place(chain.chain_id, place), token, who.account)
                return stack.enter_context(open_book(folder / (who.account + ".db"), cover))
            boot = book(deployer, "0x" + "11" * 20, "0x" + "22" * 20)
            found = await deploy(Outbox(chain.w3, deployer, boot, chain.chain_id), dict([(alice.account, 10_000)]))
            place, token = Place(chain.chain_id, found.channels), found.token
            books = dict((who, book(who, found.channels, token)) for who in (alice, bob))
            clients = dict()
            for who, db in books.items():
                box = Outbox(chain.w3, who, db, chain.chain_id)
                await box.resume()
                clients[who] = ChannelsClient(chain.w3, box, place, PriceCap(token, 10_000))
            channel = ChannelConfig(alice.account, bob.account, token, 3600)
            await clients[alice].deposit("deposit", channel, 10_000)
            payer = Payer(alice, place, books[alice], most_a_call=100)
            payer.funded(channel, (await clients[alice].state(channel)).balance)
            till = Till(place, Terms(bob.account, token), books[bob], lambda: 0)
            await till.look(clients[bob], channel)
            collector = Collector(till, clients[bob])
            await collector.resume()
            for number in range(3):
                price = 100 - number
                charge = till.charge(payer.pay(channel, str(number), 100), price)
                payer.ended(channel, charge.call, price)
            try:
                till.give_back(till.charge(payer.pay(channel, "failed", 5), 5).channel, "failed")
                payer.ended(channel, "failed", 0)
            except PaymentRefused as over:
                assert over.code == "call_ended"
            await collector.collect(everything=True)
            await collector.settle("payout")
            account, purse = till.accounts()[0], payer.purse(channel)
            print(json.dumps(dict(
                counts=[await chain.w3.eth.get_transaction_count(one.account) for one in (alice, bob, deployer)],
                books=[account.charged, account.unclaimed, purse.spent], points=coase.crash.passed,
                balances=[await balance_of(clients[bob].outbox.node, token, one)
                          for one in (alice.account, bob.account, found.channels)],
            )))

asyncio.run(main())
"""


def live(folder: Path, at: int) -> subprocess.CompletedProcess[str]:
    """One life of both parties, killed at a crash point (0: not at all)."""
    environment = {**os.environ, "COASE_CRASH_AT": str(at)}
    code = _LIFE.format(folder=str(folder))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.soak
@pytest.mark.timeout(1_200)  # about a hundred points, two lives each
def test_channels_survive_a_kill_at_every_point(tmp_path: Path) -> None:
    """Whatever point is hit, the second life ends with the transactions, books and balances of an undisturbed one."""
    plain = tmp_path / "plain"
    plain.mkdir()
    first = live(plain, 0)
    assert first.returncode == 0, first.stderr[-2_000:]
    expected = json.loads(first.stdout)
    points = expected.pop("points")
    assert points > LEAST_POINTS
    assert expected == {"counts": [1, 2, 4], "books": [297, 0, 297], "balances": [0, 297, 9_703]}
    for at in range(1, points + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        killed = live(folder, at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr[-2_000:]
        after = live(folder, 0)
        assert after.returncode == 0, (killed.stderr, after.stderr[-2_000:])
        found = json.loads(after.stdout)
        del found["points"]
        assert found == expected, killed.stderr
