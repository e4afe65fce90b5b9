"""What the tests of deals share: a town with a chain, contracts, a registry and messages in memory, and its people.

`Town.seller`, `Town.buyer` and `Town.arbiter` are real parties; a `Stranger` is a bare endpoint with a key, which says
and signs whatever a test wants, as a dishonest program would.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import pytest

import coase
from coase import crash
from coase.agent import pricing
from coase.agent.buyer import Buyer
from coase.agent.message import Message
from coase.agent.messages import (
    ALL,
    AcceptOffer,
    Funded,
    Propose,
    Ready,
    Request,
    Sign,
    Signed,
    delivery_hash,
)
from coase.agent.party import Party
from coase.agent.seller import Seller
from coase.agent.world import ChainTime, Event, World
from coase.identity import Identity
from coase.money import DOLLAR
from coase.registry.registry import Registry
from coase.settlement.escrow import EscrowClient
from coase.terms.agreement import Agreement
from coase.terms.canonical import digest
from coase.terms.listing import Listing
from coase.terms.order import Order
from coase.testing.chain import DeployedChain, memory_chain
from coase.testing.transport import MemoryTransport

SEED = 7
NAMES = ("buyer", "buyer-2", "seller", "seller-2", "seller-3", "arbiter", "operator", "mallory", "eve")
KEYS = {name: Identity.from_seed(SEED, name) for name in NAMES}
PATIENT, IMPATIENT = 30.0, 1.0  # wall seconds; on a loaded machine an honest answer may take half of one
HOUR = 3600
M = TypeVar("M", bound=Message)


class Died(BaseException):
    """Stands for the end of a process: nothing in the code may catch it and go on."""


class Shop(coase.SellerAgent):
    """Sells a file that it lists."""

    kind: ClassVar[str] = "dataset"
    goods: Mapping[str, bytes] = {"data.txt": b"seven digits"}

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """One file."""
        return coase.Offering(kind=self.kind, title="Digits", attributes={"task": "digits"}, goods=self.goods)

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Hand it over."""
        return tools.goods(order)


