"""The pool of validators as a party sees it: seats, cases, hidden votes and the ruling that comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import SettlementError, TransactionReverted, UsageError
from coase.identity import checksum, keccak
from coase.settlement.agent_registry import struct
from coase.settlement.allowance import PriceCap, approve_for
from coase.settlement.bound import Bound, Record
from coase.settlement.outbox import Outbox
from coase.settlement.records import Receipt
from coase.terms.agreement import Agreement

if TYPE_CHECKING:
    from web3 import AsyncWeb3

PHASES = ("none", "waiting", "voting", "over")  # in the contract's order

_SCHEMA = """
create table if not exists vote_cast (
    id integer primary key, pool text not null, deal blob not null, place integer not null, intent text not null,
    basis_points integer not null, salt blob not null, unique (pool, deal, place, intent)
)
"""


@dataclass(frozen=True)
class Case:
    """A case on the chain.

    Args:
        phase: "none", "waiting" for its jury, "voting" or "over".
        payer: of the fees.
        commit_end: chain time of the last second of committing; 0 before the draw.
        draw_block: the block that draws; 0 when it must be chosen anew.
        ruling_end: chain time at which the escrow's window ends.
    """

    phase: str
    payer: str
    commit_end: int
    draw_block: int
    ruling_end: int


@dataclass(frozen=True)
class Vote:
    """A place of a jury: its seat, whether it has voted and not shown it, and its vote, once shown."""

    seat: int
    hidden: bool
    basis_points: int | None


@dataclass(frozen=True)
class Seat:
    """A seat: whose, its stake in base units, on how many juries it is. A seat that is gone is nobody's (zeros)."""

    holder: str
    stake: int
    juries: int


