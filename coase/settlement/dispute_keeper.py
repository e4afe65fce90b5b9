"""What a buyer leaves running: while one of its deals is disputed, the seller's stake is held.

The contracts do not hold it by themselves: the registry does not know of a dispute until somebody shows it the escrow's
record (`AgentRegistry.freeze`), and a seller whose stake is on its way out would be gone. Which deals are guarded is on
disk, together with what opened or disputed them, so whoever dies in between freezes in the next life.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from coase.errors import SettlementError, TransactionReverted
from coase.settlement.agent_registry import AgentRegistryClient
from coase.settlement.escrow import EscrowClient
from coase.settlement.logs import find_logs
from coase.settlement.payouts import SETTLED
from coase.settlement.records import Receipt
from coase.terms.agreement import Agreement

Outcome = Literal["frozen", "elsewhere", "over", "nobody"]

_SCHEMA = """
create table if not exists guarded_deal (
    registry text not null, deal blob not null, agreement text not null, agent integer, primary key (registry, deal)
) without rowid
"""


@dataclass(frozen=True)
class Guarded:
    """A deal whose dispute would freeze a stake: `agent` is whose; None for that of the seller which stakes most."""

    agreement: Agreement
    agent: int | None


@dataclass(frozen=True)
class Watched:
    """What came of a deal in one turn.

    Args:
        deal: its 32-byte id in the escrow.
        outcome: "frozen" for a stake that is held, the largest that answers for the seller or the guarded agent's;
            "elsewhere" where the dispute holds another agent of the seller's that stakes as much as the guarded one or
            more; "over" for a deal that ended, and is guarded no more; "nobody" where no stake answers for the seller;
            None while there is nothing to do, or when it went wrong.
        receipt: of our own freeze.
        trouble: what went wrong; the next turn tries again.
    """

    deal: bytes
    outcome: Outcome | None = None
    receipt: Receipt | None = None
    trouble: SettlementError | None = None


class DisputeKeeper:
    """Guards the deals of one buyer.

    Args:
        escrow: as the buyer sees it.
        agents: the registry, with the same outbox.
    """

    def __init__(self, escrow: EscrowClient, agents: AgentRegistryClient) -> None:
        self.escrow, self.agents = escrow, agents
        self._db = escrow.outbox.table.db
        self._db.execute(_SCHEMA)

    def guard(self, *deals: Agreement, agent: int | None = None) -> Callable[[], None]:
        """What to give as `record` to the call that opens a deal, or all legs of a bundle: from then on it is guarded.

        Args:
            deals: the deal, or the legs.
            agent: the seller's in the registry; None: found when it is needed.
        """
        place = self.agents.contract.account
        rows = [(place, self.escrow.digest(deal), deal.model_dump_json(), agent) for deal in deals]

        def record() -> None:
            self._db.executemany("insert or ignore into guarded_deal values (?, ?, ?, ?)", rows)

        return record

    async def dispute(
        self, intent: str, agreement: Agreement, reason_hash: bytes, agent: int | None = None
    ) -> tuple[Receipt, Watched]:
        """Dispute, and hold the stake at once. The dispute stands even where the freeze goes wrong: see `Watched`."""
        receipt = await self.escrow.dispute(intent, agreement, reason_hash, record=self.guard(agreement, agent=agent))
        deal = self.escrow.digest(agreement)
        (found,) = [one for one in self._rows() if one[0] == deal] or [(deal, Guarded(agreement, agent))]
        return receipt, await self._watch(*found)

    async def tend(self) -> list[Watched]:
        """One turn over all guarded deals: at least once within the registry's cooldown, better with each block."""
        outbox = self.escrow.outbox
        await outbox.ready()
        await outbox.tend()  # a freeze that a reorganisation undid is sent again
        return [await self._watch(deal, guarded) for deal, guarded in self._rows()]

    async def run(self, woken: Callable[[], Awaitable[object]]) -> AsyncIterator[list[Watched]]:
        """Tend whenever `woken` returns: after a pause, or when a subscription has heard of a block."""
        while True:
            yield await self.tend()
            await woken()

    def guarded(self) -> list[Guarded]:
        """The deals that are guarded now."""
        return [guarded for _, guarded in self._rows()]

    # ---- below

    async def _watch(self, deal: bytes, guarded: Guarded) -> Watched:
        try:
            status = (await self.escrow.status(guarded.agreement)).status
            if status in ("settled", "refunded"):
                await self._forget(deal)
                return Watched(deal, "over")
            if status != "disputed":
                return Watched(deal)
            return await self._freeze(deal, guarded, await self.agents.frozen_by(deal))
        except SettlementError as error:
            return Watched(deal, trouble=error)

    async def _freeze(self, deal: bytes, guarded: Guarded, held: int) -> Watched:
        """Have the dispute hold the guarded agent, or the one with the largest stake; `held`: the one held now."""
        agent = guarded.agent
        if agent is None:
            found = await self.agents.answering(guarded.agreement.seller)
            agent = found[0] if found else held
        if not agent:
            return Watched(deal, "nobody")
        name = f"freeze/{deal.hex()}"
        if held:
            if agent == held:
                return Watched(deal, "frozen")
            ours, theirs = [(await self.agents.stake_of(one)).amount for one in (agent, held)]
            if ours <= theirs:
                return Watched(deal, "frozen" if guarded.agent is None else "elsewhere")
            name += f"/{agent}/{ours}"  # each stake that takes the place of a smaller one is an act of its own
        try:
            receipt = await self.agents.freeze(name, agent, guarded.agreement)
        except TransactionReverted:
            held = await self.agents.frozen_by(deal)  # somebody else was faster?
            if not held:
                raise
            return Watched(deal, "frozen" if held == agent else "elsewhere")
        return Watched(deal, "frozen", receipt)

    def _rows(self) -> list[tuple[bytes, Guarded]]:
        query = "select deal, agreement, agent from guarded_deal where registry = ? order by deal"
        rows = self._db.execute(query, (self.agents.contract.account,)).fetchall()
        return [(deal, Guarded(Agreement(**json.loads(text)), agent)) for deal, text, agent in rows]

    async def _forget(self, deal: bytes) -> None:
        """Once its end is final: until then a reorganisation may open the dispute again."""
        outbox = self.escrow.outbox
        head = await outbox.node.head()
        ends = await find_logs(outbox.node, self.escrow.escrow, [SETTLED, deal])
        if ends and outbox.watch.deep_enough(ends[-1].block, head.number):
            where = "delete from guarded_deal where registry = ? and deal = ?"
            self._db.execute(where, (self.agents.contract.account, deal))
