"""When a transaction counts as done, and what may be paid so that it gets done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from coase.errors import ConfigurationError


@dataclass(frozen=True)
class Finality:
    """How sure one must be that the block of a transaction stays, before one acts on it.

    Args:
        blocks: how many blocks there must be from that one on, itself included; 1 means mined.
        tag: a block that the node itself calls "safe" or "finalized" must be as high; empty for none.
    """

    blocks: int = 1
    tag: Literal["", "safe", "finalized"] = ""

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= 10_000:
            raise ConfigurationError(f"finality is 1 to 10,000 blocks, not {self.blocks}", code="bad_finality")
        if self.tag not in ("", "safe", "finalized"):
            raise ConfigurationError(
                f"a node knows no block {self.tag!r}", hint="safe, finalized or nothing", code="bad_finality"
            )

    def reached(self, block: int, head: int, tagged: int | None) -> bool:
        """Whether a block is sure enough, with the chain at `head` and the tag, if there is one, at `tagged`."""
        return head - block + 1 >= self.blocks and (not self.tag or (tagged is not None and block <= tagged))


MINED = Finality()
"""In a block. Enough where blocks never go away: on an embedded chain."""

FINALIZED = Finality(tag="finalized")
"""What a chain with proof of stake will not undo."""


def confirmed(blocks: int) -> Finality:
    """In a block with `blocks` - 1 more on top of it."""
    return Finality(blocks)


@dataclass(frozen=True)
class FeePolicy:
    """What to pay for a unit of gas (EIP-1559), and when to raise it.

    Args:
        raise_after: blocks that go by without it before the first of the waiting transactions is replaced.
        percent: by how much its fees grow then; nodes take a replacement from 10% on.
        ceiling: the most to pay, in wei for a unit of gas; None for no limit.
    """

    raise_after: int = 3
    percent: float = 12.5
    ceiling: int | None = None

    def __post_init__(self) -> None:
        if self.raise_after < 1 or not 10 <= self.percent <= 1000:
            raise ConfigurationError("raise after 1 block or more, by 10 to 1000 percent", code="bad_fees")
        if self.ceiling is not None and self.ceiling <= 0:
            raise ConfigurationError(f"nothing can be sent for {self.ceiling} wei a unit of gas", code="bad_fees")

    def raised(self, fees: tuple[int, int], market: tuple[int, int]) -> tuple[int, int] | None:
        """(the most to pay, the tip) of a replacement; None when the ceiling does not allow one.

        Args:
            fees: of the transaction that waits.
            market: what a new one would pay now.
        """
        thousandths = 1000 + round(self.percent * 10)
        most, tip = (max(-(-fee * thousandths // 1000), now) for fee, now in zip(fees, market, strict=True))
        return None if self.ceiling is not None and most > self.ceiling else (most, tip)


@dataclass(frozen=True)
class Policy:
    """How an outbox deals with its transactions.

    Args:
        finality: when their outcome is final, hence when `Outbox.send` returns unless told otherwise.
        fees: what it pays.
    """

    finality: Finality = MINED
    fees: FeePolicy = field(default_factory=FeePolicy)
