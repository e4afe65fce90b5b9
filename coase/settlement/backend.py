"""The one seam to a chain: what settlement needs of it, whoever runs it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from web3 import AsyncWeb3

    from coase.settlement.policy import Policy


class ChainBackend(Protocol):
    """A chain one can talk to between entering and leaving its context.

    `coase.settlement.embedded.EmbeddedChain` runs one in this process, `coase.settlement.rpc.RpcChain` talks to a node.
    """

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        ...

    @property
    def chain_id(self) -> int:
        """What transactions are signed for (EIP-155)."""
        ...

    @property
    def policy(self) -> Policy:
        """When a transaction on this chain is final, and what to pay for it."""
        ...

    async def now(self) -> int:
        """The timestamp (seconds) that the next block would have. Deadlines are compared with this, never a clock."""
        ...

    async def wait(self, seconds: int) -> None:
        """Return when the next block would be `seconds` later than now.

        An embedded chain, where no time passes while nobody sends, moves its time on instead. `UsageError` when
        `seconds` is negative.
        """
        ...

    async def wait_until(self, time: int) -> None:
        """Return when the next block would have at least this timestamp; at once when it already has.

        Of several parties that wait for one deadline, this moves an embedded chain's time only once.
        """
        ...

    async def aclose(self) -> None:
        """Let go of it. More than once does no harm."""
        ...

    async def __aenter__(self) -> ChainBackend: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
