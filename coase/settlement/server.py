"""The embedded chain for other processes: JSON-RPC over HTTP on loopback.

Only programs of this machine may ask. A web page in a browser on it may not: requests with an `Origin`, or with a
`Host` that is a name, are refused, so that no site can reach the chain by a name that leads here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from coase.errors import ChainUnavailable, ConfigurationError, MissingExtra
from coase.settlement.embedded import EmbeddedChain
from coase.terms.reading import read_json

try:
    from aiohttp import web
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

HERE = "127.0.0.1"
MOST_BYTES = 8 * 2**20  # of one request
MOST_AT_ONCE = 1000  # requests in a batch


@asynccontextmanager
async def serve(chain: EmbeddedChain, port: int = 0) -> AsyncIterator[str]:
    """Serve a running chain; gives the URL.

    Args:
        port: 0 for any free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post("/", _Face(chain).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HERE, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be served: {error.strerror or error}",
                hint="choose another with --port, or 0 for any free one",
                code="port_taken",
            ) from error
        yield f"http://{HERE}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class _Face:
    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain

    async def answer(self, request: web.Request) -> web.Response:
        if "Origin" in request.headers or request.host.split(":")[0] != HERE:
            return web.json_response(_error(None, -32600, "only programs of this machine are served"), status=403)
        try:
            body = read_json(await request.read())
        except ValueError:
            return web.json_response(_error(None, -32700, "not JSON"))
        if not isinstance(body, list):
            return web.json_response((await self._all([body]))[0])
        if not 0 < len(body) <= MOST_AT_ONCE:
            return web.json_response(_error(None, -32600, f"a batch has 1 to {MOST_AT_ONCE} requests"))
        return web.json_response(await self._all(body))

    async def _all(self, requests: list[Any]) -> list[dict[str, Any]]:
        """The answers, in order; what is no request gets an error of its own."""
        good = [request for request in requests if _well_formed(request)]
        provider: Any = self._chain.w3.provider
        try:
            found = iter(await provider.make_batch_request([(one["method"], one.get("params", [])) for one in good]))
        except ChainUnavailable as error:
            return [_error(None, -32000, error.message) for _ in requests]
        return [
            {**next(found), "id": request.get("id")}
            if _well_formed(request)
            else _error(None, -32600, "not a JSON-RPC request")
            for request in requests
        ]


def _well_formed(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and isinstance(request.get("method"), str)
        and isinstance(request.get("params", []), list)
        and isinstance(request.get("id"), int | str | None)
    )


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
