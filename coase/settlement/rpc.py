"""A chain behind a node's JSON-RPC."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

from coase.errors import ChainUnavailable, ConfigurationError, MissingExtra, UsageError
from coase.settlement.http import HttpProvider
from coase.settlement.node import Node
from coase.settlement.policy import Policy, confirmed
from coase.settlement.provider import connect
from coase.settlement.records import Patience

try:
    from web3.exceptions import BlockNotFound
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

if TYPE_CHECKING:
    from web3 import AsyncWeb3


BLOCKS = 6  # that a chain we know nothing about must have from a transaction's block on, itself included


class RpcChain:
    """A `ChainBackend` behind a node. Enter it to connect: ``async with RpcChain("http://127.0.0.1:8545") as chain``.

    Args:
        url: http or https.
        chain_id: what the node should say; None takes what it says.
        timeout: seconds to wait for one answer.
        policy: when a transaction is final there; None: in a block with five more on top of it.
        patience: how often to ask again; its pause is also how often `wait` looks at the time.
        moves_time: `wait` has the node move its time on (``evm_increaseTime``) rather than wait: for chains of
            development, one of `coase chain up` above all, whose time stands still while nobody sends.

    Raises (on entering):
        ChainUnavailable: the node does not answer.
        ConfigurationError: it serves another chain.
    """

    def __init__(
        self,
        url: str,
        *,
        chain_id: int | None = None,
        timeout: float = 10.0,
        patience: Patience | None = None,
        moves_time: bool = False,
        policy: Policy | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{url!r} is not the address of a node", hint="http://host:port")
        self.url, self.moves_time = url, moves_time
        self.policy = policy or Policy(confirmed(BLOCKS))
        self._provider = HttpProvider(url, timeout)
        self._w3 = connect(self._provider)
        self._node = Node(self._w3, patience or Patience())
        self._expected, self._chain_id = chain_id, 0

    @property
    def w3(self) -> AsyncWeb3[Any]:
        """The connection."""
        return self._w3

    @property
    def chain_id(self) -> int:
        """What transactions are signed for; known once connected."""
        if not self._chain_id:
            raise ChainUnavailable("not connected yet", hint="use it inside `async with`", code="chain_closed")
        return self._chain_id

    async def now(self) -> int:
        """The timestamp of the pending block."""
        return await self._node.ask(self._pending_time)

    async def wait(self, seconds: int) -> None:
        """Return when that many seconds of the chain's time have passed."""
        if seconds < 0:
            raise UsageError(
                f"time cannot be moved by {seconds} seconds", hint="wait for seconds ahead", code="bad_wait"
            )
        await self.wait_until(await self.now() + seconds)

    async def wait_until(self, time: int) -> None:
        """Return when the pending block has at least this timestamp."""
        if self.moves_time and (missing := time - await self.now()) > 0:
            await self._node.ask(lambda: self._request("evm_increaseTime", missing))
            await self._request("evm_mine")  # which our own chain does not know, and does not need
            return
        while await self.now() < time:  # noqa: ASYNC110  # only the node knows, and it has to be asked
            await asyncio.sleep(self._node.patience.pause)

    async def __aenter__(self) -> RpcChain:
        try:
            found = await self._ask_chain_id()
        except BaseException:  # a connection that failed must leave no session
            await self.aclose()
            raise
        if self._expected not in (None, found):
            await self.aclose()
            raise ConfigurationError(
                f"the node serves chain {found}, not {self._expected}",
                hint="check the node's address",
                code="other_chain",
            )
        self._chain_id = found
        return self

    async def _request(self, method: str, *params: Any) -> None:
        asked: Any = (method, list(params))
        await self._provider.make_request(*asked)

    async def _pending_time(self) -> int:
        try:
            return int((await self._w3.eth.get_block("pending")).get("timestamp", 0))
        except BlockNotFound:  # this node keeps no pending block
            return int((await self._w3.eth.get_block("latest")).get("timestamp", 0)) + 1

    async def _ask_chain_id(self) -> int:
        try:
            found = int(await self._node.ask(lambda: self._w3.eth.chain_id))
        except (TypeError, ValueError, LookupError) as error:
            raise ChainUnavailable("what answers is no node", hint="check the address") from error
        if found <= 0:
            raise ChainUnavailable(f"the node says that its chain id is {found}", hint="check the address")
        return found

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._provider.disconnect()
