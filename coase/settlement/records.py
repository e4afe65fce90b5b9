"""What goes to a chain and what comes back. Plain values, no web3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """What a transaction should do.

    Args:
        to: the contract or account; None creates a contract from `data`.
        data: selector and arguments, or the code that creates.
        value: wei that go along.
        gas: the limit; None asks the node for an estimate and adds a quarter.
    """

    to: str | None
    data: bytes = b""
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True)
class Log:
    """One event of a contract: `topics[0]` is the event's hash, `data` its other arguments."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction.

    Args:
        hash: of the transaction, 0x and 64 hexadecimal digits; `block_hash` alike.
        gas_used: units of gas.
        status: 1 when it did what it should, 0 when it reverted.
        contract: the account of the contract that it created, or None.
    """

    hash: str
    block_number: int
    block_hash: str
    gas_used: int
    status: int
    logs: tuple[Log, ...] = ()
    contract: str | None = None


@dataclass(frozen=True)
class Header:
    """A block without its transactions. Times are in seconds, the base fee in wei for a unit of gas."""

    number: int
    hash: str
    parent: str
    time: int
    base_fee: int


@dataclass(frozen=True)
class Patience:
    """How long to bear with a node.

    Args:
        attempts: how often one request is tried when it is not answered; the pause doubles each time.
        polls: how often to look for a receipt before doubting that the node still has the transaction.
        rounds: how often to send it again then; after that `ChainUnavailable`.
        pause: seconds between looks.
    """

    attempts: int = 4
    polls: int = 20
    rounds: int = 6
    pause: float = 0.5

    def __post_init__(self) -> None:
        if min(self.attempts, self.polls, self.rounds) < 1 or self.pause < 0:
            raise ValueError("attempts, polls and rounds are at least 1, and a pause is not negative")
