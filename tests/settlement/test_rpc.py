"""A chain behind HTTP, on loopback."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from coase.errors import ChainUnavailable, ConfigurationError, TransactionRefused, UsageError
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call
from coase.settlement.rpc import RpcChain
from coase.testing.chain import IMPATIENT


async def test_an_outbox_works_over_http(served: tuple[EmbeddedChain, str], alice: Identity, bob: Identity) -> None:
    """Client code is the same as in process: twenty payments at once are mined once each."""
    chain, url = served
    async with RpcChain(url, patience=IMPATIENT) as remote:
        assert remote.chain_id == chain.chain_id
        db = sqlite3.connect(":memory:", isolation_level=None)
        box = Outbox(remote.w3, alice, db, remote.chain_id, patience=IMPATIENT)
        receipts = await asyncio.gather(*(box.send(f"pay {n}", Call(bob.account, value=1)) for n in range(20)))
        db.close()
    assert sorted(receipt.block_number for receipt in receipts) == list(range(1, 21))
    assert await chain.w3.eth.get_balance(bob.account) == 20  # type: ignore[arg-type]


async def test_waiting_follows_the_nodes_time(served: tuple[EmbeddedChain, str]) -> None:
    """`wait_until` returns when the node's next block is late enough, and not before."""
    chain, url = served
    async with RpcChain(url, patience=IMPATIENT) as remote:
        start = await chain.now()
        assert await remote.now() == start
        waiting = asyncio.ensure_future(remote.wait_until(start + 10))
        await remote.now()
        await chain.wait(9)
        await remote.now()
        assert not waiting.done()
        await chain.wait(1)
        await waiting
        await remote.wait_until(await chain.now())
        await remote.wait(0)
        with pytest.raises(UsageError):
            await remote.wait(-1)


async def test_a_node_without_a_pending_block(
    served: tuple[EmbeddedChain, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next block is then at least a second after the latest."""
    chain, url = served
    provider: Any = chain.w3.provider
    plain = provider.make_request

    async def without(method: str, params: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "pending":
            return {"jsonrpc": "2.0", "id": 0, "result": None}
        return await plain(method, params)

    monkeypatch.setattr(provider, "make_request", without)
    async with RpcChain(url, patience=IMPATIENT) as remote:
        assert await remote.now() == chain.genesis.time + 1


async def test_a_node_of_another_chain_is_refused(served: tuple[EmbeddedChain, str]) -> None:
    """The chain id that was expected is checked before anything is signed."""
    with pytest.raises(ConfigurationError) as caught:
        await RpcChain(served[1], chain_id=1, patience=IMPATIENT).__aenter__()
    assert caught.value.code == "other_chain"


async def test_no_node_there(served: tuple[EmbeddedChain, str]) -> None:
    """A port where nobody listens is `ChainUnavailable`, not a library's error."""
    import socket

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ChainUnavailable):
            await RpcChain(f"http://127.0.0.1:{port}", patience=IMPATIENT).__aenter__()


async def test_a_node_that_hangs_is_given_up() -> None:
    """A server that accepts and never answers runs into the timeout, a bounded number of times."""
    served: list[asyncio.Task[Any] | None] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(ChainUnavailable):
            await RpcChain(f"http://127.0.0.1:{port}", timeout=0.01, patience=IMPATIENT).__aenter__()
    finally:
        server.close()
        await asyncio.gather(*(task for task in served if task))
        await server.wait_closed()
    assert len(served) == IMPATIENT.attempts


@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", b"", b"\xff\xfe", b"null", b"[]", b"7", b"{}", b'{"jsonrpc":"2.0","id":0}']
    + [b'{"jsonrpc":"2.0","id":0,"result":' + result + b"}" for result in (b"{}", b'"zz"', b"null", b'"-0x1"')]
    + [b'{"jsonrpc":"2.0","id":0,"error":' + error + b"}" for error in (b"{}", b'"no"', b"[]", b'{"code":"x"}')],
)
async def test_nonsense_instead_of_answers_is_a_settlement_error(body: bytes) -> None:
    """A web server that is no node ends in our errors, whatever it says."""
    from aiohttp import web

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_post("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises((ChainUnavailable, TransactionRefused)):
            await RpcChain(f"http://127.0.0.1:{port}", patience=IMPATIENT).__aenter__()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("url", ["", "localhost:8545", "file:///etc/passwd", "ftp://x"])
def test_other_addresses_are_refused(url: str) -> None:
    """Only http and https."""
    with pytest.raises(ConfigurationError):
        RpcChain(url)


def test_a_chain_id_is_known_once_connected() -> None:
    """Before that, asking is an error rather than zero."""
    with pytest.raises(ChainUnavailable):
        assert RpcChain("http://127.0.0.1:1").chain_id