class ValidatorPoolClient:
    """The pool, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`.

    Args:
        w3: the connection to read by.
        outbox: sends; votes are kept in its database, committed together with what hides them.
        pool: the contract's account.
        cap: the most that seats or fees may take at once, in the pool's token.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, pool: str, cap: PriceCap) -> None:
        self.outbox, self.cap = outbox, cap
        self.contract = Bound(w3, outbox, "ValidatorPool", pool)
        self._db = outbox.table.db
        self._db.execute(_SCHEMA)
        self._paying = asyncio.Lock()  # an allowance is for one payment at a time

    # ---- seats

    async def join(self, intent: str, count: int, record: Record = None) -> list[int]:
        """Buy seats, on an allowance for exactly their price; their numbers."""
        price = (await self._terms())["seatPrice"] * _count(count)
        receipt = await self._pay(intent, price, "join", count, record=record)
        found = self.contract.events(receipt, "Joined")
        if len(found) != 1 or found[0].values["count"] != count:
            raise SettlementError("the receipt does not show our seats", hint="ask another node", code="bad_event")
        first = int(found[0].values["first"])
        return list(range(first, first + count))

    async def announce_exits(self, intent: str, record: Record = None) -> Receipt:
        """Anyone: a window for exits opens in an hour."""
        return await self.contract.send(intent, "announceExits", record=record)

    async def give_up(self, intent: str, seats: Sequence[int], to: str, record: Record = None) -> Receipt:
        """Give seats up in the window; their stakes are paid to an account."""
        return await self.contract.send(intent, "giveUp", list(seats), checksum(to), record=record)

    async def evict(self, intent: str, seat: int, record: Record = None) -> Receipt:
        """Anyone: end a seat that has less than a penalty left, in the window."""
        return await self.contract.send(intent, "evict", seat, record=record)

    # ---- cases

    async def request(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """Bring a disputed deal before a jury and pay its fees, on an allowance for exactly that."""
        terms = await self._terms()
        return await self._pay(intent, terms["fee"] * terms["jury"], "request", struct(agreement), record=record)

    async def draw(self, intent: str, deal: bytes, record: Record = None) -> Receipt:
        """Anyone: draw the jury, or choose a new block for it. `deal` is its 32-byte id in the escrow."""
        return await self.contract.send(intent, "draw", deal, record=record)

    async def commit(self, intent: str, deal: bytes, place: int, basis_points: int) -> Receipt:
        """Vote, hidden: the seller is to get so many basis points. What was voted is on disk before it is sent.

        A later vote (under another intent) replaces it, until the commits end.
        """
        if not isinstance(basis_points, int) or isinstance(basis_points, bool) or not 0 <= basis_points <= 10_000:
            raise UsageError(f"a vote is 0 to 10,000 basis points, not {basis_points!r}", code="bad_vote")
        salt = self._salt(intent, deal, place)
        hidden = hash_vote(deal, place, self.outbox.identity.account, basis_points, salt)

        def record() -> None:
            row = (self.contract.account, deal, place, intent, basis_points, salt)
            self._db.execute("insert or replace into vote_cast values (null, ?, ?, ?, ?, ?, ?)", row)

        return await self.contract.send(intent, "commit", deal, place, hidden, record=record)

    async def reveal(self, intent: str, deal: bytes, place: int, record: Record = None) -> Receipt:
        """Show the vote that the chain took last: one that came too late has left the one before it in place.

        Raises:
            UsageError: `no_vote`: none is on disk.
        """
        query = "select intent, basis_points, salt from vote_cast where pool = ? and deal = ? and place = ?"
        votes = self._db.execute(f"{query} order by id desc", (self.contract.account, deal, place)).fetchall()
        for commit, *vote in votes:
            if await self._taken(commit):
                return await self.contract.send(intent, "reveal", deal, place, *vote, record=record)
        raise UsageError("no vote of ours is known there", hint="commit first, with this database", code="no_vote")

    async def finish(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """Anyone: pay the jury and rule."""
        return await self.contract.send(intent, "finish", struct(agreement), record=record)

    async def withdraw(self, intent: str, to: str, record: Record = None) -> Receipt:
        """Take what the pool owes us, to an account."""
        return await self.contract.send(intent, "withdraw", checksum(to), record=record)

    # ---- reading

    async def case(self, deal: bytes) -> Case:
        """Where a case stands."""
        payer, commit_end, phase, draw_block, ruling_end = await self.contract.read("caseOf", deal)
        return Case(PHASES[phase], checksum(payer), int(commit_end), int(draw_block), int(ruling_end))

    async def vote(self, deal: bytes, place: int) -> Vote:
        """A place of a jury."""
        seat, hidden, shown, points = await self.contract.read("voteOf", deal, place)
        return Vote(int(seat), bool(hidden), int(points) if shown else None)

    async def places(self, deal: bytes) -> dict[int, int]:
        """Our places on a jury: place -> seat. Empty when we have none, or it is not drawn."""
        if (await self.case(deal)).phase != "voting":
            return {}
        ours = {}
        for place in range((await self._terms())["jury"]):
            seat = (await self.vote(deal, place)).seat
            if (await self.seat(seat)).holder == self.outbox.identity.account:
                ours[place] = seat
        return ours

    async def seat(self, seat: int) -> Seat:
        """Whose a seat is, and what is left of its stake."""
        holder, stake, juries = await self.contract.read("seats", seat)
        return Seat(checksum(holder), int(stake), int(juries))

    async def owed(self, account: str) -> int:
        """Base units that an account can withdraw."""
        return int(await self.contract.read("owed", checksum(account)))

    # ---- below

    async def _terms(self) -> dict[str, Any]:
        found = await self.contract.read("terms")
        names = ("token", "seatPrice", "penalty", "fee", "jury", "quorum", "commitSeconds", "revealSeconds")
        return dict(zip(names, found, strict=True)) if isinstance(found, (tuple, list)) else dict(found)

    async def _pay(self, intent: str, amount: int, function: str, *values: Any, record: Record) -> Receipt:
        self.cap.allows((await self._terms())["token"], amount)
        async with self._paying:
            await approve_for(self.outbox, intent, self.contract.account, amount, self.cap)
            return await self.contract.send(intent, function, *values, record=record)

    async def _taken(self, commit: str) -> bool:
        if not self.outbox.knows(commit):
            return False
        try:
            await self.outbox.broadcast(commit)
        except TransactionReverted:
            return False
        return True

    def _salt(self, intent: str, deal: bytes, place: int) -> bytes:
        """Nobody else can make it: it hides which of 10,001 votes was given."""
        seed = keccak(f"vote/{self.contract.account}/{place}/{intent}".encode() + deal)
        return keccak(self.outbox.identity.sign(seed))


def hash_vote(deal: bytes, place: int, voter: str, basis_points: int, salt: bytes) -> bytes:
    """What a seat commits to, as `IValidatorPool.hashVote`: 32 bytes."""
    words = [deal, place.to_bytes(32, "big"), bytes(12) + bytes.fromhex(checksum(voter)[2:])]
    return keccak(b"".join([*words, basis_points.to_bytes(32, "big"), salt]))


def _count(count: int) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise UsageError(f"{count!r} is no number of seats", code="bad_count")
    return count
