"""Sends each intent exactly once, whatever dies in between.

One actor a key. An intent (``deal-7/open``) becomes a signed transaction with a nonce of our own counting, then a row
on disk, and only then something that a node hears of. A row is sent until it is mined; it never turns into a second
transaction unless the first can no longer happen. The rows live in the agent's journal file, so that a decision and
its transaction commit together.

Intents that are asked for at the same time travel together: simulated in one batch of requests, written in one commit,
sent in one batch in nonce order, and looked for in one batch.
"""

from __future__ import annotations

import sqlite3
from asyncio import Lock
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coase import crash
from coase.errors import ChainUnavailable, LocalProtocolError, TransactionRefused, TransactionReverted
from coase.identity import Identity
from coase.settlement.intents import Intents, Wanted
from coase.settlement.node import Node, Sent
from coase.settlement.outbox_table import OutboxTable, Prepared, Row, not_written
from coase.settlement.policy import MINED, Finality, Policy
from coase.settlement.records import Call, Patience, Receipt
from coase.settlement.repair import Repair
from coase.settlement.signing import call_of, sign
from coase.settlement.watch import Watch

if TYPE_CHECKING:
    from web3 import AsyncWeb3


MOST_WAITING = 64  # transactions of one key on their way at once: nodes drop what is beyond


