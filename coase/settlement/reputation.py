"""What clients say about agents, after deals that were delivered (ERC-8004): said, taken back, answered, summed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import SettlementError, UsageError
from coase.identity import checksum
from coase.settlement.agent_registry import struct
from coase.settlement.bound import Bound, Record
from coase.settlement.outbox import Outbox
from coase.settlement.records import Receipt
from coase.terms.agreement import Agreement

if TYPE_CHECKING:
    from web3 import AsyncWeb3

DECIMALS = 18  # of sums, and the most that a value may have
LARGEST = 10**20  # in size, of a value
LONGEST_TAG = 31  # bytes


@dataclass(frozen=True)
class Said:
    """What a client says about an agent: `value` with `decimals`, under up to two tags, and where to read more.

    Args:
        value: a whole number, 5 with 1 decimal for 0.5.
        tag, tag2: what it is about, at most 31 bytes each.
        endpoint, uri: where the agent was used, and where a report can be read; empty for none.
        report: 32 bytes, the report's hash; zeros for none.
    """

    value: int
    decimals: int = 0
    tag: str = ""
    tag2: str = ""
    endpoint: str = ""
    uri: str = ""
    report: bytes = bytes(32)

    def __post_init__(self) -> None:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or abs(self.value) > LARGEST:
            raise UsageError(f"a value is a whole number up to {LARGEST}, not {str(self.value)[:40]}", code="bad_value")
        if self.decimals not in range(DECIMALS + 1) or len(self.report) != 32:
            raise UsageError(f"a value has 0 to {DECIMALS} decimals, a report's hash 32 bytes", code="bad_value")
        if max(len(tag.encode()) for tag in (self.tag, self.tag2)) > LONGEST_TAG:
            raise UsageError(f"a tag has at most {LONGEST_TAG} bytes", code="bad_tag")


@dataclass(frozen=True)
class Sum:
    """What was said about an agent under a tag and not taken back: how often, and the total in 18 decimals."""

    count: int
    total: int

    @property
    def mean(self) -> float | None:
        """For people; None when nothing was said."""
        return self.total / self.count / 10**DECIMALS if self.count else None


class ReputationClient:
    """The reputation registry, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`."""

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, reputation: str) -> None:
        self.outbox = outbox
        self.contract = Bound(w3, outbox, "Reputation", reputation)

    async def use_receipt(self, intent: str, agreement: Agreement, agent: int, record: Record = None) -> Receipt:
        """The buyer of a deal that was delivered and is over may say one thing about the agent."""
        return await self.contract.send(intent, "useReceipt", struct(agreement), agent, record=record)

    async def say(self, intent: str, agent: int, said: Said, record: Record = None) -> int:
        """Say it, for one receipt used; its index among what we have said about the agent, from 1."""
        row = (said.value, said.decimals, said.tag, said.tag2, said.endpoint, said.uri, said.report)
        receipt = await self.contract.send(intent, "giveFeedback", agent, *row, record=record)
        found = self.contract.events(receipt, "NewFeedback")
        if len(found) != 1 or found[0].values["agentId"] != agent:
            raise SettlementError("the receipt does not show what we said", hint="ask another node", code="bad_event")
        return int(found[0].values["feedbackIndex"])

    async def take_back(self, intent: str, agent: int, index: int, record: Record = None) -> Receipt:
        """Take back what we said."""
        return await self.contract.send(intent, "revokeFeedback", agent, index, record=record)

    async def answer(
        self, intent: str, agent: int, client: str, index: int, uri: str, report: bytes, record: Record = None
    ) -> Receipt:
        """Anyone answers to what a client said: where the answer can be read, and its hash (32 bytes)."""
        return await self.contract.send(
            intent, "appendResponse", agent, checksum(client), index, uri, report, record=record
        )

    # ---- reading

    async def sum_of(self, agent: int, tag: str) -> Sum:
        """All that was said under a first tag, whoever said it. Clients may be the agent's friends: see `said_by`."""
        return Sum(*map(int, await self.contract.read("sumOf", agent, tag)))

    async def clients(self, agent: int) -> list[str]:
        """Everybody who said something about the agent."""
        return [checksum(one) for one in await self.contract.read("getClients", agent)]

    async def said_by(self, agent: int, client: str) -> list[tuple[Said, bool]]:
        """What a client said about an agent, oldest first, and whether it was taken back. At most 1,000 are read."""
        last = min(int(await self.contract.read("getLastIndex", agent, checksum(client))), 1_000)
        found = []
        for index in range(1, last + 1):
            value, decimals, tag, tag2, revoked = await self.contract.read(
                "readFeedback", agent, checksum(client), index
            )
            found.append((Said(int(value), int(decimals), str(tag), str(tag2)), bool(revoked)))
        return found

    async def rights(self, agent: int, client: str) -> int:
        """How many things a client may still say about an agent."""
        return int(await self.contract.read("rights", agent, checksum(client)))
