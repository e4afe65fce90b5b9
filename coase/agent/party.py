"""A party: one key, one endpoint, one journal, one outbox. Buyers and sellers are built on it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, Self, TypeVar

from coase import crash
from coase.agent.blobs import Blobs
from coase.agent.deal import HOLDS_MONEY, State
from coase.agent.files import FileExchange
from coase.agent.journal import Journal, Record
from coase.agent.message import Message
from coase.agent.messages import ALL, Chunk, Closed, Fetch, Refuse
from coase.agent.transport import Endpoint
from coase.agent.world import Event, World
from coase.errors import CoaseError, Undeliverable
from coase.identity import Identity, account_at
from coase.settlement.escrow import EscrowClient, EscrowState
from coase.settlement.outbox import Outbox
from coase.settlement.payouts import payout
from coase.terms.agreement import Agreement

MAX_SESSIONS = 256  # deals a party talks about at once: a stranger could open any number
INBOX = 64  # messages waiting a deal
M = TypeVar("M", bound=Message)


class Party(ABC):
    """What every agent does: receive by deal, keep a journal, use the escrow, run work in tasks.

    Args:
        name: unique in its world; names its folder.
        identity: its key.
        world: its surroundings.
    """

    endpoint: Endpoint

    def __init__(self, name: str, identity: Identity, world: World) -> None:
        self.name, self.identity, self.world = name, identity, world
        self.folder = world.folder / "agents" / name
        self.journal = Journal(self.folder / "journal.db", name)
        self.blobs = Blobs(self.folder / "blobs")
        self.files = FileExchange(self.blobs, self.send, self.entitled, world.patience)
        self.failures: list[BaseException] = []
        self._inboxes: dict[str, asyncio.Queue[tuple[str, Message]]] = {}
        self._peers: dict[str, set[str]] = {}
        self._asked: dict[tuple[str, str, type[Message]], asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @cached_property
    def outbox(self) -> Outbox:
        """Sends this key's transactions, each exactly once."""
        chain = self.world.chain
        return Outbox(chain.w3, self.identity, self.journal.db, chain.chain_id, policy=chain.policy)

    @cached_property
    def escrow(self) -> EscrowClient:
        """The escrow contract, as this key."""
        return EscrowClient(
            self.world.chain.w3, self.outbox, self.world.token, self.world.escrow, self.world.chain.chain_id
        )

    @property
    def address(self) -> str:
        """The agent address."""
        return self.identity.address

    async def start(self) -> Self:
        """Join the transport and finish what the outbox holds."""
        self.endpoint = await self.world.transport.connect(self.name, self.identity, ALL, self._receive)
        await self.outbox.resume()
        return self

    async def close(self) -> None:
        """Leave the transport, end all work, close the journal: in this order."""
        if hasattr(self, "endpoint"):
            await self.endpoint.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.journal.close()

    # ---- messages

    async def send(self, to: str, message: Message) -> bool:
        """Send a message. One that cannot be delivered is reported and forgotten: deals end without messages too.

        Returns:
            False when it is known that nobody is there.
        """
        crash.point(f"{self.name} before sending {type(message).__name__}")
        delivered = True
        try:
            await self.endpoint.send(to, message)
        except Undeliverable as error:
            delivered = False
            self.emit(message.deal, "undeliverable", message=type(message).__name__, reason=error.message)
        crash.point(f"{self.name} after sending {type(message).__name__}")
        return delivered

    async def _receive(self, sender: str, message: Message) -> None:
        if isinstance(message, Fetch):
            self.spawn(self.files.serve(sender, message))
        elif isinstance(message, (Chunk, Refuse)) and self.files.receive(sender, message):
            pass
        elif (answer := self._asked.get((sender, message.deal, type(message)))) is not None:
            if not answer.done():
                answer.set_result(message)
        elif self.take(sender, message):
            pass
        elif message.deal in self._inboxes:
            self._put(sender, message)
        elif not isinstance(message, Closed):
            self._tell_ended(sender, message.deal)

    def _tell_ended(self, sender: str, deal: str) -> None:
        """Somebody, after a restart perhaps, still talks about a deal that has ended here: say so."""
        record = self.journal.get(deal)
        if record is not None and record.ended and sender == record.body.get("peer"):
            self.spawn(self.send(sender, Closed(deal=deal, state=record.state)))

    def take(self, sender: str, message: Message) -> bool:
        """A hook for messages that begin something here; True when it was dealt with."""
        return False

    def _put(self, sender: str, message: Message) -> None:
        inbox = self._inboxes[message.deal]
        if sender in self._peers[message.deal] and not inbox.full():
            inbox.put_nowait((sender, message))

    def open_inbox(self, deal: str, peer: str) -> bool:
        """Make room for messages of a peer about a deal; False when there are too many deals. Others are not heard."""
        if deal not in self._inboxes and len(self._inboxes) >= MAX_SESSIONS:
            return False
        self._inboxes.setdefault(deal, asyncio.Queue(INBOX))
        self._peers.setdefault(deal, set()).add(peer)
        return True

    def sessions(self, peer: str) -> int:
        """How many deals are being talked about with this peer."""
        return sum(peer in peers for peers in self._peers.values())

    def close_inbox(self, deal: str) -> None:
        """Drop what is left of a deal's messages."""
        self._inboxes.pop(deal, None)
        self._peers.pop(deal, None)

    async def expect(self, deal: str, peer: str, *kinds: type[M], patience: float | None = None) -> M:
        """The next message of these kinds from `peer` about `deal`; anything else is late, or not for this step.

        Raises:
            TimeoutError: none came within the patience (wall seconds).
        """
        async with asyncio.timeout(self.world.patience if patience is None else patience):
            while True:
                sender, message = await self._inboxes[deal].get()
                if sender == peer and isinstance(message, kinds):
                    return message

    async def ask(self, peer: str, question: Message, kind: type[M]) -> M:
        """Send a question that belongs to no session of ours and wait for its answer.

        Raises:
            TimeoutError: none came within the patience (wall seconds).
        """
        key = (peer, question.deal, kind)
        answer: asyncio.Future[M] = asyncio.get_running_loop().create_future()
        self._asked[key] = answer
        try:
            await self.send(peer, question)
            return await asyncio.wait_for(answer, self.world.patience)
        finally:
            del self._asked[key]

    # ---- work

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run work in a task of its own; what it raises is kept in `failures`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)
            code = error.code if isinstance(error, CoaseError) else type(error).__name__
            self.emit("", "failure", code=code, reason=str(error))

    def emit(self, deal: str, what: str, **data: Any) -> None:
        """Report an event."""
        self.world.emit(Event(self.name, deal, what, data))

    # ---- deals

    def moved(self, record: Record, **data: Any) -> Record:
        """Report a deal's new state."""
        self.world.moved.set()
        self.emit(record.deal, record.state, **data)
        return record

    async def on_chain(self, record: Record) -> EscrowState:
        """What the escrow says about a deal."""
        return await self.escrow.status(Agreement(**record.body["agreement"]))

    async def reconcile(self, deal: str) -> Record:
        """Bring the journal to where the chain is. The chain is the truth; a journal only says what we meant."""
        record = self.journal.need(deal)
        if record.ended or "agreement" not in record.body:
            return record
        status = (await self.on_chain(record)).status
        goal: State | None = None
        paid: dict[str, int] = {}
        if status in ("settled", "refunded"):
            paid = await self._paid(record)
            divided = paid["to_seller"] > 0 and paid["to_buyer"] > 0  # by a ruling that was not seen coming
            goal = (
                "ruled" if divided or record.state == "disputed" else "settled" if status == "settled" else "refunded"
            )
        elif status == "disputed" and record.state != "disputed":
            goal = "disputed"
        elif status == "funded" and record.state == "agreed":
            goal = "funded"
        if goal is None or goal == record.state:
            return record
        return self.moved(self.journal.catch_up(deal, goal, **paid))

    async def _paid(self, record: Record) -> dict[str, int]:
        to_seller, to_buyer = await payout(self.escrow, Agreement(**record.body["agreement"]))
        return {"to_seller": to_seller, "to_buyer": to_buyer}

    def intend(self, deal: str, what: str) -> Callable[[], None]:
        """The journal row that commits together with an outbox row."""
        return lambda: self.journal.intend(deal, what)

    def transactions(self, *prefixes: str) -> list[tuple[str, str, int, int]]:
        """Mined transactions of ours whose intent begins so: (intent, hash, block, gas)."""
        found: list[tuple[str, str, int, int]] = []
        for prefix in prefixes:
            query = "select intent, hash, block, gas from outbox where substr(intent, 1, ?) = ? and status = 1"
            found += self.journal.db.execute(query, (len(prefix), prefix)).fetchall()
        return found

    @property
    def holds_money(self) -> list[Record]:
        """Open deals with money in the escrow."""
        return [record for record in self.journal.deals(open_only=True) if record.state in HOLDS_MONEY]

    @abstractmethod
    def entitled(self, sender: str, deal: str, blob: str) -> bool:
        """Whether an agent may have a file of a deal."""

    @abstractmethod
    async def resume(self) -> None:
        """Take up every open deal of the journal, as after a restart."""


def same_party(address: str, account: str) -> bool:
    """Whether an agent address and an account are forms of one key."""
    try:
        return account_at(address) == account
    except CoaseError:
        return False
