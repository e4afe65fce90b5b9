"""`coase bench chain`: payments that many agents send at once, beside web3 sending and waiting one by one, on anvil.

The peer has an anvil of its own that mines each transaction at once, which is the fastest for sending one by one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from coase.bench.row import Row, versus
from coase.errors import SettlementError
from coase.identity import Identity
from coase.settlement.anvil import AnvilChain
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Patience

if TYPE_CHECKING:
    from coase.settlement.backend import ChainBackend

T = TypeVar("T")
ETHER = 10**18
AGENTS, EACH = 50, 200
PEER_TRANSACTIONS = 200
TO, PEER = Identity.from_seed("bench", "to"), Identity.from_seed("bench", "peer")
QUICK = Patience(pause=0.02)


def rows() -> Iterator[Row]:
    """Fifty agents with 10,000 payments; one agent with 400; and the embedded chain, which has no peer."""
    peer = f"web3 {version('web3')}, one by one"
    agents = [Identity.from_seed("bench", f"agent {n}") for n in range(AGENTS)]
    with asyncio.Runner() as runner:
        for case, people, each in (("pay_50_agents", agents, EACH), ("pay_1_agent", agents[:1], 2 * EACH)):
            ours, theirs, ratio = runner.run(_on_anvil(people, each))
            yield Row(case, "tx/s", ours, theirs, peer, target=3.0 if case == "pay_50_agents" else None, measured=ratio)
        yield Row("pay_embedded", "tx/s", runner.run(_embedded(agents[:10], 20)))


async def _on_anvil(people: list[Identity], each: int) -> tuple[float, float, float]:
    alone = AnvilChain(alloc={PEER.account: 1000 * ETHER}, block_seconds=None)
    async with AnvilChain(alloc={one.account: 1000 * ETHER for one in people}) as chain, alone:
        loop = asyncio.get_running_loop()

        def work(job: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(job, loop).result()

        ours = (lambda: work(pay(chain, people, each)), float(len(people) * each))
        theirs = (lambda: work(_one_by_one(alone)), float(PEER_TRANSACTIONS))
        return await asyncio.to_thread(versus, ours, theirs, runs=3)


async def _embedded(people: list[Identity], each: int) -> float:
    async with EmbeddedChain(alloc={one.account: 1000 * ETHER for one in people}) as chain:
        loop = asyncio.get_running_loop()
        rates = []
        for _ in range(3):
            start = loop.time()
            await pay(chain, people, each)
            rates.append(len(people) * each / (loop.time() - start))
        return sorted(rates)[1]


async def pay(chain: ChainBackend, people: list[Identity], each: int) -> None:
    """Each pays `each` times, all at once, through an outbox of its own; every payment must have been made, once.

    Raises:
        SettlementError: a payment was lost or doubled.
    """
    before = [await _count(chain, one.account) for one in people]
    paid = await _wei(chain)
    async with _outboxes(chain, people) as boxes:
        receipts = await asyncio.gather(
            *(box.send(f"pay {n}", Call(TO.account, value=1)) for n in range(each) for box in boxes)
        )
    after = [await _count(chain, one.account) for one in people]
    made = {receipt.hash for receipt in receipts if receipt.status}
    right = len(made) == len(receipts) == await _wei(chain) - paid
    if not right or any(late - early != each for early, late in zip(before, after, strict=True)):
        raise SettlementError(f"of {len(receipts)} payments {await _wei(chain) - paid} were made", code="bench_lost")


@asynccontextmanager
async def _outboxes(chain: ChainBackend, people: list[Identity]) -> AsyncIterator[list[Outbox]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        boxes = [Outbox(chain.w3, one, db, chain.chain_id, patience=QUICK) for one in people]
        yield boxes


async def _one_by_one(chain: AnvilChain) -> None:
    """What web3 does by itself: fill in, sign, send, wait for the receipt; then the next."""
    from eth_account import Account
    from web3 import AsyncHTTPProvider, AsyncWeb3
    from web3.middleware import SignAndSendRawMiddlewareBuilder

    provider = AsyncHTTPProvider(chain.rpc.url)
    w3 = AsyncWeb3(provider)
    signer: Any = SignAndSendRawMiddlewareBuilder.build(Account.from_key(PEER.secret))
    w3.middleware_onion.add(signer)
    try:
        for _ in range(PEER_TRANSACTIONS):
            payment: Any = {"from": PEER.account, "to": TO.account, "value": 1}
            sent = await w3.eth.send_transaction(payment)
            receipt = await w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.002)
            if receipt["status"] != 1:
                raise SettlementError("the peer's payment failed", code="bench_lost")
    finally:
        await provider.disconnect()


async def _wei(chain: ChainBackend) -> int:
    return int(await chain.w3.eth.get_balance(TO.account))  # type: ignore[arg-type]


async def _count(chain: ChainBackend, account: str) -> int:
    return int(await chain.w3.eth.get_transaction_count(account))  # type: ignore[arg-type]