class Workshop(Shop):
    """Makes a file to order, from a file that the buyer hands over if there is one."""

    kind: ClassVar[str] = "compute"

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """Work."""
        return coase.Offering(kind=self.kind, title="Work", unit="step")

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Count, and sign the inputs with a hash."""
        inputs = [await tools.fetch(order.deal, buyer, blob) for _, blob in sorted(order.inputs.items())]
        for step in range(order.quantity):
            progress(step + 1, order.quantity)
        made = hashlib.sha256(b"".join(inputs)).digest() * order.quantity
        return coase.Delivery({"steps": order.quantity}, {"made.bin": made}, {"log.txt": b"all of it"})


class Judge(coase.ArbiterAgent):
    """Rules for the seller when the files that were promised can be had, else for the buyer."""

    kind: ClassVar[str] = "validation"
    points: int | None = None

    async def offering(self, tools: coase.Tools) -> coase.Offering:
        """Judgement."""
        return coase.Offering(kind=self.kind, title="Judge")

    async def perform(
        self, order: coase.Order, buyer: str, tools: coase.Tools, progress: Callable[[int, int], None]
    ) -> coase.Delivery:
        """Find every delivery good."""
        commitment = bytes.fromhex(order.details["subject"]["commitment"])
        segment = coase_draw(tools.audit_signature(commitment), commitment, order.details["subject"]["segments"])
        signature = tools.audit_signature(commitment).hex()
        return coase.Delivery({"ok": True, "code": "match", "segment": segment, "signature": signature}, {})

    async def judge(self, case: coase.Case, tools: coase.Tools) -> coase.Ruling:
        """Look at the files."""
        if self.points is not None:
            return coase.Ruling(self.points, "as_told")
        if case.order.content and digest(dict(case.files)) != case.order.content:
            return coase.Ruling(0, "content_mismatch")
        try:
            for blob in case.files.values():
                await tools.fetch(case.order.deal, case.seller, blob)
        except coase.CoaseError as error:
            return coase.Ruling(0, error.code)
        return coase.Ruling(10_000, "as_ordered")


def coase_draw(signature: bytes, commitment: bytes, count: int) -> int:
    """The audited segment, as an honest validator draws it."""
    from coase.compute.verification import draw_segment

    return draw_segment(signature, commitment, count)


class Customer(coase.BuyerAgent):
    """Buys, with no habits of its own."""


class Stranger:
    """An agent without manners: it has a key, an endpoint and an account, and a test tells it what to say.

    It keeps every message it gets in `heard`.
    """

    def __init__(self, name: str, town: Town) -> None:
        self.name, self.town, self.identity = name, town, KEYS[name]
        self.address, self.account = self.identity.address, self.identity.account
        self.escrow: EscrowClient = town.chain.client(self.identity)
        self.heard: list[tuple[str, Message]] = []
        self._news = asyncio.Event()
        self._read = 0
        self._serving: dict[str, bytes] = {}

    async def join(self) -> Stranger:
        self.endpoint = await self.town.world.transport.connect(self.name, self.identity, ALL, self._hear)
        return self

    async def _hear(self, sender: str, message: Message) -> None:
        self.heard.append((sender, message))
        self._news.set()

    def had(self, kind: type[M]) -> list[M]:
        """Every message of a kind so far."""
        return [message for _, message in self.heard if isinstance(message, kind)]

    async def next(self, *kinds: type[M]) -> M:
        """The next message of these kinds, skipping others."""
        async with asyncio.timeout(PATIENT):
            while True:
                while self._read < len(self.heard):
                    message = self.heard[self._read][1]
                    self._read += 1
                    if isinstance(message, kinds):
                        return message
                self._news.clear()
                await self._news.wait()

    async def say(self, to: str, message: Message) -> None:
        await self.endpoint.send(to, message)

    # ---- as a seller

    def lists(self, kind: str = "dataset", *, price: int = 4 * DOLLAR, content: str = "", **fields: Any) -> Listing:
        """Publish a listing."""
        now = self.town.world.time()
        listing = Listing.signed(
            self.identity,
            key="main",
            sequence=1,
            kind=kind,
            title=f"by {self.name}",
            content=content,
            issued=now,
            expires=now + 30 * 86_400,
            **{**pricing.listed(price), **fields},
        )
        self.town.world.registry.publish(listing)
        return listing

    async def agrees(self) -> Sign:
        """Take a request, accept the first offer, and return what the buyer signed."""
        request = await self.next(Request)
        buyer = self.heard[self._read - 1][0]
        await self.say(buyer, Ready(deal=request.deal))
        offer = await self.next(Propose)
        await self.say(buyer, AcceptOffer(deal=request.deal, step=offer.step))
        return await self.next(Sign)

    def signature(self, agreement: Agreement) -> str:
        return self.identity.sign(self.escrow.digest(agreement)).hex()

    async def sells(self) -> Sign:
        """Everything up to the money in the escrow."""
        sign = await self.agrees()
        await self.say(self.town.address("buyer"), Signed(deal=sign.deal, signature=self.signature(sign.agreement)))
        await self.next(Funded)
        return sign

    async def commits(self, agreement: Agreement, result: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Put the hash of a delivery on the chain."""
        await self.escrow.deliver(f"{agreement.salt}/deliver", agreement, delivery_hash(result, files))

    # ---- as a buyer

    def order(self, listing: Listing, deal: str = "deal-1", **fields: Any) -> Order:
        """An order for a listing."""
        return Order(
            deal=deal, kind=listing.kind, listing=listing.digest, content=listing.content, unit=listing.unit, **fields
        )

    async def asks(self, listing: Listing, deal: str = "deal-1", **fields: Any) -> Order:
        """Send a request and wait until the seller is ready."""
        order = self.order(listing, deal, **fields)
        await self.say(listing.agent, Request(deal=deal, order=order, deadline=5))
        await self.next(Ready)
        return order

    async def offers(self, listing: Listing, deal: str = "deal-1", **fields: Any) -> Order:
        """Get the seller to accept its list price; returns the order at that price."""
        order = await self.asks(listing, deal, **fields)
        await self.say(listing.agent, Propose(deal=deal, step=1, outcome={"price": listing.price}))
        await self.next(AcceptOffer)
        return order.model_copy(update={"unit_price": listing.price})

    async def agreement(self, order: Order, **changes: Any) -> Agreement:
        """The agreement an honest buyer would sign, but for the changes."""
        fields = {
            "buyer": self.account,
            "seller": KEYS["seller"].account,
            "arbiter": KEYS["operator"].account,
            "token": self.town.world.token,
            "price": order.price,
            "deliver_by": await self.town.world.chain.now() + HOUR,
            "review_seconds": HOUR,
            "ruling_seconds": HOUR,
            "terms_hash": order.hash,
            "salt": "5a" * 32,
        }
        return Agreement(**{**fields, **changes})

    async def signs(self, order: Order, **changes: Any) -> Agreement:
        """Sign an agreement and send it to the seller."""
        agreement = await self.agreement(order, **changes)
        sign = Sign(deal=order.deal, order=order, agreement=agreement, signature=self.signature(agreement))
        await self.say(self.town.address("seller"), sign)
        return agreement

    async def buys(self, listing: Listing, deal: str = "deal-1", **changes: Any) -> Agreement:
        """Everything up to the money in the escrow."""
        order = await self.offers(listing, deal)
        agreement = await self.signs(order, **changes)
        signed = await self.next(Signed)
        await self.escrow.open(f"{deal}/open", agreement, signed.signature)
        await self.say(listing.agent, Funded(deal=deal))
        return agreement


