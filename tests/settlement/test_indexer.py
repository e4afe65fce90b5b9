"""The index of events: complete, idempotent, and in step with a chain that changes its mind."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ChainUnavailable, ConfigurationError, SettlementError
from coase.identity import Identity
from coase.settlement.artifacts import artifact
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.indexer import Changes, Indexer
from coase.settlement.logs import find_logs
from coase.settlement.node import Node
from coase.settlement.provider import connect
from coase.settlement.token import transfer_call
from coase.testing.backends import FILLER, AnyChain
from coase.testing.chain import DEPLOYER, IMPATIENT, DeployedChain, FlakyProvider, with_contracts
from coase.testing.reorg import add_blocks, reorganise

ALICE, BOB = Identity.from_seed("indexer", "alice"), Identity.from_seed("indexer", "bob")
ABI = [artifact("TestDollar").abi]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """An index in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        yield found


@asynccontextmanager
async def dollars() -> AsyncIterator[tuple[EmbeddedChain, DeployedChain]]:
    """A chain on which Alice has 1,000 base units, and a filler ether."""
    alloc = {person.account: 10**20 for person in (ALICE, DEPLOYER, FILLER)}
    async with EmbeddedChain(alloc=alloc) as chain, with_contracts(chain, {ALICE.account: 1_000}) as deployed:
        yield chain, deployed


def index(deployed: DeployedChain | AnyChain, token: str, db: sqlite3.Connection, w3: Any = None) -> Indexer:
    """An index of the test dollar, as after a start."""
    node = Node(w3 or deployed.w3, IMPATIENT)
    return Indexer(node, db, [token], ABI, chain_id=deployed.chain_id)


def amounts(found: Indexer, **options: Any) -> list[int]:
    """What was transferred, but for the first minting."""
    return [event.values["value"] for event in found.events("Transfer", **options)][1:]


async def test_it_works_over_every_backend(
    chain_of_any_kind: AnyChain, db: sqlite3.Connection, alice: Identity, bob: Identity
) -> None:
    """Transfers are found once, decoded, in order; nothing is found twice; a reorganisation takes them away."""
    chain = chain_of_any_kind
    async with with_contracts(chain.backend, {alice.account: 1_000}) as deployed:
        box = deployed.outbox(alice)
        found = index(chain, deployed.contracts.token, db)
        for n in (1, 2, 3):
            await box.send(f"pay {n}", transfer_call(deployed.contracts.token, bob.account, n))
        assert (await found.sync()).added == 4
        assert amounts(found) == [1, 2, 3]
        last = found.events("Transfer")[-1]
        assert (last.values["from"], last.values["to"]) == (alice.account, bob.account)
        receipt = await chain.w3.eth.get_transaction_receipt(last.found.transaction)  # type: ignore[arg-type]
        assert "0x" + bytes(receipt["blockHash"]).hex() == last.found.block_hash
        assert (await found.sync()).added == 0
        await chain.mine(2)
        changes = await found.sync()
        assert (changes.added, changes.removed) == (0, 0)
        depth = changes.tip - last.found.block + 1
        await chain.undo(depth)
        await chain.mine(1)
        changes = await found.sync()
        assert amounts(found)[:2] == [1, 2]
        assert changes.removed == 1


async def test_only_what_is_deep_enough_is_shown(db: sqlite3.Connection) -> None:
    """With a depth of three, an event shows once two blocks are on top of its own."""
    async with dollars() as (chain, deployed):
        found = index(deployed, deployed.contracts.token, db)
        await deployed.outbox(ALICE).send("pay", transfer_call(deployed.contracts.token, BOB.account, 7))
        await found.sync()
        assert (amounts(found), amounts(found, depth=3)) == ([7], [])
        await add_blocks(chain, FILLER, 2)
        await found.sync()
        assert amounts(found, depth=3) == [7]


async def test_it_follows_every_change_of_mind(db: sqlite3.Connection) -> None:
    """Random payments, blocks and reorganisations up to 80 deep: the index is what a fresh one would be."""
    draw = random.Random(7)
    async with dollars() as (chain, deployed):
        token = deployed.contracts.token
        found, box = index(deployed, token, db), deployed.outbox(ALICE)
        await add_blocks(chain, FILLER, 90)
        for turn in range(12):
            for n in range(draw.randrange(3)):
                await box.send(f"pay {turn} {n}", transfer_call(token, BOB.account, turn + 1))
            await add_blocks(chain, FILLER, draw.randrange(1, 4))
            if draw.random() < 0.6:
                await found.sync()
            if draw.random() < 0.4:
                await reorganise(chain, draw.choice([1, 2, 5, 80]), FILLER, lambda raw: draw.random() < 0.5)
                box = deployed.outbox(ALICE)  # the old one's rows are of the other branch
        await found.sync()
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
            fresh = index(deployed, token, other)
            await fresh.sync()
            assert found.events() == fresh.events()
            assert fresh.events()


