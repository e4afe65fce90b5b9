"""JSON-RPC over HTTP: one kept-alive session, batches, and no answer larger than we are ready to read.

web3's own provider opens a connection for each request and reads whatever comes.
"""

from __future__ import annotations

from typing import Any

from coase.errors import ChainUnavailable, MissingExtra
from coase.terms.reading import read_json

try:
    from aiohttp import ClientSession, ClientTimeout, TCPConnector
    from web3.providers.async_base import AsyncJSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

MOST_BYTES = 32 * 2**20  # of one answer: 10,000 logs fit
CONNECTIONS = 32


class HttpProvider(AsyncJSONBaseProvider):
    """What `AsyncWeb3` talks to.

    Args:
        url: http or https.
        timeout: seconds to wait for one answer.
    """

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__()
        self.url, self.timeout = url, timeout
        self._session: ClientSession | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask one thing. Raises what aiohttp raises; `ChainUnavailable` when what answers is no node."""
        answer: Any = await self._post(self.encode_rpc_request(method, params))
        if not isinstance(answer, dict):
            raise ChainUnavailable("what answers is no node", hint="check the address")
        return answer  # type: ignore[return-value]

    async def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Ask many things at once. The answers in the order of their ids; a single one when the node takes no batch."""
        answers: Any = await self._post(self.encode_batch_rpc_request(requests))
        if isinstance(answers, list) and all(isinstance(one, dict) and type(one.get("id")) is int for one in answers):
            answers.sort(key=lambda one: one["id"])
        return answers  # type: ignore[no-any-return]

    async def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the node answers."""
        return "result" in await self.make_request(RPCEndpoint("web3_clientVersion"), [])

    async def disconnect(self) -> None:
        """Close the session; the next request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: bytes) -> Any:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=CONNECTIONS), timeout=ClientTimeout(self.timeout), raise_for_status=True
            )
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise ChainUnavailable(f"an answer of more than {MOST_BYTES} bytes", hint="ask for less at once")
        return read_json(content)
