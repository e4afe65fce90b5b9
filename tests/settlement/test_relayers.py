"""Several keys, each intent once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ConfigurationError, TransactionRefused
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call
from coase.settlement.relayers import RelayerPool
from coase.testing.chain import IMPATIENT

KEYS = [Identity.from_seed("relayers", str(n)) for n in range(3)]
POOR, TO = Identity.from_seed("relayers", "poor"), Identity.from_seed("relayers", "to").account
PAY = Call(TO, value=5)
FUNDED = {key.account: 10**18 for key in KEYS}


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A journal in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        yield found


@pytest.fixture
async def chain() -> AsyncIterator[EmbeddedChain]:
    """A chain in memory."""
    async with EmbeddedChain(alloc=FUNDED) as found:
        yield found


def pool(chain: EmbeddedChain, db: sqlite3.Connection, keys: list[Identity]) -> RelayerPool:
    """Relayers with these keys, as after a start."""
    return RelayerPool([Outbox(chain.w3, key, db, chain.chain_id, patience=IMPATIENT) for key in keys])


async def paid(chain: EmbeddedChain) -> int:
    """What has been paid."""
    return int(await chain.w3.eth.get_balance(TO))  # type: ignore[arg-type]


async def test_work_is_shared(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Thirty intents at once go to all keys alike, each once; asked again, the same receipts, whoever did it."""
    relayers = pool(chain, db, KEYS)
    receipts = await asyncio.gather(*(relayers.send(f"claim {n}", PAY) for n in range(30)))
    assert await paid(chain) == 150
    senders = Counter(sender for (sender,) in db.execute("select sender from outbox"))
    assert sorted(senders.values()) == [10, 10, 10]
    again = pool(chain, db, KEYS[::-1])
    assert [await again.send(f"claim {n}", PAY) for n in range(30)] == list(receipts)
    assert await paid(chain) == 150


async def test_the_same_intent_from_many_tasks_is_one_transaction(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Nobody gets a second key to do it while the first is at it."""
    relayers = pool(chain, db, KEYS)
    receipts = await asyncio.gather(*(relayers.send("claim", PAY) for _ in range(12)))
    assert len(set(receipts)) == 1
    assert await paid(chain) == 5


async def test_a_key_without_ether_is_passed_over(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """The next key does it; when none can, the error says what is missing, and nothing is stored."""
    await pool(chain, db, [POOR, KEYS[0]]).send("claim", PAY)
    assert await paid(chain) == 5
    with pytest.raises(TransactionRefused) as caught:
        await pool(chain, db, [POOR]).send("other", PAY)
    assert caught.value.code == "insufficient_funds"
    assert db.execute("select count(*) from relayed").fetchone() == (1,)


async def test_an_intent_of_a_key_that_left_is_not_done_again(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """It may be on its way: whoever removes a key must not pay twice."""
    await pool(chain, db, [KEYS[0]]).send("claim", PAY)
    with pytest.raises(ConfigurationError, match="not in this pool"):
        await pool(chain, db, KEYS[1:]).send("claim", PAY)


async def test_relayers_share_a_file_and_have_different_keys(chain: EmbeddedChain, db: sqlite3.Connection) -> None:
    """Anything else could do an intent twice."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        boxes = [Outbox(chain.w3, key, one, chain.chain_id) for key, one in zip(KEYS, (db, other), strict=False)]
        with pytest.raises(ConfigurationError):
            RelayerPool(boxes)
    with pytest.raises(ConfigurationError):
        pool(chain, db, [KEYS[0], KEYS[0]])


@pytest.mark.parametrize("at", range(1, 13))
async def test_a_crash_anywhere_does_nothing_twice(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point of two claims; a new pool, its keys in another order, ends with two payments."""
    for point, keys in ((at, KEYS[:2]), (0, KEYS[1::-1])):
        with crashes.die_at(point):
            async with EmbeddedChain(tmp_path / "chain", alloc=FUNDED) as chain:
                with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as db:
                    relayers = pool(chain, db, keys)
                    await relayers.resume()
                    for n in range(2):
                        await relayers.send(f"claim {n}", PAY)
                    assert await paid(chain) == 10
        assert point == 0 or len(crashes.names) == at