class Choosy(FlakyProvider):
    """Serves events of a few blocks at a time, and only some of them."""

    most = 3
    answers = 0

    async def make_request(self, method: Any, params: Any) -> Any:
        if method != "eth_getLogs":
            return await super().make_request(method, params)
        asked = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        if asked > self.most:
            return {"jsonrpc": "2.0", "id": 0, "error": {"code": -32000, "message": "query returned too much"}}
        self.answers += 1
        return await super().make_request(method, params)


async def test_ranges_adapt_to_the_node(db: sqlite3.Connection) -> None:
    """A node that serves three blocks at a time is asked for no more than it takes, and everything is found."""
    async with dollars() as (chain, deployed):
        await add_blocks(chain, FILLER, 150)
        await deployed.outbox(ALICE).send("pay", transfer_call(deployed.contracts.token, BOB.account, 7))
        choosy = Choosy(chain.w3.provider, [])
        found = index(deployed, deployed.contracts.token, db, connect(choosy))
        await found.sync()
        assert amounts(found) == [7]
        assert choosy.answers < 150
        logs = await find_logs(found.node, deployed.contracts.token, [found.known.topic_of("Transfer")])
        assert len(logs) == 2
        choosy.most = 0
        await add_blocks(chain, FILLER, 1)
        with pytest.raises(SettlementError):
            await found.sync()


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "99" * 20},
        {"blockNumber": "0x7fff"},
        {"blockHash": "0x" + "99" * 32},
        {"blockHash": "0x99"},
        {"topics": ["0x" + "99" * 31]},
        {"topics": ["0x" + "99" * 32] * 5},
        {"data": "zz"},
        {"logIndex": None},
    ],
)
async def test_what_does_not_fit_is_not_stored(db: sqlite3.Connection, change: dict[str, Any]) -> None:
    """Events of other contracts, other blocks, or malformed ones are the node's fault, and are not believed."""

    class Twisted(FlakyProvider):
        async def make_request(self, method: Any, params: Any) -> Any:
            answer: Any = await super().make_request(method, params)
            if method == "eth_getLogs":
                answer = {**answer, "result": [{**entry, **change} for entry in answer["result"]]}
            return answer

    async with dollars() as (chain, deployed):
        twisted = connect(Twisted(chain.w3.provider, []))
        found = index(deployed, deployed.contracts.token, db, twisted)
        with pytest.raises(ChainUnavailable):
            await found.sync()
        assert found.events() == []


async def test_a_node_that_is_behind_is_waited_for(db: sqlite3.Connection) -> None:
    """A replica with an older head has nothing to take back: nothing is forgotten."""

    class Behind(FlakyProvider):
        async def make_request(self, method: Any, params: Any) -> Any:
            if method == "eth_getBlockByNumber" and params[0] == "latest":
                params = ["0x2", False]
            elif method == "eth_getBlockByNumber" and int(params[0], 16) > 2:
                return {"jsonrpc": "2.0", "id": 0, "result": None}
            return await super().make_request(method, params)

    async with dollars() as (chain, deployed):
        found = index(deployed, deployed.contracts.token, db)
        await deployed.outbox(ALICE).send("pay", transfer_call(deployed.contracts.token, BOB.account, 7))
        await found.sync()
        behind = index(deployed, deployed.contracts.token, db, connect(Behind(chain.w3.provider, [])))
        assert await behind.sync() == Changes(0, 0, 5)
        assert amounts(behind) == [7]


async def test_a_file_holds_one_index(db: sqlite3.Connection) -> None:
    """Other contracts, another chain or another start belong in another file."""
    async with dollars() as (_, deployed):
        index(deployed, deployed.contracts.token, db)
        with pytest.raises(ConfigurationError):
            index(deployed, deployed.contracts.escrow, db)


@pytest.mark.parametrize("at", range(1, 9))
async def test_a_kill_anywhere_loses_nothing(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point of reading and of walking back, go on: the same events as without."""
    async with dollars() as (chain, deployed):
        token, box = deployed.contracts.token, deployed.outbox(ALICE)
        for n in (1, 2, 3):
            await box.send(f"pay {n}", transfer_call(token, BOB.account, n))
        with crashes.die_at(0), closing(sqlite3.connect(tmp_path / "index", isolation_level=None)) as db:
            await index(deployed, token, db).sync()
        await reorganise(chain, 2, FILLER, lambda raw: True)
        for point in (at, 0):
            with crashes.die_at(point), closing(sqlite3.connect(tmp_path / "index", isolation_level=None)) as db:
                found = index(deployed, token, db)
                await found.sync()
                assert amounts(found) == [1, 2, 3]
            if point:
                assert crashes.names


async def test_it_wakes_up_when_told(db: sqlite3.Connection) -> None:
    """`follow` synchronises at once and then each time it is woken."""
    async with dollars() as (chain, deployed):
        found = index(deployed, deployed.contracts.token, db)
        tips = []

        async def woken() -> None:
            await add_blocks(chain, FILLER, 2)

        async for changes in found.follow(woken):
            tips.append(changes.tip)
            if len(tips) == 3:
                break
        assert tips == [4, 6, 8]
