"""The embedded chain for other processes: who is served, and what nonsense gets."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from coase.errors import ConfigurationError
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.server import serve

ASK = {"jsonrpc": "2.0", "id": 7, "method": "eth_blockNumber", "params": []}


async def post(
    url: str, *, data: bytes | None = None, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    async with ClientSession() as session, session.post(url, data=data, json=body, headers=headers) as response:
        return response.status, await response.json()


async def test_requests_and_batches_are_answered_in_order(served: tuple[EmbeddedChain, str]) -> None:
    """Ids come back; what is no request gets an error in its place, and the others their answers."""
    _, url = served
    assert await post(url, body=ASK) == (200, {"jsonrpc": "2.0", "id": 7, "result": "0x0"})
    _, found = await post(url, body=[ASK, 5, {**ASK, "id": "x", "method": "eth_chainId"}, {**ASK, "params": 5}])
    assert [one.get("result") for one in found] == ["0x0", None, "0x7a69", None]
    assert [one["id"] for one in found] == [7, None, "x", None]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", -32700), (b"{", -32700), (b"[" * 100_000, -32700), (b"[]", -32600), (b"5", -32600), (b"{}", -32600)],
)
async def test_nonsense_gets_an_error(served: tuple[EmbeddedChain, str], data: bytes, code: int) -> None:
    """Whatever comes, the answer is a JSON-RPC error and the chain goes on."""
    _, url = served
    assert (await post(url, data=data))[1]["error"]["code"] == code
    assert (await post(url, body=[ASK] * 1001))[1]["error"]["code"] == -32600
    assert (await post(url, body=ASK))[0] == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Origin": "null"}, {"Host": "example.com"}])
async def test_web_pages_are_not_served(served: tuple[EmbeddedChain, str], headers: dict[str, str]) -> None:
    """A page in a browser of this machine, or a site whose name leads here, gets nothing."""
    status, found = await post(served[1], body=ASK, headers=headers)
    assert (status, "result" in found) == (403, False)


async def test_a_port_that_is_taken_is_said(served: tuple[EmbeddedChain, str]) -> None:
    """The error names the port."""
    chain, url = served
    with pytest.raises(ConfigurationError) as caught:
        async with serve(chain, int(url.rsplit(":", 1)[1])):
            pass
    assert caught.value.code == "port_taken"
