"""A chain for tests: in memory, with the contracts deployed and everyone funded; and a node that misbehaves on cue."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coase.errors import MissingExtra
from coase.identity import Identity, keccak
from coase.money import DOLLAR
from coase.settlement.backend import ChainBackend
from coase.settlement.defaults import Rules
from coase.settlement.deploy import Contracts, deploy
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.escrow import EscrowClient
from coase.settlement.outbox import Outbox
from coase.settlement.provider import connect
from coase.settlement.records import Patience
from coase.settlement.signing import fees_of
from coase.terms.agreement import Agreement

try:
    from web3.providers.async_base import AsyncJSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

if TYPE_CHECKING:
    from web3 import AsyncWeb3

_SEND = RPCEndpoint("eth_sendRawTransaction")
ETHER = 10**18
DEPLOYER = Identity.from_seed("testing", "deployer")
IMPATIENT = Patience(attempts=3, polls=2, rounds=3, pause=0.0)


@dataclass
class DeployedChain:
    """A running chain with its contracts."""

    backend: ChainBackend
    contracts: Contracts
    _databases: list[sqlite3.Connection] = field(default_factory=list)

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        return self.backend.w3

    @property
    def chain_id(self) -> int:
        """EIP-155."""
        return self.backend.chain_id

    def outbox(
        self, identity: Identity, db: sqlite3.Connection | None = None, w3: AsyncWeb3[Any] | None = None
    ) -> Outbox:
        """An outbox that never sleeps: in memory unless `db` is given, over another connection if `w3` is."""
        return Outbox(w3 or self.w3, identity, db or self.database(), self.chain_id, patience=IMPATIENT)

    def client(self, identity: Identity, outbox: Outbox | None = None) -> EscrowClient:
        """The escrow, as this party sees it."""
        used = outbox or self.outbox(identity)
        return EscrowClient(self.w3, used, self.contracts.token, self.contracts.escrow, self.chain_id)

    async def disputed(self, buyer: Identity, seller: Identity, arbiter: str, *, price: int) -> Agreement:
        """A deal between them that was opened and delivered, and that its buyer disputes before this arbiter."""
        deal = Agreement(
            buyer=buyer.account,
            seller=seller.account,
            arbiter=arbiter,
            token=self.contracts.token,
            price=price,
            deliver_by=await self.backend.now() + 1_000,
            review_seconds=1_000,
            ruling_seconds=10_000,
            terms_hash="ab" * 32,
            salt="01" * 32,
        )
        buys, sells = self.client(buyer), self.client(seller)
        await buys.open("open", deal, seller.sign(buys.digest(deal)))
        await sells.deliver("deliver", deal, bytes(31) + b"x")
        await buys.dispute("dispute", deal, bytes(31) + b"y")
        return deal

    def database(self, path: Path | None = None) -> sqlite3.Connection:
        """A database for an outbox, in memory unless a file is given, closed with the chain."""
        self._databases.append(sqlite3.connect(path or ":memory:", isolation_level=None))
        return self._databases[-1]

    def close(self) -> None:
        """Close the databases."""
        while self._databases:
            self._databases.pop().close()


@asynccontextmanager
async def memory_chain(
    accounts: Iterable[str],
    *,
    dollars: int = 1_000 * DOLLAR,
    ether: int = 100 * ETHER,
    folder: Path | None = None,
    rules: Rules | None = None,
) -> AsyncIterator[DeployedChain]:
    """A chain on which each of `accounts` has `dollars` base units and `ether` wei.

    Args:
        folder: keeps the blocks there rather than in memory.
        rules: how the market begins.
    """
    holders = list(accounts)
    alloc = dict.fromkeys([*holders, DEPLOYER.account], ether)
    async with EmbeddedChain(folder, alloc=alloc) as backend:
        journal = folder / "deployer.sqlite" if folder else None
        async with with_contracts(backend, dict.fromkeys(holders, dollars), journal, rules) as deployed:
            yield deployed


@asynccontextmanager
async def with_contracts(
    backend: ChainBackend, holders: Mapping[str, int], journal: Path | None = None, rules: Rules | None = None
) -> AsyncIterator[DeployedChain]:
    """The contracts on a running chain of any kind, on which `DEPLOYER` has ether.

    Args:
        holders: account -> base units of test dollars.
        journal: of the deployer, in memory unless a file is given.
        rules: how the market begins.
    """
    deployed = DeployedChain(backend, Contracts("", ""))
    try:
        deployed.contracts = await deploy(deployed.outbox(DEPLOYER, deployed.database(journal)), holders, rules)
        yield deployed
    finally:
        deployed.close()


class Fault(Enum):
    """What may go wrong with one request."""

    NONE = "none"
    LOST_REQUEST = "lost request"  # times out; the node never heard of it
    LOST_REPLY = "lost reply"  # times out; the node did it
    DROPPED = "dropped"  # the node says that it has the transaction, and has forgotten it
    TWICE = "twice"  # the request reaches the node twice; the second answer comes back


class FlakyProvider(AsyncJSONBaseProvider):
    """A provider in front of another one, with faults in the order given, then none.

    Args:
        inner: what answers.
        faults: one for each request of the method.
        method: which requests are hit; `DROPPED` fits `eth_sendRawTransaction` only.
    """

    def __init__(
        self, inner: AsyncJSONBaseProvider, faults: Iterable[Fault], method: str = "eth_sendRawTransaction"
    ) -> None:
        super().__init__()
        self.inner, self.faults, self.method = inner, list(faults), method
        self.seen: list[str] = []

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request, or fail to."""
        self.seen.append(method)
        fault = self.faults.pop(0) if method == self.method and self.faults else Fault.NONE
        if fault is Fault.LOST_REQUEST:
            raise TimeoutError("the request was lost")
        if fault is Fault.DROPPED:
            raw = bytes.fromhex(str(params[0]).removeprefix("0x"))
            return {"jsonrpc": "2.0", "id": 0, "result": "0x" + keccak(raw).hex()}
        answer = await self.inner.make_request(method, params)
        if fault is Fault.TWICE:
            answer = await self.inner.make_request(method, params)
        if fault is Fault.LOST_REPLY:
            raise TimeoutError("the reply was lost")
        return answer


