"""Reading events from a node that may not like large ranges: as many blocks as it takes, fewer when it balks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coase.errors import ChainUnavailable, CoaseError, SettlementError, TransactionRefused
from coase.settlement import answers
from coase.settlement.node import Node
from coase.settlement.records import Log

MOST_BLOCKS = 2**40
MOST_LOGS = 100_000  # in one answer


@dataclass(frozen=True)
class FoundLog:
    """One event, and where it is. Hashes are 0x and 64 hexadecimal digits."""

    log: Log
    block: int
    block_hash: str
    index: int
    transaction: str


class LogReader:
    """The events of some contracts.

    Args:
        node: who is asked.
        addresses: of the contracts; at least one.
        topics: for each position, the topics that are wanted; None for any.
        span: how many blocks to ask for at first. It doubles with each answer, and halves with each refusal.
    """

    def __init__(
        self, node: Node, addresses: Sequence[str], topics: Sequence[Sequence[bytes] | None] = (), *, span: int = 1_000
    ) -> None:
        self.node, self.addresses, self.span = node, list(addresses), span
        self._known = {address.lower() for address in addresses}
        self._topics = [None if wanted is None else ["0x" + topic.hex() for topic in wanted] for wanted in topics]

    async def read(self, low: int, high: int) -> tuple[list[FoundLog], int]:
        """The events from block `low` on, and the last block that was looked into, at most `high`.

        Raises:
            SettlementError: the node does not answer even for one block.
        """
        while True:
            last = min(high, low + self.span - 1)
            try:
                found = await self._ask(low, last)
            except (TransactionRefused, ChainUnavailable) as error:
                if self.span == 1 or last == low:
                    raise
                if isinstance(error, ChainUnavailable) and error.code not in (error.default_code, "bad_answer"):
                    raise
                self.span = max(1, min(self.span, high - low + 1) // 2)
                continue
            self.span = min(self.span * 2, MOST_BLOCKS)
            return found, last

    async def _ask(self, low: int, high: int) -> list[FoundLog]:
        query: dict[str, Any] = {"address": self.addresses, "fromBlock": hex(low), "toBlock": hex(high)}
        if self._topics:
            query["topics"] = self._topics
        (found,) = await self.node.ask_all([("eth_getLogs", [query])], [lambda value: self._parse(value, low, high)])
        if isinstance(found, SettlementError):
            raise found
        return list(found)

    def _parse(self, value: Any, low: int, high: int) -> list[FoundLog]:
        if not isinstance(value, list) or len(value) > MOST_LOGS:
            raise answers.nonsense("events", value)
        try:
            found = [_read(entry) for entry in value if not entry.get("removed")]
        except (LookupError, TypeError, ValueError, AttributeError, CoaseError) as error:
            raise answers.nonsense("events", value) from error
        for one in found:
            if not low <= one.block <= high or one.log.address.lower() not in self._known:
                raise answers.nonsense(f"events of blocks {low} to {high}", one)
        return sorted(found, key=lambda one: (one.block, one.index))


async def find_logs(
    node: Node, address: str, topics: Sequence[bytes | None], *, since: int = 0, limit: int = 1_000
) -> list[FoundLog]:
    """Every event of a contract with these topics (None: any), oldest first, in one request where the node takes it.

    Raises:
        SettlementError: there are more than `limit`, or the node does not answer.
    """
    head = (await node.head()).number
    wanted = [None if topic is None else [topic] for topic in topics]
    reader = LogReader(node, [address], wanted, span=max(1, head - since + 1))
    found: list[FoundLog] = []
    low = since
    while low <= head:
        part, last = await reader.read(low, head)
        found += part
        low = last + 1
        if len(found) > limit:
            raise SettlementError(f"more than {limit} events", hint="an indexer reads them all", code="too_many_events")
    return found


def _read(entry: Any) -> FoundLog:
    place = {name: entry[name].lower() for name in ("blockHash", "transactionHash")}
    if any(len(bytes.fromhex(value[2:])) != 32 for value in place.values()):
        raise ValueError("a hash is 32 bytes")
    index, block = answers.number(entry["logIndex"]), answers.number(entry["blockNumber"])
    return FoundLog(answers.log(entry), block, place["blockHash"], index, place["transactionHash"])
