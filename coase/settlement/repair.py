"""What an outbox does about transactions that are not mined: send them again, pay more, fill gaps, sign anew.

Only one of these makes a second transaction that could happen beside the first, and it needs proof that the first
cannot happen any more: another one with its nonce is as deep in the chain as our finality asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coase import crash
from coase.errors import ChainUnavailable, TransactionRefused, TransactionReverted
from coase.settlement.outbox_table import Prepared, Row
from coase.settlement.records import Call, Header
from coase.settlement.rival import rival
from coase.settlement.signing import call_of, fees_of

if TYPE_CHECKING:
    from coase.settlement.outbox import Outbox

MOST_GAPS = 16  # more missing nonces than this are no accident: it is the wrong chain, or the wrong key
TRANSFER_GAS = 21_000


class Repair:
    """The repairs of one outbox. The caller of each method holds its lock."""

    def __init__(self, outbox: Outbox) -> None:
        self._box = outbox
        self._waits_since: dict[str, int] = {}  # hash -> the head when we began to wonder
        self._lost_since: dict[int, int] = {}  # row -> the head when its nonce was first seen to be used
        self.given_up: dict[int, TransactionReverted] = {}  # row -> why its call can no longer be done

    async def all(self) -> None:
        """Do what is needed for every row that waits."""
        box = self._box
        for row in box.watch.vanished():
            box.table.reopen(row)  # mined once, and gone: the chain went another way
        waiting = box.table.waiting()
        if not waiting:
            return
        count = await box.node.count(box.identity.account)
        lost = [row for row in waiting if row.nonce < count]
        if lost:
            await self._replace_lost(lost)
        try:
            await self._send_again(count)
        except TransactionRefused as error:
            box.watch.note(error)

    async def gaps(self) -> None:
        """Give nonces that the chain misses before our first waiting row to something: our own row, or nothing at all.

        A nonce can be missing when somebody else's transaction with our key was counted once and then forgotten.
        """
        box = self._box
        waiting = box.table.waiting()
        if not waiting:
            return
        count = await box.node.count(box.identity.account)
        for row in box.table.unsure(2**31):
            if row.status is not None and row.nonce >= count:
                box.table.reopen(row)  # the chain that mined it is not the chain any more
        first = box.table.waiting()[0].nonce
        missing = range(max(count, await box.node.count(box.identity.account, pending=True)), first)
        if not 0 < len(missing) <= MOST_GAPS or box.table.nonces(missing.start, missing.stop):
            return
        fees = await box.node.fees()
        for nonce in missing:
            nothing = Call(box.identity.account, gas=TRANSFER_GAS)
            crash.point(f"outbox before filling nonce {nonce}")
            box.table.insert(box.signed(f"gap/{box.chain_id}/{nonce}", nothing, nonce, TRANSFER_GAS, fees))
            crash.point(f"outbox after filling nonce {nonce}")

    # ---- nonces that are not used yet

    async def _send_again(self, count: int) -> None:
        box = self._box
        rows = [row for row in box.table.waiting() if row.nonce >= count]
        if not rows:
            return
        if rows[0].nonce > count:
            await self.gaps()
        await self._raise_fees(rows, await box.node.head())
        rows = [row for row in box.table.waiting() if row.nonce >= count]
        for row in rows:
            box.unheard(row)
        await box.push(rows[-1].nonce)

    async def _raise_fees(self, rows: list[Row], head: Header) -> None:
        """Replace the first one, which all others wait for, and any that the base fee has left behind."""
        box, policy = self._box, self._box.policy.fees
        self._waits_since = {row.hash: self._waits_since.get(row.hash, head.number) for row in rows}
        late = [row for row in rows if head.number - self._waits_since[row.hash] >= policy.raise_after]
        chosen = [row for row in late if row is rows[0] or fees_of(row.raw)[0] < head.base_fee]
        if not chosen:
            return
        market = await box.node.fees()
        for row in chosen:
            fees = policy.raised(fees_of(row.raw), market)
            if fees is None:
                box.watch.note(_too_dear(row, policy.ceiling))
                continue
            call = call_of(row.raw)
            assert call.gas is not None
            self._replace(row, box.signed(row.intent, call, row.nonce, call.gas, fees), "raising the fee of")

    # ---- nonces that went to another transaction

    async def _replace_lost(self, rows: list[Row]) -> None:
        box = self._box
        head = (await box.node.head()).number
        self._lost_since = {row.id: self._lost_since.get(row.id, head) for row in rows}
        lost = [row for row in rows if box.watch.deep_enough(self._lost_since[row.id], head)]
        # A count beyond the nonce, and no receipt since, is a reason to doubt. Behind one address there may be several
        # nodes, some of them late: look more than once. The proof is the transaction that took the nonce.
        for _ in range(box.node.patience.polls):
            if not lost:
                return
            count = await box.node.count(box.identity.account)
            places = [(row, wanted) for row in lost for wanted in box.table.hashes(row)]
            found = await box.node.receipts([wanted for _, wanted in places])
            mined = {row.id for (row, _), receipt in zip(places, found, strict=True) if receipt is not None}
            lost = [row for row in lost if row.nonce < count and row.id not in mined]
            await box.node.pause()
        for row in lost:
            ours = box.table.hashes(row)
            if await rival(box.node, box.identity.account, box.chain_id, row.nonce, ours) is not None:
                await self._sign_anew(row)
            else:
                box.watch.note(_unproven(row))

    async def _sign_anew(self, row: Row) -> None:
        box = self._box
        try:
            prepared = await box.prepare(row.intent, call_of(row.raw))
        except TransactionReverted as error:
            box.table.drop(row)
            self.given_up[row.id] = error
            return
        except TransactionRefused as error:
            box.watch.note(error)
            return
        self._replace(row, prepared, "signing anew")

    def _replace(self, row: Row, prepared: Prepared, why: str) -> None:
        crash.point(f"outbox before {why} {row.intent}")
        self._box.table.replace(row, prepared)
        crash.point(f"outbox after {why} {row.intent}")


def _unproven(row: Row) -> ChainUnavailable:
    return ChainUnavailable(
        f"{row.intent}: nonce {row.nonce} is used, and this node shows neither our receipt nor the other transaction",
        hint="ask another node; it is not sent again without proof",
    )


def _too_dear(row: Row, ceiling: int | None) -> TransactionRefused:
    return TransactionRefused(
        f"{row.intent} waits for a fee above the {ceiling} wei a unit of gas that are allowed",
        hint="wait, or allow more: FeePolicy(ceiling=...)",
        code="fee_ceiling",
    )
