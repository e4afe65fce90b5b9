"""Many JSON-RPC requests at once: one HTTP request, or one trip to the embedded chain's thread.

web3's own batches refuse to send transactions; its providers do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from coase.errors import ChainUnavailable, MissingExtra

try:
    from aiohttp import ClientError, ClientResponseError
    from web3.exceptions import (
        BadResponseFormat,
        ProviderConnectionError,
        RequestTimedOut,
        TooManyRequests,
    )
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

if TYPE_CHECKING:
    from web3.providers.async_base import AsyncBaseProvider

Request = tuple[str, list[Any]]
"""A method and its parameters."""

LIMIT = 100  # requests in one batch: what common nodes take
SILENCE = (
    TimeoutError,
    OSError,
    ClientError,
    ProviderConnectionError,
    RequestTimedOut,
    TooManyRequests,
    BadResponseFormat,  # what answers is no node
    JSONDecodeError,
    UnicodeDecodeError,
)


async def ask_all(provider: AsyncBaseProvider, requests: Sequence[Request]) -> list[dict[str, Any] | Exception]:
    """The JSON-RPC answer to each request, in order; where there was none, what happened instead.

    A provider or a node that knows no batches is asked one by one.

    Raises:
        ChainUnavailable: the chain is closed, or its disk is full: asking again does not help.
    """
    found: list[dict[str, Any] | Exception] = []
    for start in range(0, len(requests), LIMIT):
        part = requests[start : start + LIMIT]
        answers = await _at_once(provider, part) if len(part) > 1 else None
        found += answers if answers is not None else [await _one(provider, *request) for request in part]
    return found


async def _at_once(provider: AsyncBaseProvider, requests: Sequence[Request]) -> list[dict[str, Any] | Exception] | None:
    """None when this provider or node does not take batches."""
    asked: Any = list(requests)
    try:
        answers: Any = await provider.make_batch_request(asked)
    except (NotImplementedError, LookupError, TypeError, AttributeError):  # web3's own take all answers for well formed
        return None
    except ClientResponseError as error:  # some servers fail on what they do not expect
        return None if error.status < 502 and error.status != 429 else [error for _ in requests]
    except SILENCE as error:
        return [error for _ in requests]
    except ChainUnavailable as error:
        if error.code != ChainUnavailable.default_code:
            raise
        return [error for _ in requests]
    if not isinstance(answers, list) or len(answers) != len(requests):
        return None
    ids = [answer.get("id") if isinstance(answer, dict) else None for answer in answers]
    if not isinstance(ids[0], int) or ids != list(range(ids[0], ids[0] + len(ids))):
        return None  # an answer is missing, or given twice
    return answers


async def _one(provider: AsyncBaseProvider, method: str, params: list[Any]) -> dict[str, Any] | Exception:
    asked: Any = (method, params)
    try:
        answer: Any = await provider.make_request(*asked)
    except SILENCE as error:
        return error
    except ChainUnavailable as error:
        if error.code != ChainUnavailable.default_code:
            raise
        return error
    return answer if isinstance(answer, dict) else ChainUnavailable("what answers is no node")