class SlowProvider(AsyncJSONBaseProvider):
    """A node that mines later: it takes transactions at once, and executes them when receipts have been asked for.

    Args:
        inner: what executes.
        looks: after how many requests for a receipt everything that waits is mined, in the order of arrival.
        least: wei that a transaction must offer for a unit of gas; those that offer less wait on, and one with the
            same sender and nonce that offers more takes their place.
    """

    def __init__(self, inner: AsyncJSONBaseProvider, looks: int = 2, least: int = 0) -> None:
        super().__init__()
        self.inner, self.looks, self.least = inner, looks, least
        self.waiting: list[str] = []
        self._looked = 0

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request; mine first when it is time."""
        if method == "eth_sendRawTransaction":
            raw = str(params[0])
            if raw not in self.waiting:
                self.waiting.append(raw)
            return {"jsonrpc": "2.0", "id": 0, "result": "0x" + keccak(bytes.fromhex(raw[2:])).hex()}
        if method == "eth_getTransactionReceipt":
            self._looked += 1
            if self._looked % self.looks == 0:
                await self.mine()
        return await self.inner.make_request(method, params)

    async def mine(self) -> None:
        """Execute what waits and offers enough. What the chain refuses is dropped, as a node does."""
        ready = [raw for raw in self.waiting if not self.least or fees_of(bytes.fromhex(raw[2:]))[0] >= self.least]
        self.waiting = [raw for raw in self.waiting if raw not in ready]
        for raw in ready:
            await self.inner.make_request(_SEND, [raw])


def flaky(w3: AsyncWeb3[Any], faults: Iterable[Fault], method: str = "eth_sendRawTransaction") -> AsyncWeb3[Any]:
    """A connection like `w3` with these faults."""
    return connect(FlakyProvider(w3.provider, faults, method))