class Outbox:
    """The transactions of one key on one chain.

    Args:
        w3: the connection.
        identity: whose transactions they are. Nobody else should send with this key while the outbox lives.
        db: where the rows are kept, in autocommit (``isolation_level=None``); used by the loop's thread only.
        chain_id: what transactions are signed for.
        patience: how long to bear with a node that does not answer, or does not mine.
        abis: of contracts besides ours whose errors should be decoded.
        policy: when an outcome is final, and what to pay.
        witnesses: other nodes that must show the same receipt before it is believed.
    """

    def __init__(
        self,
        w3: AsyncWeb3[Any],
        identity: Identity,
        db: sqlite3.Connection,
        chain_id: int,
        *,
        patience: Patience | None = None,
        abis: Iterable[Iterable[Mapping[str, Any]]] = (),
        policy: Policy | None = None,
        witnesses: Iterable[AsyncWeb3[Any]] = (),
    ) -> None:
        self.identity, self.chain_id, self.policy = identity, chain_id, policy or Policy()
        self.node = Node(w3, patience or Patience(), abis)
        self.table = OutboxTable(db, identity.account, chain_id)
        self.lock = Lock()
        self.watch = Watch(
            self.node, self.table, self.policy.finality, [Node(w, self.node.patience) for w in witnesses]
        )
        self._repair = Repair(self)
        self._intents = Intents()
        self._heard: set[str] = set()  # hashes that the node took in this life
        self._resumed = False

    async def send(
        self,
        intent: str,
        call: Call | Callable[[], Awaitable[Call]],
        record: Callable[[], None] | None = None,
        *,
        finality: Finality | None = None,
    ) -> Receipt:
        """Do what `call` says, once, and return the receipt. Asked again, it returns the receipt of the first time.

        Args:
            intent: names what should happen; at most one transaction ever does it.
            call: what to do, or a function that makes it when the intent is new.
            record: writes what the agent decided into the same database; commits together with the row.
            finality: how sure the receipt must be; None: as the outbox's policy says.

        Raises:
            TransactionReverted: a contract said no. The intent is free again.
            TransactionRefused: the node will not have it, for want of funds for example. A row that was written stays,
                and is sent again next time.
            ChainUnavailable: the node does not answer or does not mine; call again, or `resume` later.
        """
        if not self.knows(intent):
            await self.ready()
        row = self.table.find(intent) or await self._new(Wanted(intent, call, record))
        return await self._see_through(row, finality)

    async def resume(self) -> tuple[Receipt, ...]:
        """Send whatever has no receipt again, in nonce order, and wait for it. Do this first after a start.

        Receipts with status 0 are of intents that reverted, and are free again.
        """
        async with self.lock:
            rows = self.table.unsure(2**31)
            waiting = self.table.waiting()
            if waiting:
                await self.push(waiting[-1].nonce)
        receipts = []
        for row in rows:
            try:
                receipts.append(await self._mined(row.id, self.policy.finality))
            except TransactionReverted:  # its nonce went to another one, and it can no longer be done: free again
                continue
        self._resumed = True
        return tuple(receipts)

    async def ready(self) -> None:
        """`resume`, unless that was done in this life: before reading what an earlier life may have left on its way."""
        if not self._resumed:
            await self.resume()

    async def tend(self) -> None:
        """Look once after what is not final, without waiting: for whoever hears of new blocks.

        What has vanished in a reorganisation is sent again, what waits for too long gets a higher fee.
        """
        if self.table.unsure(1):
            await self.watch.look()
            async with self.lock:
                await self._repair.all()

    def knows(self, intent: str) -> bool:
        """Whether a transaction for this intent is on its way or mined (one that reverted does not count)."""
        return self.table.find(intent) is not None

    # ---- in steps, for who must commit more than `record` can: hold `lock` from `prepare` to `store`

    async def prepare(self, intent: str, call: Call) -> Prepared:
        """Simulate the call and sign it with the next nonce. Nothing is written, nothing is sent.

        Raises:
            TransactionReverted: a contract would say no.
            TransactionRefused: the account cannot pay for it, or the fees are above the ceiling.
        """
        gas = await self.node.gas_for(self.identity.account, call)
        fees, wei, pending = await self._situation()
        self._afford(intent, gas * fees[0] + call.value, wei)
        return self.signed(intent, call, max(self.table.next_nonce(), pending), gas, fees)

    def store(self, prepared: Prepared) -> None:
        """Write the row, in whatever transaction the connection is in. `LocalProtocolError` when it is there."""
        self.table.insert(prepared)

    async def broadcast(self, intent: str, *, finality: Finality | None = None) -> Receipt:
        """Send a stored intent, unless it is mined, and return its receipt. Errors as for `send`."""
        row = self.table.find(intent)
        if row is None:
            raise LocalProtocolError(f"the outbox has no {intent!r}", hint="store it first", code="outbox_unknown")
        return await self._see_through(row, finality)

    # ---- from an intent to a row

    async def _new(self, wanted: Wanted) -> Row:
        """The row of an intent that has none. Whoever gets the lock first takes along everybody who waits."""
        with self._intents.waiting(wanted):
            while not wanted.settled:
                async with self.lock:
                    waiting = self.table.waiting()
                    if not wanted.settled and len(waiting) < MOST_WAITING:
                        await self._together(MOST_WAITING - len(waiting))
                if not wanted.settled and waiting:
                    with suppress(TransactionReverted):  # its own senders hear of that
                        await self._mined(waiting[0].id, MINED)
        return wanted.result()

    async def _together(self, room: int) -> None:
        batch = []
        for wanted in self._intents.next(room):
            row = self.table.find(wanted.intent)
            if row is not None:
                wanted.succeed(row)
            else:
                batch.append(wanted)
        with self._intents.failing(batch):
            await self._prepare(batch)

    async def _prepare(self, batch: list[Wanted]) -> None:
        ready = [wanted for wanted in batch if await wanted.make()]
        if not ready:
            return
        limits = await self.node.simulate(self.identity.account, [wanted.made for wanted in ready])
        fees, wei, pending = await self._situation()
        chosen, spent = [], 0
        for wanted, gas in zip(ready, limits, strict=True):
            if isinstance(gas, Exception):
                wanted.fail(gas)
                continue
            cost = gas * fees[0] + wanted.made.value
            try:
                self._afford(wanted.intent, spent + cost, wei)
            except TransactionRefused as error:
                wanted.fail(error)
                continue
            spent += cost
            chosen.append((wanted, gas))
        chosen = [(wanted, gas) for wanted, gas in chosen if not wanted.given_up]
        if self._commit(chosen, max(self.table.next_nonce(), pending), fees):
            await self._push_quietly()

    def _commit(self, chosen: list[tuple[Wanted, int]], nonce: int, fees: tuple[int, int]) -> bool:
        """Write what was decided and its transactions, all together; False when one of them fails, which is told so."""
        db, failing = self.table.db, None
        for wanted, _ in chosen:
            crash.point(f"outbox before {wanted.intent}")
        _execute(db, "begin immediate")
        try:
            for number, (wanted, gas) in enumerate(chosen):
                failing = wanted
                if wanted.record is not None:
                    wanted.record()
                self.store(self.signed(wanted.intent, wanted.made, nonce + number, gas, fees))
            failing = None
            _execute(db, "commit")
        except BaseException as error:  # a row and the decision happen together or not at all
            if db.in_transaction:
                db.execute("rollback")
            if failing is None or not isinstance(error, Exception):
                raise
            failing.fail(error)
            return False
        for wanted, _ in chosen:
            crash.point(f"outbox after {wanted.intent}")
            row = self.table.find(wanted.intent)
            assert row is not None
            wanted.succeed(row)
        return True

    def signed(self, intent: str, call: Call, nonce: int, gas: int, fees: tuple[int, int]) -> Prepared:
        """The transaction that does it."""
        raw = sign(self.identity, call, chain_id=self.chain_id, nonce=nonce, gas=gas, fees=fees)
        return Prepared(intent, nonce, call.to, raw)

    async def _situation(self) -> tuple[tuple[int, int], int, int]:
        """Fees under the ceiling, our wei, our next nonce as the node has it."""
        (most, tip), wei, pending = await self.node.state(self.identity.account)
        ceiling = self.policy.fees.ceiling
        if ceiling is not None and most > ceiling:
            if (most - tip) // 2 + tip > ceiling:
                raise TransactionRefused(
                    f"a unit of gas costs {(most - tip) // 2 + tip} wei, more than the {ceiling} that are allowed",
                    hint="wait, or allow more: FeePolicy(ceiling=...)",
                    code="fee_ceiling",
                )
            most = ceiling
        return (most, tip), wei, pending

    def _afford(self, intent: str, cost: int, wei: int) -> None:
        if wei < cost:
            raise TransactionRefused(
                f"{intent}: {self.identity.account} has {wei} wei and may need {cost} for it",
                hint="send ether to this account",
                code="insufficient_funds",
            )

    # ---- from a row to a receipt

    async def _see_through(self, row: Row, finality: Finality | None) -> Receipt:
        stale = False
        if row.status is None and row.hash not in self._heard:
            async with self.lock:
                stale = await self.push(row.nonce)
        receipt = await self._mined(row.id, finality or self.policy.finality, stale=stale)
        if receipt.status:
            return receipt
        last = self.table.row(row.id) or row
        reason = await self.node.why(self.identity.account, call_of(last.raw), receipt)
        raise TransactionReverted(
            f"{row.intent}: transaction {receipt.hash} reverted: {reason or 'no reason given'}", reason=reason
        )

    async def _mined(self, row_id: int, finality: Finality, *, stale: bool = False) -> Receipt:
        """Wait until the row is mined and sure enough. Whoever waits first looks for everybody."""
        patience, seen = self.node.patience, self.watch.progress(row_id)
        looks = patience.polls - 1 if stale else 0  # a nonce that is used up is a reason to doubt at once
        doubts = 0
        with self.watch.wanted(row_id):
            while True:
                receipt = self.watch.receipt(row_id, finality)
                if receipt is not None:
                    return receipt
                if self.table.row(row_id) is None:
                    raise self._repair.given_up.get(row_id) or TransactionReverted("the transaction was dropped")
                looks += await self.watch.look_together()
                if self.watch.progress(row_id) != seen:
                    looks, doubts, seen = 0, 0, self.watch.progress(row_id)
                elif looks >= patience.polls * (patience.rounds + 1):
                    raise self._not_mined(row_id)
                elif looks // patience.polls > doubts:
                    doubts = looks // patience.polls
                    async with self.lock:
                        await self._repair.all()

    def _not_mined(self, row_id: int) -> ChainUnavailable:
        row, rounds = self.table.row(row_id), self.node.patience.rounds
        what = row.intent if row is not None else f"row {row_id}"
        return ChainUnavailable(
            f"{what}: its transaction is not final after {rounds} rounds of waiting{self.watch.trouble()}",
            hint="it stays in the outbox, and `resume` sends it again",
            code="not_mined",
        )

    # ---- the caller holds the lock

    async def _push_quietly(self) -> None:
        """Send what was written; whose transaction is refused hears of it when it sees it through."""
        waiting = self.table.waiting()
        if waiting:
            try:
                await self.push(waiting[-1].nonce)
            except TransactionRefused:
                return

    async def push(self, nonce: int, *, again: bool = False) -> bool:
        """Send every waiting row up to a nonce. True when the node says that the last one's nonce is used up."""
        rows = [row for row in self.table.waiting(nonce) if row.hash not in self._heard]
        found = await self.node.send_all([row.raw for row in rows])
        for row, answer in zip(rows, found, strict=True):
            if answer is Sent.EARLY and not again:
                self._heard.clear()  # the node has lost what it once took
                await self._repair.gaps()
                return await self.push(nonce, again=True)
            if answer is Sent.EARLY:
                raise TransactionRefused(
                    f"{row.intent}: the chain misses transactions before nonce {row.nonce}",
                    hint="is this the chain that this journal was written with?",
                    code="nonce_gap",
                )
            if isinstance(answer, Exception):
                raise answer
            crash.point(f"outbox sent {row.intent}")
            self._heard.add(row.hash)
        return bool(found) and found[-1] is Sent.STALE

    def unheard(self, row: Row) -> None:
        """Send this row again at the next push."""
        self._heard.discard(row.hash)


def _execute(db: sqlite3.Connection, statement: str) -> None:
    try:
        db.execute(statement)
    except sqlite3.Error as error:
        raise not_written(error) from error
