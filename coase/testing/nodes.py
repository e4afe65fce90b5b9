"""Nodes that lie, lag behind, or are down: providers in front of an honest one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from coase.errors import MissingExtra

try:
    from web3.providers.async_base import AsyncJSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

_RECEIPT = "eth_getTransactionReceipt"


class Lie(Enum):
    """What a node may say of a receipt."""

    NONE = "none"
    HIDDEN = "hidden"  # that there is none
    BLOCK = "block"  # that it is in another block
    STATUS = "status"  # that it failed, or that it did not
    FOREIGN = "foreign"  # gives that of another transaction


class LyingNode(AsyncJSONBaseProvider):
    """Lies about receipts, in the order given; then, if `always` is set, so for ever.

    Args:
        inner: who knows the truth.
        lies: one for each receipt that exists and is asked for.
        always: what comes after them.
    """

    def __init__(self, inner: AsyncJSONBaseProvider, lies: Iterable[Lie], always: Lie = Lie.NONE) -> None:
        super().__init__()
        self.inner, self.lies, self.always = inner, deque(lies), always
        self.told = 0
        self._known: dict[str, Any] = {}

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request, truly or not."""
        answer: Any = await self.inner.make_request(method, params)
        truth = answer.get("result") if method == _RECEIPT else None
        if truth is None:
            return answer  # type: ignore[no-any-return]
        lie = self.lies.popleft() if self.lies else self.always
        self.told += lie is not Lie.NONE
        return {**answer, "result": self._twisted(truth, lie)}  # type: ignore[typeddict-item]

    def _twisted(self, truth: dict[str, Any], lie: Lie) -> Any:
        self._known[truth["transactionHash"]] = truth
        others = [known for wanted, known in self._known.items() if wanted != truth["transactionHash"]]
        return {
            Lie.NONE: truth,
            Lie.HIDDEN: None,
            Lie.BLOCK: {**truth, "blockHash": "0x" + "ab" * 32},
            Lie.STATUS: {**truth, "status": hex(1 - int(truth["status"], 16))},
            Lie.FOREIGN: others[-1] if others else {**truth, "transactionHash": "0x" + "cd" * 32},
        }[lie]


class StaleNode(AsyncJSONBaseProvider):
    """Answers questions with what it would have said some questions ago, like a replica that lags.

    Args:
        inner: who is up to date, and takes what is sent.
        lag: how many times the same question must be asked before an answer comes out.
    """

    def __init__(self, inner: AsyncJSONBaseProvider, lag: int = 2) -> None:
        super().__init__()
        self.inner, self.lag = inner, lag
        self._past: dict[str, deque[Any]] = {}

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request."""
        answer: Any = await self.inner.make_request(method, params)
        if method == "eth_sendRawTransaction" or "error" in answer:
            return answer  # type: ignore[no-any-return]
        past = self._past.setdefault(f"{method}{params}", deque(maxlen=self.lag + 1))
        past.append(answer)
        return past[0]  # type: ignore[no-any-return]


class DownNode(AsyncJSONBaseProvider):
    """Cannot be reached for some time.

    Args:
        inner: who answers at other times.
        time: the clock, in seconds; that of the loop, for example.
        since, until: when it is down.
    """

    def __init__(self, inner: AsyncJSONBaseProvider, time: Callable[[], float], since: float, until: float) -> None:
        super().__init__()
        self.inner, self.time, self.since, self.until = inner, time, since, until
        self.refused = 0

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request, or refuse the connection."""
        if self.since <= self.time() < self.until:
            self.refused += 1
            raise ConnectionRefusedError("the node is down")
        return await self.inner.make_request(method, params)