class Town:
    """A world and who lives in it."""

    def __init__(self, chain: DeployedChain, world: World) -> None:
        self.chain, self.world = chain, world
        self.parties: dict[str, Party] = {}
        self.events: list[Event] = []
        self.agents: dict[str, Any] = {}
        world.emit = self.events.append

    @staticmethod
    def address(name: str) -> str:
        return KEYS[name].address

    def impatient(self) -> None:
        """From here on nobody waits long for a word. What somebody waits for already is not affected."""
        self.world.patience = IMPATIENT
        for party in self.parties.values():
            party.files.patience = IMPATIENT

    async def seller(self, name: str = "seller", agent: coase.SellerAgent | None = None, **parameters: Any) -> Seller:
        """A seller with an open shop."""
        agent = agent or Shop(**{"list_price": "4.00", "floor_price": "2.00", **parameters})
        self.agents[name] = agent
        seller = Seller(name, KEYS[name], self.world, agent)
        self.parties[name] = seller
        await seller.start()
        await seller.open_shop()
        return seller

    async def arbiter(self, agent: coase.ArbiterAgent | None = None) -> Seller:
        """A validator, hence an arbiter."""
        return await self.seller(
            "arbiter", agent or Judge.model_validate({"list_price": "0.50", "floor_price": "0.30"})
        )

    async def buyer(self, name: str = "buyer", **parameters: Any) -> Buyer:
        """A buyer; by default it may spend 50.00."""
        agent = Customer(**{"budget": "50.00", **parameters})
        self.agents[name] = agent
        buyer = Buyer(name, KEYS[name], self.world, agent)
        self.parties[name] = buyer
        await buyer.start()
        return buyer

    async def stranger(self, name: str = "mallory") -> Stranger:
        """A bare endpoint."""
        return await Stranger(name, self).join()

    async def bury(self, name: str) -> None:
        """Take a party away as a crash does: no farewell, nothing written."""
        party = self.parties.pop(name)
        await party.close()

    async def revive(self, name: str) -> Any:
        """A party made anew from its journal."""
        again: Party
        if isinstance(self.agents[name], coase.SellerAgent):
            again = await self.seller(name, self.agents[name])
        else:
            again = Buyer(name, KEYS[name], self.world, self.agents[name])
            self.parties[name] = again
            await again.start()
        return again

    async def rest(self) -> None:
        """Wait until no task of any party is left."""
        async with asyncio.timeout(PATIENT):
            while tasks := [task for party in self.parties.values() for task in party._tasks]:
                await asyncio.wait(tasks, timeout=PATIENT)

    async def until(self, condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
        """Let the loop run until something is so."""
        async with asyncio.timeout(PATIENT):
            while True:
                found = condition()
                if isinstance(found, bool):
                    if found:
                        return
                elif await found:
                    return
                await asyncio.sleep(0)

    async def balances(self) -> dict[str, int]:
        """Base units of everybody and of the escrow."""
        reader = self.chain.client(KEYS["operator"])
        found = {name: await reader.balance(key.account) for name, key in KEYS.items()}
        return {**found, "escrow": await reader.balance(self.world.escrow)}

    async def gained(self) -> dict[str, int]:
        """What everybody has more than at first; only those for whom something changed."""
        return {name: now - START[name] for name, now in (await self.balances()).items() if now != START[name]}

    def codes(self, agent: str = "") -> list[str]:
        """The codes of all events so far, of one agent or of all."""
        return [e.data["code"] for e in self.events if "code" in e.data and agent in ("", e.agent)]

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong in anybody's own code."""
        found = [failure for party in self.parties.values() for failure in party.failures]
        return found + [failure for party in self.parties.values() for failure in party.endpoint.failures]


FUNDS = 100 * DOLLAR
START = {**dict.fromkeys(NAMES, FUNDS), "escrow": 0}
TownFactory = Callable[..., Any]


@pytest.fixture
def found_town(tmp_path: Path) -> TownFactory:
    """Makes towns: ``async with found_town(transport, patience=...) as town``."""

    @asynccontextmanager
    async def found(
        transport: MemoryTransport | None = None, *, patience: float = PATIENT, folder: Path = tmp_path
    ) -> AsyncIterator[Town]:
        async with AsyncExitStack() as stack:
            accounts = [key.account for key in KEYS.values()]
            chain = await stack.enter_async_context(memory_chain(accounts, dollars=FUNDS))
            time = ChainTime(chain.backend)
            await time.read()
            registry = Registry(None, time)
            stack.callback(registry.close)
            carrier = await stack.enter_async_context(transport or MemoryTransport(SEED))
            world = World(
                folder=folder,
                seed=SEED,
                transport=carrier,
                chain=chain.backend,
                token=chain.contracts.token,
                escrow=chain.contracts.escrow,
                operator=KEYS["operator"].account,
                registry=registry,
                time=time,
                executor=None,  # type: ignore[arg-type]  # nothing here runs jobs
                patience=patience,
            )
            town = Town(chain, world)
            try:
                yield town
            finally:
                for party in reversed(town.parties.values()):
                    await party.close()

    return found


@pytest.fixture
async def town(found_town: TownFactory) -> AsyncIterator[Town]:
    """A town where messages always arrive."""
    async with found_town() as made:
        yield made


SENDS = {
    "buyer": {"open", "release", "dispute", "unruled"},
    "seller": {"deliver", "claim"},
    "arbiter": {"rule"},
}


class Crash:
    """Counts the crash points of one party, and dies at the one that is chosen."""

    def __init__(self) -> None:
        self.who = ""
        self.at = 0
        self.names: list[str] = []

    def watch(self, who: str, at: int = 0) -> None:
        """Die at the `at`-th point of this party; 0: only count."""
        if who:
            self.names = []
        self.who, self.at = who, at

    def point(self, name: str) -> None:
        """Called at every point of everybody."""
        first, _, rest = name.partition(" ")
        mine = first == self.who or (
            first == "outbox" and rest.rsplit("/", 1)[-1].split()[0] in SENDS.get(self.role, ())
        )
        if not self.who or not mine or (name.endswith("sending Propose") and name in self.names):
            return  # one offer stands for all
        if first == self.who and rest.startswith("after ") and self.who != "tester":
            return  # the same as the next point before something
        self.names.append(name)
        if self.at and len(self.names) >= self.at:  # the dead do nothing more
            raise Died(name)

    @property
    def role(self) -> str:
        """Whose transactions count."""
        return self.who.split("-")[0]


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crash:
    """Crash points that raise inside one party rather than kill."""
    found = Crash()
    monkeypatch.setattr(crash, "point", found.point)
    return found


@pytest.fixture
def workshop() -> Workshop:
    """An agent that works to order."""
    return Workshop.model_validate({"list_price": "0.10", "floor_price": "0.05"})


@pytest.fixture
def agents() -> SimpleNamespace:
    """The classes of agents above, for tests that want variants of them."""
    return SimpleNamespace(Shop=Shop, Workshop=Workshop, Judge=Judge, Customer=Customer)
