"""Sends each intent exactly once, whatever dies in between.

One actor a key. An intent (``deal-7/open``) becomes a signed transaction with a nonce of our own counting, then a row
on disk, and only then something that a node hears of. A row is sent until it is mined; it never turns into a second
transaction unless the first can no longer happen. The rows live in the agent's journal file, so that a decision and
its transaction commit together.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from coase import crash
from coase.errors import ChainUnavailable, LocalProtocolError, TransactionRefused, TransactionReverted
from coase.identity import Identity
from coase.settlement.node import Node, Sent
from coase.settlement.outbox_table import OutboxTable, Prepared, Row, not_written
from coase.settlement.records import Call, Patience, Receipt
from coase.settlement.signing import call_of, sign

if TYPE_CHECKING:
    from web3 import AsyncWeb3


class Outbox:
    """The transactions of one key on one chain.

    Args:
        w3: the connection.
        identity: whose transactions they are. Nobody else should send with this key while the outbox lives.
        db: where the rows are kept, in autocommit (``isolation_level=None``); used by the loop's thread only.
        chain_id: what transactions are signed for.
        patience: how long to bear with a node that does not answer, or does not mine.
        abis: of contracts besides ours whose errors should be decoded.
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
    ) -> None:
        self.identity, self.chain_id = identity, chain_id
        self.node = Node(w3, patience or Patience(), abis)
        self.table = OutboxTable(db, identity.account, chain_id)
        self.lock = asyncio.Lock()
        self._heard: set[str] = set()  # hashes that the node took in this life
        self._resumed = False

    async def send(
        self, intent: str, call: Call | Callable[[], Awaitable[Call]], record: Callable[[], None] | None = None
    ) -> Receipt:
        """Do what `call` says, once, and return the receipt. Asked again, it returns the receipt of the first time.

        Args:
            intent: names what should happen; at most one transaction ever does it.
            call: what to do, or a function that makes it when the intent is new.
            record: writes what the agent decided into the same database; commits together with the row.

        Raises:
            TransactionReverted: a contract said no. The intent is free again.
            TransactionRefused: the node will not have it, for want of funds for example. A row that was written stays,
                and is sent again next time.
            ChainUnavailable: the node does not answer or does not mine; call again, or `resume` later.
        """
        if not self._resumed and not self.knows(intent):
            await self.resume()
        async with self.lock:
            row = self.table.find(intent)
            if row is None:
                prepared = await self.prepare(intent, call if isinstance(call, Call) else await call())
                row = self._commit(prepared, record)
            stale = await self._push(row)
        return await self._finish(row.id, stale)

    async def resume(self) -> tuple[Receipt, ...]:
        """Send whatever has no receipt again, in nonce order, and wait for it. Do this first after a start.

        Receipts with status 0 are of intents that reverted, and are free again.
        """
        async with self.lock:
            rows = self.table.waiting()
            if rows:
                await self._push(rows[-1])
        receipts = []
        for row in rows:
            try:
                receipts.append(await self._mined(row.id))
            except TransactionReverted:  # its nonce went to another one, and it can no longer be done: free again
                continue
        self._resumed = True
        return tuple(receipts)

    def knows(self, intent: str) -> bool:
        """Whether a transaction for this intent is on its way or mined (one that reverted does not count)."""
        return self.table.find(intent) is not None

    # ---- in steps, for who must commit more than `record` can: hold `lock` from `prepare` to `store`

    async def prepare(self, intent: str, call: Call) -> Prepared:
        """Simulate the call and sign it with the next nonce. Nothing is written, nothing is sent.

        Raises:
            TransactionReverted: a contract would say no.
            TransactionRefused: the account cannot pay for it.
        """
        sender = self.identity.account
        gas = await self.node.gas_for(sender, call)
        fees = await self.node.fees()
        cost, balance = gas * fees[0] + call.value, await self.node.balance(sender)
        if balance < cost:
            raise TransactionRefused(
                f"{intent}: {sender} has {balance} wei and may need {cost} for it",
                hint="send ether to this account",
                code="insufficient_funds",
            )
        nonce = max(self.table.next_nonce(), await self.node.count(sender, pending=True))
        raw = sign(self.identity, call, chain_id=self.chain_id, nonce=nonce, gas=gas, fees=fees)
        return Prepared(intent, nonce, call.to, raw)

    def store(self, prepared: Prepared) -> None:
        """Write the row, in whatever transaction the connection is in. `LocalProtocolError` when it is there."""
        self.table.insert(prepared)

    async def broadcast(self, intent: str) -> Receipt:
        """Send a stored intent, unless it is mined, and return its receipt. Errors as for `send`."""
        row = self.table.find(intent)
        if row is None:
            raise LocalProtocolError(f"the outbox has no {intent!r}", hint="store it first", code="outbox_unknown")
        async with self.lock:
            stale = await self._push(row)
        return await self._finish(row.id, stale)

    # ---- below: the caller holds the lock, except for `_finish` and `_mined`

    def _commit(self, prepared: Prepared, record: Callable[[], None] | None) -> Row:
        db, intent = self.table.db, prepared.intent
        crash.point(f"outbox before {intent}")
        _execute(db, "begin immediate")
        try:
            if record is not None:
                record()
            self.store(prepared)
            _execute(db, "commit")
        except BaseException:  # the row and the decision happen together or not at all
            if db.in_transaction:
                db.execute("rollback")
            raise
        crash.point(f"outbox after {intent}")
        row = self.table.find(intent)
        assert row is not None
        return row

    async def _push(self, row: Row, *, again: bool = False) -> bool:
        """Send the row and whatever must go before it. True when the node says that its nonce is used up."""
        answer = Sent.TAKEN
        for waiting in self.table.waiting(row.nonce):
            if waiting.hash in self._heard:
                continue
            answer = await self.node.send(waiting.raw)
            if answer is Sent.EARLY and not again:
                self._heard.clear()  # the node has lost what it once took
                return await self._push(row, again=True)
            if answer is Sent.EARLY:
                raise TransactionRefused(
                    f"{waiting.intent}: the chain misses transactions before nonce {waiting.nonce}",
                    hint="is this the chain that this journal was written with?",
                    code="nonce_gap",
                )
            crash.point(f"outbox sent {waiting.intent}")
            self._heard.add(waiting.hash)
        return answer is Sent.STALE

    async def _finish(self, row_id: int, stale: bool) -> Receipt:
        receipt = await self._mined(row_id, stale)
        if receipt.status:
            return receipt
        row = self.table.row(row_id)
        assert row is not None
        reason = await self.node.why(self.identity.account, call_of(row.raw), receipt)
        raise TransactionReverted(
            f"{row.intent}: transaction {receipt.hash} reverted: {reason or 'no reason given'}", reason=reason
        )

    async def _mined(self, row_id: int, stale: bool = False) -> Receipt:
        """Wait until the row is mined, and record its receipt."""
        patience = self.node.patience
        for round_left in range(patience.rounds, -1, -1):
            for _ in range(1 if stale else patience.polls):
                row = self.table.row(row_id)
                if row is None:
                    raise TransactionReverted("the transaction can no longer be done", hint="see the first error")
                receipt = await self.node.receipt(row.hash)
                if receipt is not None:
                    self.table.settle(row, receipt)
                    return receipt
                await self.node.pause()
            stale = False
            if round_left:
                async with self.lock:
                    await self._repair(row_id)
        raise ChainUnavailable(
            f"transaction {row_id} of the outbox is not mined after {patience.rounds} rounds of waiting",
            hint="it stays in the outbox, and `resume` sends it again",
            code="not_mined",
        )

    async def _repair(self, row_id: int) -> None:
        """A transaction is missing: send it again or, when its nonce went to another one, sign it anew."""
        row = self.table.row(row_id)
        if row is None:
            return
        if row.status == 1:  # mined once, and gone: the chain went another way
            self.table.reopen(row)
        for _ in range(self.node.patience.polls):
            # Only a count beyond the nonce, and no receipt since, proves that it cannot happen any more. Behind one
            # address there may be several nodes, some of them late: look more than once.
            if await self.node.count(self.identity.account) <= row.nonce:
                self._heard.discard(row.hash)
                await self._push(row)
                return
            if await self.node.receipt(row.hash) is not None:
                return
            await self.node.pause()
        await self._sign_anew(row)

    async def _sign_anew(self, row: Row) -> None:
        try:
            prepared = await self.prepare(row.intent, call_of(row.raw))
        except TransactionReverted:
            self.table.drop(row)
            raise
        crash.point(f"outbox before signing {row.intent} anew")
        self.table.replace(row, prepared)
        crash.point(f"outbox after signing {row.intent} anew")
        renewed = self.table.row(row.id)
        assert renewed is not None
        await self._push(renewed)


def _execute(db: sqlite3.Connection, statement: str) -> None:
    try:
        db.execute(statement)
    except sqlite3.Error as error:
        raise not_written(error) from error
