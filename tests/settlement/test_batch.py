"""Many requests at once: answers in order, or asked one by one."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponseError, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from web3.providers.async_base import AsyncJSONBaseProvider
from yarl import URL

from coase.errors import ChainUnavailable
from coase.settlement.batch import LIMIT, ask_all


class Numbers(AsyncJSONBaseProvider):
    """Answers each request with its parameter; a batch with what `batch` makes of the right answers."""

    def __init__(self, batch: Any = None) -> None:
        super().__init__()
        self.batch, self.single, self.batches = batch, 0, 0

    async def make_request(self, method: Any, params: Any) -> Any:
        self.single += 1
        return {"jsonrpc": "2.0", "id": 0, "result": params[0]}

    async def make_batch_request(self, requests: Any) -> Any:
        self.batches += 1
        if self.batch is None:
            raise NotImplementedError
        good = [{"jsonrpc": "2.0", "id": 40 + n, "result": params[0]} for n, (_, params) in enumerate(requests)]
        found = self.batch(good)
        if isinstance(found, Exception):
            raise found
        return found


def asked(count: int) -> list[tuple[str, list[Any]]]:
    """So many requests."""
    return [("echo", [n]) for n in range(count)]


def answered(status: int) -> ClientResponseError:
    """What aiohttp raises for a status."""
    url = URL("http://node")
    return ClientResponseError(RequestInfo(url, "POST", CIMultiDictProxy(CIMultiDict()), url), (), status=status)


async def test_a_batch_is_one_request() -> None:
    """As long as it is no longer than nodes take; one request alone is no batch."""
    node = Numbers(lambda good: good)
    found = await ask_all(node, asked(2 * LIMIT + 1))
    assert [one["result"] for one in found if isinstance(one, dict)] == list(range(2 * LIMIT + 1))
    assert (node.batches, node.single) == (2, 1)


@pytest.mark.parametrize(
    "batch",
    [
        None,
        lambda good: good[:-1],
        lambda good: [*good, good[0]],
        lambda good: [good[0], good[0], *good[2:]],
        lambda good: good[::-1],
        lambda good: [{**one, "id": None} for one in good],
        lambda good: [{**one, "id": "x"} for one in good],
        lambda good: [5 for _ in good],
        lambda good: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}},
        lambda good: "no",
        lambda good: None,
        lambda good: KeyError("id"),
        lambda good: answered(500),
        lambda good: answered(400),
    ],
)
async def test_a_batch_that_is_not_answered_well_is_asked_one_by_one(batch: Any) -> None:
    """Too few, too many, twice the same, out of order, no ids, an error for all, a server that stumbles."""
    node = Numbers(batch)
    found = await ask_all(node, asked(5))
    assert [one["result"] for one in found if isinstance(one, dict)] == list(range(5))
    assert node.single == 5


@pytest.mark.parametrize(
    "silence", [TimeoutError(), ConnectionResetError(), ChainUnavailable("gone"), answered(429), answered(503)]
)
async def test_silence_is_silence_for_all(silence: Exception) -> None:
    """Nobody is asked again here: whoever has patience does that."""
    node = Numbers(lambda good: silence)
    assert await ask_all(node, asked(3)) == [silence] * 3
    assert node.single == 0


async def test_a_closed_chain_is_no_silence() -> None:
    """Asking again would not help."""
    with pytest.raises(ChainUnavailable):
        await ask_all(Numbers(lambda good: ChainUnavailable("closed", code="chain_closed")), asked(3))
